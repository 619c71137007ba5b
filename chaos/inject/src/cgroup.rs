//! Control groups, of both generations: where a container's control files are, and joining its group.

use super::DockerError;
use super::processes::Process;
use super::step::{Run, Step};
use std::path::PathBuf;

/// Where the system mounts them.
const ROOT: &str = "/sys/fs/cgroup";

/// A control file in both generations.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) controller: &'static str,
    pub(super) first: &'static str,
    pub(super) second: &'static str,
}

/// Which generation rules a controller here, and the group's directory.
pub(super) enum Group {
    First(PathBuf),
    Second(PathBuf),
}

pub(super) const MEMORY_LIMIT: File = File {
    controller: "memory",
    first: "memory.limit_in_bytes",
    second: "memory.max",
};
pub(super) const MEMORY_USED: File = File {
    controller: "memory",
    first: "memory.usage_in_bytes",
    second: "memory.current",
};
pub(super) const PROCESSES_LIMIT: File = File {
    controller: "pids",
    first: "pids.max",
    second: "pids.max",
};
pub(super) const PROCESSES_USED: File = File {
    controller: "pids",
    first: "pids.current",
    second: "pids.current",
};

/// The container's control group of a controller. A path without the container's id belongs to another group.
pub(super) fn group(run: &Run, controller: &str) -> Result<Group, DockerError> {
    let missing = |why: &str| DockerError::Impossible(format!("container {}: {why}", run.name));
    let text = std::fs::read_to_string(format!("/proc/{}/cgroup", run.process.pid))
        .map_err(|error| missing(&format!("cannot read its control groups: {error}")))?;
    let group = parse(&text, controller)
        .ok_or_else(|| missing(&format!("no control group for {controller}")))?;
    let (Group::First(path) | Group::Second(path)) = &group;
    if path
        .components()
        .any(|part| part.as_os_str().to_string_lossy().contains(&run.id))
    {
        return Ok(group);
    }
    Err(missing(&format!(
        "its control group {} does not contain its id",
        path.display()
    )))
}

fn parse(text: &str, controller: &str) -> Option<Group> {
    let mut second = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let number = parts.next()?;
        let names = parts.next()?;
        let path = parts.next()?.trim_start_matches('/');
        if names.split(',').any(|name| name == controller) {
            return Some(Group::First(
                PathBuf::from(ROOT).join(controller).join(path),
            ));
        }
        if number == "0" {
            second = Some(Group::Second(PathBuf::from(ROOT).join(path)));
        }
    }
    second
}

/// The path of a control file.
pub(super) fn path(run: &Run, file: File) -> Result<PathBuf, DockerError> {
    Ok(match group(run, file.controller)? {
        Group::First(directory) => directory.join(file.first),
        Group::Second(directory) => directory.join(file.second),
    })
}

/// The content of a control file.
pub(super) fn read(run: &Run, file: File) -> Result<String, DockerError> {
    let path = path(run, file)?;
    let text = std::fs::read_to_string(&path);
    text.map(|text| text.trim().to_owned()).map_err(|error| {
        DockerError::Impossible(format!("cannot read {}: {error}", path.display()))
    })
}

/// A step that writes a value and brings the present one back.
pub(super) fn limit(run: &Run, file: File, during: String) -> Result<Step, DockerError> {
    let after = read(run, file)?;
    Ok(Step::Control {
        run: run.clone(),
        file: path(run, file)?,
        during,
        after,
    })
}

/// Share of one processor, in percent; a quota in both generations.
pub(super) fn cpu(run: &Run, percent: u64) -> Result<Step, DockerError> {
    /// The kernel's own period; quotas are counted in it.
    const PERIOD_US: u64 = 100_000;
    let quota_us = PERIOD_US.saturating_mul(percent) / 100;
    let file = File {
        controller: "cpu",
        first: "cpu.cfs_quota_us",
        second: "cpu.max",
    };
    let during = match group(run, "cpu")? {
        Group::First(_) => quota_us.to_string(),
        Group::Second(_) => format!("{quota_us} {PERIOD_US}"),
    };
    limit(run, file, during)
}

/// Bytes a second that may be written to one device, and read from it.
pub(super) fn io(run: &Run, device: &str, bytes_per_second: u64) -> Result<Vec<Step>, DockerError> {
    let control = |directory: &PathBuf, file: &str, during: String, after: String| Step::Control {
        run: run.clone(),
        file: directory.join(file),
        during,
        after,
    };
    Ok(match group(run, "blkio")? {
        Group::First(directory) => [
            "blkio.throttle.write_bps_device",
            "blkio.throttle.read_bps_device",
        ]
        .map(|file| {
            control(
                &directory,
                file,
                format!("{device} {bytes_per_second}"),
                format!("{device} 0"),
            )
        })
        .to_vec(),
        Group::Second(directory) => {
            let during = format!("{device} wbps={bytes_per_second} rbps={bytes_per_second}");
            vec![control(
                &directory,
                "io.max",
                during,
                format!("{device} wbps=max rbps=max"),
            )]
        }
    })
}

/// Puts a process into the container's groups of these controllers.
pub(super) fn join(run: &Run, process: Process, controllers: &[&str]) -> Result<(), DockerError> {
    for controller in controllers {
        let (Group::First(directory) | Group::Second(directory)) = group(run, controller)?;
        let path = directory.join("cgroup.procs");
        std::fs::write(&path, process.pid.to_string())
            .map_err(|error| DockerError::failed(&format!("join {}", path.display()), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_found_in_either_generation() {
        let both = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
        assert!(
            matches!(parse(both, "cpu"), Some(Group::First(path)) if path.ends_with("cpu/docker/abc"))
        );
        let second = "0::/system.slice/docker-abc.scope\n";
        assert!(
            matches!(parse(second, "cpu"), Some(Group::Second(path)) if path.ends_with("docker-abc.scope"))
        );
        assert!(parse("4:memory:/docker/abc\n", "cpu").is_none());
    }
}
