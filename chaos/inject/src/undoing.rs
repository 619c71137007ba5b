//! Undoing whole injections: in reverse order, every step even when one fails, and again when a step may still be in progress.

use super::journal::{Entry, Held, Journal};
use super::{DockerError, Engine, clock, processes, undo};

/// How sure one can be that nothing is on its way any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The injector itself asks, after its acts.
    Yes,
    /// The injector died: a tool or Docker may still be doing what it had asked for.
    NotYet,
}

/// Undoes one injection; nothing to do is fine.
///
/// # Errors
/// Something is left: everything that is, in one message.
pub async fn one(journal: &Journal, injection: &str, settled: Settled) -> Result<(), DockerError> {
    journal.sweep(injection);
    match journal.hold(injection).await? {
        Some(held) => undo_held(held, settled).await,
        None => Ok(()),
    }
}

async fn undo_held(held: Held, settled: Settled) -> Result<(), DockerError> {
    let engine = Engine::connect(&held.entry.host).await?;
    pass(&engine, &held.entry).await?;
    if settled == Settled::NotYet {
        let wait_ms = held
            .entry
            .steps
            .iter()
            .map(super::step::Step::settles_after_ms)
            .max()
            .unwrap_or_default();
        // Twice: soon, because most steps have an effect immediately, and when the last one must have had it.
        for pause_ms in [wait_ms.min(1_000), wait_ms.saturating_sub(1_000)] {
            clock::pause(pause_ms).await;
            pass(&engine, &held.entry).await?;
        }
    }
    held.clear()
}

/// All steps, whatever happens to one of them.
async fn pass(engine: &Engine, entry: &Entry) -> Result<(), DockerError> {
    // First the processes that could still change something: tools that the injector started, and agents.
    processes::kill(&processes::marked(&entry.injection));
    let mut left = Vec::new();
    for step in entry.steps.iter().rev() {
        if let Err(error) = undo::undo(engine, step, &entry.injection).await {
            left.push(error.to_string());
        }
    }
    let still = processes::marked(&entry.injection);
    if !still.is_empty() {
        left.push(format!("processes {still:?} do not exit"));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(DockerError::Left(format!(
        "injection {} is not undone: {}",
        entry.injection,
        left.join("; ")
    )))
}

/// Undoes every injection whose injector is dead; returns their names.
///
/// # Errors
/// Something is left.
pub async fn orphans(journal: &Journal) -> Result<Vec<String>, DockerError> {
    journal.sweep_all();
    let mut undone = Vec::new();
    for injection in journal.names() {
        let Some(entry) = journal.read(&injection)? else {
            continue;
        };
        if entry.injector.is_some_and(super::processes::Process::lives) {
            continue;
        }
        one(journal, &injection, Settled::NotYet).await?;
        undone.push(injection);
    }
    Ok(undone)
}
