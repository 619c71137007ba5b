//! Taking the steps of a plan, one after the other.

use super::{Progress, Say};
use crate::agent::{self, Agent};
use crate::command::MARK;
use crate::plan::Plan;
use crate::step::{Run, Step};
use crate::{DockerError, Engine, Launcher, clock, namespace, undo};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How often to check whether a process has ended.
const CHECK_INTERVAL_MS: u64 = 100;

/// The doer, and the processes that it has started.
pub(super) struct Acting<'a> {
    pub(super) engine: &'a Engine,
    pub(super) state: &'a Path,
    pub(super) launcher: &'a Launcher,
    pub(super) plan: &'a Plan,
    pub(super) agents: Vec<Child>,
}

impl Acting<'_> {
    pub(super) async fn take(&mut self, step: &Step, say: Say<'_>) -> Result<(), DockerError> {
        self.act(step).await?;
        say(Progress::Acted {
            container: step.run().name.clone(),
            step: step.description(),
        });
        Ok(())
    }

    async fn act(&mut self, step: &Step) -> Result<(), DockerError> {
        let engine = self.engine;
        let injection = self.plan.injection.as_str();
        let failed = |why: String| {
            DockerError::failed(
                &format!("{} of container {}", step.description(), step.run().name),
                why,
            )
        };
        match step {
            Step::End {
                run,
                signal,
                grace_ms,
            } => end(engine, run, signal, *grace_ms).await,
            Step::Restart { run, grace_ms } => engine.restart(&run.id, *grace_ms).await,
            Step::Start { run } => engine.start(&run.id).await,
            Step::Pause { run } => engine.pause(&run.id).await,
            Step::Freeze { run } => engine.kill(&run.id, "SIGSTOP").await,
            Step::Disconnect { run, network, .. } => engine.disconnect(&run.id, network).await,
            Step::Rules { run, tool, rules } => {
                namespace::add_rules(run, injection, tool, rules).map_err(failed)
            }
            Step::Queue {
                run,
                device,
                discipline,
            } => namespace::add_queue(run, injection, device, discipline).map_err(failed),
            Step::Control { file, during, .. } => {
                std::fs::write(file, during).map_err(|error| failed(error.to_string()))
            }
            Step::Agent { run, work } => {
                let agent = Agent {
                    injection: injection.to_owned(),
                    run: run.clone(),
                    work: work.clone(),
                    until_ms: self.plan.until_ms,
                };
                self.agents
                    .push(agent::start(&agent, self.state, self.launcher).await?);
                Ok(())
            }
            Step::Ballast { run, place, bytes } => {
                ballast(&place.path(run), *bytes, injection).map_err(failed)
            }
            Step::ReadOnly { run, directory } => {
                undo::remount(run, directory, "ro").map_err(failed)
            }
            Step::FileLimit { after, files, .. } => {
                let files = files.to_string();
                let alive = after.iter().filter(|(process, ..)| process.lives());
                // The hard limit stays: only the soft one is enforced, and undo must be able to raise it.
                alive
                    .into_iter()
                    .try_for_each(|(process, _, hard)| undo::limit_files(process.pid, &files, hard))
                    .map_err(failed)
            }
            Step::Load { command, .. } => {
                self.agents.push(load(command, injection).map_err(failed)?);
                Ok(())
            }
        }
    }

    /// Takes leave of processes that have been ended.
    pub(super) fn reap(&mut self) {
        for agent in &mut self.agents {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

async fn end(engine: &Engine, run: &Run, signal: &str, grace_ms: u64) -> Result<(), DockerError> {
    engine.kill(&run.id, signal).await?;
    let mut waited_ms = 0;
    while waited_ms < grace_ms {
        if !run.process.lives() {
            return Ok(());
        }
        clock::pause(CHECK_INTERVAL_MS).await;
        waited_ms += CHECK_INTERVAL_MS;
    }
    if grace_ms > 0 {
        engine.kill(&run.id, "SIGKILL").await?;
    }
    Ok(())
}

fn ballast(path: &Path, bytes: u64, injection: &str) -> Result<(), String> {
    // An existing file belongs to others and is neither overwritten nor deleted.
    drop(std::fs::File::create_new(path).map_err(|error| format!("{}: {error}", path.display()))?);
    let path = path.display().to_string();
    let tool = crate::command::Tool::new(["fallocate", "--length", &bytes.to_string(), &path]);
    tool.run(Some(injection)).map(|_| ())
}

fn load(command: &[String], injection: &str) -> Result<Child, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(MARK, injection)
        .process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .map_err(|error| format!("{program}: {error}"))
}
