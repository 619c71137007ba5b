//! `operator chaos undo`: what is left, and clearing it.

use super::{UndoArgs, Voice};
use crate::docker::DockerError;
use crate::docker::journal::{Entry, Journal};
use crate::docker::undoing::{self, Settled};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Left {
    injection: String,
    fault: String,
    project: String,
    until: String,
    injector_lives: bool,
    steps: Vec<String>,
}

pub(super) async fn undo(args: &UndoArgs, voice: &mut Voice<'_>) -> Result<(), DockerError> {
    let journal = Journal::open(&args.docker.state)?;
    let asked = |name: &String| {
        args.injection
            .as_ref()
            .is_none_or(|injection| injection == name)
    };
    let names: Vec<String> = journal.names().into_iter().filter(asked).collect();
    let mut left = Vec::new();
    for name in &names {
        left.extend(journal.read(name)?.map(told));
    }
    if args.list {
        return show(&left, "nothing is left", voice);
    }
    for name in &names {
        undoing::one(&journal, name, Settled::NotYet).await?;
        if !voice.json {
            voice.line(&format!("injection {name} is undone"));
        }
    }
    if voice.json || left.is_empty() {
        show(&left, "nothing was left", voice)
    } else {
        Ok(())
    }
}

fn show(left: &[Left], nothing: &str, voice: &mut Voice<'_>) -> Result<(), DockerError> {
    if voice.json {
        return voice.value(&left);
    }
    if left.is_empty() {
        voice.line(nothing);
    }
    for one in left {
        let injector = if one.injector_lives {
            "its injector lives"
        } else {
            "its injector is dead"
        };
        voice.line(&format!(
            "{} {} in project {}, until {}, {injector}",
            one.injection, one.fault, one.project, one.until
        ));
        one.steps
            .iter()
            .for_each(|step| voice.line(&format!("  {step}")));
    }
    Ok(())
}

fn told(entry: Entry) -> Left {
    let step = |step: &crate::docker::step::Step| {
        format!(
            "{}: {}; undo: {}",
            step.run().name,
            step.told(),
            step.undo_told()
        )
    };
    Left {
        steps: entry.steps.iter().map(step).collect(),
        until: crate::docker::arm::written(entry.until_ms),
        injector_lives: entry
            .injector
            .is_some_and(crate::docker::processes::Process::lives),
        injection: entry.injection,
        fault: entry.fault,
        project: entry.project,
    }
}
