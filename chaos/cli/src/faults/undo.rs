//! `operator chaos undo`: lists and undoes faults that are still active.

use super::{Output, UndoArgs};
use operator_inject::DockerError;
use operator_inject::journal::{Entry, Journal};
use operator_inject::undoing::{self, Settled};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct ActiveInjection {
    injection: String,
    fault: String,
    project: String,
    until: String,
    injector_lives: bool,
    steps: Vec<String>,
}

pub(super) async fn undo(args: &UndoArgs, output: &mut Output<'_>) -> Result<(), DockerError> {
    let journal = Journal::open(&args.docker.state)?;
    let asked = |name: &String| {
        args.injection
            .as_ref()
            .is_none_or(|injection| injection == name)
    };
    let names: Vec<String> = journal.names().into_iter().filter(asked).collect();
    let mut left = Vec::new();
    for name in &names {
        left.extend(journal.read(name)?.map(described));
    }
    if args.list {
        return show(&left, "no fault is active", output);
    }
    for name in &names {
        undoing::one(&journal, name, Settled::NotYet).await?;
        if !output.json {
            output.line(&format!("injection {name} is undone"));
        }
    }
    if output.json || left.is_empty() {
        show(&left, "no fault was active", output)
    } else {
        Ok(())
    }
}

fn show(
    left: &[ActiveInjection],
    nothing: &str,
    output: &mut Output<'_>,
) -> Result<(), DockerError> {
    if output.json {
        return output.value(&left);
    }
    if left.is_empty() {
        output.line(nothing);
    }
    for one in left {
        let injector = if one.injector_lives {
            "its injector is running"
        } else {
            "its injector is dead"
        };
        output.line(&format!(
            "{} {} in project {}, until {}, {injector}",
            one.injection, one.fault, one.project, one.until
        ));
        one.steps
            .iter()
            .for_each(|step| output.line(&format!("  {step}")));
    }
    Ok(())
}

fn described(entry: Entry) -> ActiveInjection {
    let step = |step: &operator_inject::step::Step| {
        format!(
            "{}: {}; undo: {}",
            step.run().name,
            step.description(),
            step.undo_description()
        )
    };
    ActiveInjection {
        steps: entry.steps.iter().map(step).collect(),
        until: operator_inject::arm::utc_time(entry.until_ms),
        injector_lives: entry
            .injector
            .is_some_and(operator_inject::processes::Process::lives),
        injection: entry.injection,
        fault: entry.fault,
        project: entry.project,
    }
}
