//! Faults of CPUs, memory and disk bandwidth, through the container's own control group.

use super::{Context, files};
use crate::step::{Step, Work};
use crate::units::mib;
use crate::{DockerError, cgroup};
use std::os::unix::fs::MetadataExt as _;

/// With less, a container would not even start.
const MEMORY_LIMIT_MIN: u64 = mib(8);

pub(crate) fn cpu_limit(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    // The kernel takes no quota below 1 ms in a period of 100 ms.
    Ok(vec![cgroup::cpu(
        &context.run,
        context.setting("percent").max(1),
    )?])
}

pub(crate) fn cpu_pressure(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    cgroup::group(&context.run, "cpu")?;
    Ok(vec![agent(
        context,
        Work::Burn {
            threads: context.setting("threads").max(1),
        },
    )])
}

pub(crate) fn memory_limit(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let used = number(&cgroup::read(&context.run, cgroup::MEMORY_USED)?)?;
    let share = (used / 100).saturating_mul(context.setting("percent"));
    let limit = if context.setting("mib") > 0 {
        mib(context.setting("mib"))
    } else {
        share
    }
    .max(MEMORY_LIMIT_MIN);
    Ok(vec![cgroup::limit(
        &context.run,
        cgroup::MEMORY_LIMIT,
        limit.to_string(),
    )?])
}

pub(crate) fn memory_pressure(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let used = number(&cgroup::read(&context.run, cgroup::MEMORY_USED)?)?;
    let limit = number(&cgroup::read(&context.run, cgroup::MEMORY_LIMIT)?).unwrap_or(u64::MAX);
    // A container without a limit would take the machine's memory: leave half of what the machine has free.
    let spare = limit.saturating_sub(used).min(machine_memory_free()? / 2);
    let bytes = (spare / 100)
        .saturating_mul(context.setting("percent"))
        .min(mib(context.setting("mib-max")));
    Ok(vec![agent(context, Work::Hold { bytes })])
}

pub(crate) fn io_limit(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let directory = files::directory(context)?;
    let path = files::seen_outside(context, &directory)?;
    let device = block_device(&path).ok_or_else(|| {
        DockerError::Impossible(format!(
            "{directory} of container {} is not on a block device",
            context.run.name
        ))
    })?;
    cgroup::io(
        &context.run,
        &device,
        context.setting("kib").max(1).saturating_mul(1_024),
    )
}

pub(crate) fn io_pressure(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let place = files::place(context)?;
    Ok(vec![agent(
        context,
        Work::Write {
            place,
            bytes_max: mib(context.setting("mib").max(1)),
        },
    )])
}

pub(crate) fn process_limit(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let now = number(&cgroup::read(&context.run, cgroup::PROCESSES_USED)?)?;
    let limit = now.saturating_add(context.setting("spare"));
    Ok(vec![cgroup::limit(
        &context.run,
        cgroup::PROCESSES_LIMIT,
        limit.to_string(),
    )?])
}

fn agent(context: &Context<'_>, work: Work) -> Step {
    Step::Agent {
        run: context.run.clone(),
        work,
    }
}

fn number(text: &str) -> Result<u64, DockerError> {
    text.parse().map_err(|_| {
        DockerError::Impossible(format!(
            "a control file contains {text:?} instead of a number"
        ))
    })
}

fn machine_memory_free() -> Result<u64, DockerError> {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse::<u64>().ok());
    kib.map(|kib| kib.saturating_mul(1_024)).ok_or_else(|| {
        DockerError::Impossible("/proc/meminfo does not report the available memory".to_owned())
    })
}

/// `MAJOR:MINOR` of the whole disk below a path: limits apply to disks, not to partitions.
fn block_device(path: &std::path::Path) -> Option<String> {
    let device = std::fs::metadata(path).ok()?.dev();
    // The kernel's encoding of a device number (makedev(3)).
    let major = ((device >> 32) & 0xffff_f000) | ((device >> 8) & 0xfff);
    let minor = ((device >> 12) & 0xffff_ff00) | (device & 0xff);
    let node = std::path::PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    let node = node.canonicalize().ok()?;
    let disk = if node.join("partition").exists() {
        node.parent()?
    } else {
        &node
    };
    let number = std::fs::read_to_string(disk.join("dev")).ok()?;
    Some(number.trim().to_owned())
}
