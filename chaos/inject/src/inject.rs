//! Makes a fault, holds it for its time, undoes it.

mod act;

use super::journal::{Entry, Held, Journal};
use super::plan::Plan;
use super::processes::Process;
use super::roles;
use super::undoing::{self, Settled};
use super::watchdog::Guard;
use super::{DockerError, Engine, Launcher, clock};
use act::Acting;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What happens, as it happens.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Progress {
    /// Faults of dead injectors are undone.
    Recovered {
        /// Their names.
        injections: Vec<String>,
    },
    /// The undo is in the journal, and the watchdog is ready.
    Journaled {
        /// The injection.
        injection: String,
        /// Process of the watchdog.
        watchdog: u32,
    },
    /// A step is done.
    Acted {
        /// The container.
        container: String,
        /// The step.
        step: String,
    },
    /// Every step is done; the fault is active.
    Active {
        /// The injection.
        injection: String,
        /// The fault.
        fault: String,
        /// When it began, in Unix milliseconds: the ground truth for a detector.
        began_ms: u64,
        /// When it ends, in Unix milliseconds.
        until_ms: u64,
        /// The affected containers.
        containers: Vec<String>,
    },
    /// Everything is undone.
    Undone {
        /// The injection.
        injection: String,
        /// Why it ended.
        because: Because,
    },
}

/// Why a fault ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// Its time was over.
    Time,
    /// This process received a signal.
    Signal,
    /// Its watchdog died: without one, nothing stays broken.
    WatchdogDied,
    /// Another process undid it.
    UndoneElsewhere,
}

/// Where to write what happens.
pub type Say<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Carries out a plan and undoes it: on time, or immediately on `stop`.
///
/// # Errors
/// An act fails (and is undone), or something cannot be undone.
pub async fn inject(
    engine: &Engine,
    plan: &Plan,
    state: &Path,
    launcher: &Launcher,
    mut stop: Stop,
    say: Say<'_>,
) -> Result<Because, DockerError> {
    let journal = Journal::open(state)?;
    let recovered = undoing::orphans(&journal).await?;
    if !recovered.is_empty() {
        say(Progress::Recovered {
            injections: recovered,
        });
    }
    refuse_twice(&journal, plan)?;
    let mut guard = Guard::start(launcher, state, &plan.injection, plan.until_ms)?;
    let held = journal.write(entry(engine, plan))?;
    say(Progress::Journaled {
        injection: plan.injection.clone(),
        watchdog: guard.pid(),
    });
    let acting = Acting {
        engine,
        state,
        launcher,
        plan,
        agents: Vec::new(),
    };
    let mut course = Course {
        plan,
        journal: &journal,
        acting,
        stop: &mut stop,
        guard: &mut guard,
        began_ms: clock::now_ms(),
    };
    let went = course.run(held, say).await;
    // An act that was given up, or that failed, may still be on its way.
    let settled = if went.is_ok() {
        Settled::Yes
    } else {
        Settled::NotYet
    };
    undoing::one(&journal, &plan.injection, settled).await?;
    course.acting.reap();
    guard.dismiss();
    let because = went?;
    say(Progress::Undone {
        injection: plan.injection.clone(),
        because,
    });
    Ok(because)
}

/// An injection between its first act and its end.
struct Course<'a> {
    plan: &'a Plan,
    journal: &'a Journal,
    acting: Acting<'a>,
    stop: &'a mut Stop,
    guard: &'a mut Guard,
    began_ms: u64,
}

