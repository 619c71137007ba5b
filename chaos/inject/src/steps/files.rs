//! Faults of directories and open files, and the clock that cannot be moved.

use super::Context;
use crate::command::Tool;
use crate::step::{Place, Step};
use crate::units::mib;
use crate::{DockerError, processes};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Share of a shared disk that stays free, in percent, so that no other user is affected.
const SHARED_FREE_PERCENT: u64 = 10;

pub(crate) fn descriptors(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let mut after = Vec::new();
    for process in processes::of_container(&context.run.id) {
        let tool = Tool::new([
            "prlimit",
            "--pid",
            &process.pid.to_string(),
            "--nofile",
            "--noheadings",
            "--output",
            "SOFT,HARD",
        ]);
        // A process that has ended in the meantime has no limit to restore.
        let Ok(said) = tool.run(None) else { continue };
        let mut words = said.split_whitespace().map(str::to_owned);
        if let (Some(soft), Some(hard)) = (words.next(), words.next()) {
            after.push((process, soft, hard));
        }
    }
    if after.is_empty() {
        return Err(DockerError::Impossible(format!(
            "container {} has no process",
            context.run.name
        )));
    }
    Ok(vec![Step::FileLimit {
        run: context.run.clone(),
        after,
        files: context.setting("files"),
    }])
}

pub(crate) fn fill(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let place = place(context)?;
    let directory = seen_outside(context, &place.directory)?;
    let (size, free) = space(&directory)?;
    let shared = is_shared(context, &place, &directory);
    let kept = if shared {
        size / 100 * SHARED_FREE_PERCENT
    } else {
        0
    };
    let asked = mib(context.setting("free-mib"));
    // A number that was set must take effect; without one, the disk is filled as far as allowed.
    if asked > mib(1) && asked < kept {
        let message = format!(
            "cannot fill {1} of container {2} up to {0} MiB: the disk is shared, and {3} MiB of it must stay free; give the container a disk \
             of its own (compose/disks.sh), or omit free-mib",
            asked / mib(1),
            place.directory,
            context.run.name,
            kept / mib(1)
        );
        return Err(DockerError::Refused(message));
    }
    let left = asked.max(kept);
    let bytes = free
        .saturating_sub(left)
        .min(mib(context.setting("mib-max")));
    if bytes == 0 {
        let message = format!(
            "{} has {free} bytes free, and {left} must stay free",
            directory.display()
        );
        return Err(DockerError::Refused(message));
    }
    Ok(vec![Step::Ballast {
        run: context.run.clone(),
        place,
        bytes,
    }])
}

pub(crate) fn read_only(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let directory = directory(context)?;
    if !context
        .container
        .mounts
        .iter()
        .any(|mount| mount.destination == directory && mount.writable)
    {
        let message = format!(
            "{directory} of container {} is not a writable mount of its own",
            context.run.name
        );
        return Err(DockerError::Refused(message));
    }
    Ok(vec![Step::ReadOnly {
        run: context.run.clone(),
        directory,
    }])
}

/// Never reached: no machine has the capability, so the plan refuses the fault.
pub(crate) fn clock(_: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    Ok(Vec::new())
}

/// The directory of the container that the fault affects.
pub(super) fn directory(context: &Context<'_>) -> Result<String, DockerError> {
    if let Some(given) = context.directory {
        return Ok(given.to_owned());
    }
    let writable: Vec<&str> = context
        .container
        .mounts
        .iter()
        .filter(|mount| mount.writable)
        .map(|mount| mount.destination.as_str())
        .collect();
    let data: Vec<&str> = writable
        .iter()
        .filter(|directory| directory.contains("data"))
        .copied()
        .collect();
    match (writable.as_slice(), data.as_slice()) {
        ([one], _) | (_, [one]) => Ok((*one).to_owned()),
        _ => {
            let message = format!(
                "select a directory of container {} with --directory; its writable mounts are {}",
                context.run.name,
                writable.join(", ")
            );
            Err(DockerError::Refused(message))
        }
    }
}

/// The injector's file in that directory.
pub(super) fn place(context: &Context<'_>) -> Result<Place, DockerError> {
    let directory = directory(context)?;
    let mount = context
        .container
        .mounts
        .iter()
        .find(|mount| mount.destination == directory);
    let outside = mount
        .and_then(|mount| mount.source.clone())
        .filter(|source| source.is_dir());
    let place = Place {
        directory,
        file: format!(".operator-chaos-{}", context.injection),
        outside,
    };
    seen_outside(context, &place.directory)?;
    Ok(place)
}

/// The directory on this machine. A link inside the container would lead out of it, so there may be none on the way.
pub(super) fn seen_outside(context: &Context<'_>, directory: &str) -> Result<PathBuf, DockerError> {
    let refused = |why: String| {
        Err(DockerError::Refused(format!(
            "directory {directory} of container {}: {why}",
            context.run.name
        )))
    };
    if !directory.starts_with('/') {
        return refused("it must start with a slash".to_owned());
    }
    let mut path = context.run.root();
    for part in directory.split('/').filter(|part| !part.is_empty()) {
        if part == ".." || part == "." {
            return refused("it must not contain dots".to_owned());
        }
        path.push(part);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return refused(format!("{part} is not a directory")),
            Err(error) => return refused(error.to_string()),
        }
    }
    Ok(path)
}

/// Whether others use the directory's file system: it has one of its own only when it is mounted there itself.
fn is_shared(context: &Context<'_>, place: &Place, directory: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    match place
        .outside
        .as_deref()
        .map(|source| (source, source.parent()))
    {
        Some((source, Some(parent))) => device(source) == device(parent),
        Some((_, None)) => true,
        None => device(directory) == device(&context.run.root()),
    }
}

/// Bytes of a file system: all, and free for everyone.
fn space(directory: &Path) -> Result<(u64, u64), DockerError> {
    let path = directory.display().to_string();
    let said = Tool::new(["df", "--block-size=1", "--output=size,avail", &path])
        .run(None)
        .map_err(DockerError::Failed)?;
    let numbers: Vec<u64> = said
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers.as_slice() {
        [size, free] => Ok((*size, *free)),
        _ => Err(DockerError::Failed(format!(
            "df does not report the free space of {path}"
        ))),
    }
}
