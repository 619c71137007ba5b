//! Undoing one step: checks, does the rest, and checks again. A run that has ended took its changes with it.

use super::command::Tool;
use super::engine::Container;
use super::step::{Place, Run, Step};
use super::{DockerError, Engine, namespace, processes};

/// Undoes a step of an injection.
///
/// # Errors
/// It is not undone: the rest, and the reason.
pub(super) async fn undo(engine: &Engine, step: &Step, injection: &str) -> Result<(), DockerError> {
    let Some(container) = engine.inspect(&step.run().id).await? else {
        // All of this is gone with the removed container; only processes of the injector may still run.
        processes::kill(&processes::marked(injection));
        return Ok(());
    };
    match step {
        Step::End { run, .. } | Step::Restart { run, .. } | Step::Start { run } => {
            start(engine, run, &container).await
        }
        Step::Pause { run } if container.paused => engine.unpause(&run.id).await,
        Step::Freeze { run } if container.running && !container.paused => {
            engine.kill(&run.id, "SIGCONT").await
        }
        Step::Pause { .. } | Step::Freeze { .. } => Ok(()),
        Step::Disconnect {
            run,
            network,
            after,
        } => {
            if container.networks.contains_key(network) {
                return Ok(());
            }
            engine.join(&run.id, network, after).await
        }
        Step::Agent { .. } | Step::Load { .. } => {
            processes::kill(&processes::marked(injection));
            tidy_place(step, &container)
        }
        Step::Ballast { place, run, .. } => remove(place, run, &container),
        inside => undo_inside(inside, injection),
    }
}

/// Steps that vanish with the run.
fn undo_inside(step: &Step, injection: &str) -> Result<(), DockerError> {
    let run = step.run();
    if !run.process.lives() {
        return Ok(());
    }
    let undone = match step {
        Step::Rules { tool, .. } => namespace::remove_rules(run, injection, tool),
        Step::Queue { device, .. } => namespace::remove_queue(run, injection, device),
        Step::Control { file, after, .. } => {
            std::fs::write(file, after).map_err(|error| error.to_string())
        }
        Step::ReadOnly { directory, .. } => remount(run, directory, "rw"),
        Step::FileLimit { after, .. } => {
            let alive = after.iter().filter(|(process, ..)| process.lives());
            alive
                .into_iter()
                .try_for_each(|(process, soft, hard)| limit_files(process.pid, soft, hard))
        }
        _ => Ok(()),
    };
    match undone {
        // It may have ended between the check and the signal.
        Err(why) if run.process.lives() => Err(left(step, &why)),
        _ => Ok(()),
    }
}

async fn start(engine: &Engine, run: &Run, container: &Container) -> Result<(), DockerError> {
    if container.running {
        return Ok(());
    }
    engine.start(&run.id).await?;
    match engine.inspect(&run.id).await? {
        Some(container) if !container.running => Err(DockerError::Left(format!(
            "container {} did not start",
            run.name
        ))),
        _ => Ok(()),
    }
}

fn tidy_place(step: &Step, container: &Container) -> Result<(), DockerError> {
    match step {
        Step::Agent {
            run,
            work: super::step::Work::Write { place, .. },
        } => remove(place, run, container),
        _ => Ok(()),
    }
}

/// Deletes our file, wherever the directory is now.
fn remove(place: &Place, run: &Run, container: &Container) -> Result<(), DockerError> {
    let inside = place.directory.trim_start_matches('/');
    let path = match (
        &place.outside,
        container.process,
        &container.upper_directory,
    ) {
        (Some(outside), ..) => outside.join(&place.file),
        (None, Some(process), _) => Run {
            process,
            ..run.clone()
        }
        .root()
        .join(inside)
        .join(&place.file),
        (None, None, Some(upper)) => upper.join(inside).join(&place.file),
        (None, None, None) => return Ok(()),
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DockerError::Left(
            format!("cannot delete {}: {error}", path.display()),
        )),
        _ => Ok(()),
    }
}

/// Changes how a run sees one of its mounts.
pub(super) fn remount(run: &Run, directory: &str, how: &str) -> Result<(), String> {
    let namespace = format!("/proc/{}/ns/mnt", run.process.pid);
    let options = format!("remount,bind,{how}");
    Tool::new([
        "mount",
        "--namespace",
        &namespace,
        "-o",
        &options,
        directory,
    ])
    .run(None)
    .map(|_| ())
}

/// Sets the limit of open files of one process.
pub(super) fn limit_files(pid: u32, soft: &str, hard: &str) -> Result<(), String> {
    Tool::new([
        "prlimit",
        "--pid",
        &pid.to_string(),
        &format!("--nofile={soft}:{hard}"),
    ])
    .run(None)
    .map(|_| ())
}

fn left(step: &Step, why: &str) -> DockerError {
    DockerError::Left(format!(
        "container {}: cannot {}: {why}",
        step.run().name,
        step.undo_description()
    ))
}