impl Course<'_> {
    /// Takes each step at its time, and waits for the end. The entry is held only while something is done.
    async fn run(&mut self, held: Held, say: Say<'_>) -> Result<Because, DockerError> {
        let mut held = Some(held);
        let mut announced = false;
        for planned in &self.plan.steps {
            if planned.after_ms > 0 {
                held = None;
                if !std::mem::replace(&mut announced, true) {
                    say(active(self.plan, self.began_ms));
                }
                if let Some(because) = self
                    .wait_until(self.began_ms.saturating_add(planned.after_ms))
                    .await
                {
                    return Ok(because);
                }
            }
            if held.is_none() {
                held = self.journal.hold(&self.plan.injection).await?;
            }
            if held.is_none() {
                return Ok(Because::UndoneElsewhere);
            }
            // The leader of the time of planning may be a follower by now.
            if let Some(role) = planned.role.as_ref().filter(|_| planned.after_ms > 0) {
                roles::confirm(self.acting.engine, &self.plan.project, role).await?;
            }
            tokio::select! {
                acted = self.acting.take(&planned.step, say) => acted?,
                () = self.stop.asked() => return Err(DockerError::Failed("interrupted during a step".to_owned())),
            }
        }
        drop(held);
        if !announced {
            say(active(self.plan, self.began_ms));
        }
        Ok(self
            .wait_until(self.plan.until_ms)
            .await
            .unwrap_or(Because::Time))
    }

    /// Nothing when the time has come; else why it ends before.
    async fn wait_until(&mut self, until_ms: u64) -> Option<Because> {
        /// How often to check that the watchdog runs and that no other process has undone it.
        const CHECK_INTERVAL_MS: u64 = 200;
        let mut looks = tokio::time::interval(Duration::from_millis(CHECK_INTERVAL_MS));
        loop {
            tokio::select! {
                () = self.stop.asked() => return Some(Because::Signal),
                _ = looks.tick() => {}
            }
            if !self.journal.has(&self.plan.injection) {
                return Some(Because::UndoneElsewhere);
            }
            if !self.guard.lives() {
                return Some(Because::WatchdogDied);
            }
            if clock::now_ms() >= until_ms {
                return None;
            }
        }
    }
}

fn entry(engine: &Engine, plan: &Plan) -> Entry {
    Entry {
        injection: plan.injection.clone(),
        fault: plan.fault.clone(),
        project: plan.project.clone(),
        host: engine.host().to_owned(),
        began_ms: clock::now_ms(),
        until_ms: plan.until_ms,
        injector: Process::own(),
        steps: plan
            .steps
            .iter()
            .map(|planned| planned.step.clone())
            .collect(),
    }
}

/// The same fault twice on one container would remember the first one's state as the one to bring back.
fn refuse_twice(journal: &Journal, plan: &Plan) -> Result<(), DockerError> {
    for injection in journal.names() {
        let Some(entry) = journal.read(&injection)? else {
            continue;
        };
        let hit = entry.steps.iter().find(|step| {
            plan.steps
                .iter()
                .any(|other| other.step.run().id == step.run().id)
        });
        if let Some(step) = hit.filter(|_| entry.fault == plan.fault) {
            let name = &step.run().name;
            let fault = &plan.fault;
            return Err(DockerError::Refused(format!(
                "container {name} already suffers from {fault}, in injection {injection}"
            )));
        }
    }
    Ok(())
}

fn active(plan: &Plan, began_ms: u64) -> Progress {
    let mut containers: Vec<String> = plan
        .steps
        .iter()
        .map(|planned| planned.step.run().name.clone())
        .collect();
    containers.dedup();
    Progress::Active {
        injection: plan.injection.clone(),
        fault: plan.fault.clone(),
        began_ms,
        until_ms: plan.until_ms,
        containers,
    }
}

/// The signals that ask a process to end.
pub struct Stop(Vec<tokio::signal::unix::Signal>);

impl Stop {
    /// Listens for signals from now on; a signal before the first wait is kept.
    ///
    /// # Errors
    /// The system does not deliver signals.
    pub fn listen() -> Result<Self, DockerError> {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let signals: Result<Vec<_>, _> = kinds.into_iter().map(signal).collect();
        signals
            .map(Self)
            .map_err(|error| DockerError::failed("listen for signals", error))
    }

    async fn asked(&mut self) {
        let waits = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(waits).await;
    }
}
