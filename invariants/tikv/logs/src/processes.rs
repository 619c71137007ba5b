//! The life of each process as its log tells it.

use std::time::Duration;

use operator_plugin::{Check, EntityId, Findings, Outcome, PluginError, Row, Snapshot, Violation};
use tikv_check_support::entities;

/// The log is conclusive: a process that ends with its own last words was not killed and not stopped.
pub(crate) fn ending() -> Check {
    Check::new(
        "process-ending",
        "no process ended with a fatal error or refused to start",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate_ending)
}

/// Recovery of the Raft log takes minutes, and a supervisor that starts a process again and again hides it.
pub(crate) fn starting() -> Check {
    Check::new(
        "process-starting",
        "every process that starts is ready within 1 min",
    )
    .pending_for(Duration::from_secs(5))
    .reads(&["stores"])
    .by(evaluate_starting)
}

/// An ending stays a finding for this long after the process has come back.
const RECENT_S: f64 = 600.0;
/// Longer than a start takes on a slow machine.
const START_S: f64 = 60.0;
/// Characters of a quoted message in a sentence; the evidence has all of it.
const QUOTED_CHARS: usize = 240;

fn evaluate_ending(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(processes) = snapshot.table("process_logs") else {
        return Ok(without_logs());
    };
    let mut findings = Findings::new();
    for row in processes.rows() {
        let Some(entity) = entity_of(row) else {
            continue;
        };
        if ended_by_itself(row) {
            findings.fail(ended(row, entity));
        } else {
            findings.pass(entity);
        }
    }
    Ok(findings.conclude(format!("logs of {} processes", processes.len())))
}

/// The configuration need not grant any.
pub(crate) fn without_logs() -> Outcome {
    Outcome::not_applicable("no log is granted")
}

fn ended_by_itself(row: Row<'_>) -> bool {
    let is_ending = !matches!(row.text("ending"), None | Some("none" | "stopped"));
    let serves = row.text("phase") == Some("serving");
    let is_recent = row
        .number("ended_s")
        .is_none_or(|ended_s| ended_s < RECENT_S);
    is_ending && (is_recent || !serves)
}

fn ended(row: Row<'_>, entity: EntityId) -> Violation {
    let said = row.text("message").or_else(|| row.text("last_words"));
    let said: String = said
        .unwrap_or_default()
        .chars()
        .take(QUOTED_CHARS)
        .collect();
    let place = row
        .text("location")
        .map_or_else(String::new, |location| format!(" at {location}"));
    let how = match (row.text("during"), row.integer("failed_starts")) {
        (Some("start"), Some(times)) if times > 1 => format!("refused to start {times} times"),
        (Some("start"), _) => "refused to start".to_owned(),
        _ => "ended with a fatal error".to_owned(),
    };
    let summary = format!("{} {how}: “{said}”{place}", name_of(row));
    Violation::new(entity, summary)
        .evidence(row.evidence("ending").expected("none, or stopped"))
        .evidence(row.evidence("message"))
        .evidence(row.evidence("last_words"))
        .evidence(row.evidence("last_line"))
        .confirmed(true)
}

fn evaluate_starting(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let Ok(processes) = snapshot.table("process_logs") else {
        return Ok(without_logs());
    };
    let mut findings = Findings::new();
    for row in processes.rows() {
        let Some(entity) = entity_of(row) else {
            continue;
        };
        let key = row.text("store").unwrap_or_default();
        let responds = stores
            .find("store", key)
            .is_none_or(|store| store.text("probe") == Some("ok"));
        let began_s = row.number("phase_s").unwrap_or(0.0);
        if row.text("phase") == Some("starting") && began_s > START_S && !responds {
            findings.fail(still_starting(row, entity, began_s));
        } else {
            findings.pass(entity);
        }
    }
    Ok(findings.conclude(format!("logs of {} processes", processes.len())))
}

fn still_starting(row: Row<'_>, entity: EntityId, began_s: f64) -> Violation {
    let summary = format!(
        "{} logged its start {began_s:.0} s ago and is not ready yet",
        name_of(row)
    );
    Violation::new(entity, summary)
        .evidence(row.evidence("phase").expected("serving"))
        .evidence(row.evidence("phase_s").expected("below 60 s"))
        .evidence(row.evidence("last_line"))
        .confirmed(true)
}

/// The store or member that writes the log, if it is known.
fn entity_of(row: Row<'_>) -> Option<EntityId> {
    let store = row.text("store").map(entities::store);
    store.or_else(|| row.text("member").map(entities::member))
}

fn name_of(row: Row<'_>) -> String {
    match (row.text("store"), row.text("member")) {
        (Some(store), _) => format!("store {store}"),
        (None, Some(member)) => format!("PD member {member}"),
        (None, None) => "a process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, TableData, table};
    use tikv_check_support::examples::Cluster;

    fn process(ending: &str, phase: &str, ended_s: f64) -> TableData {
        table("process_logs")
            .texts("store", ["4".to_owned()])
            .texts("member", [None::<String>])
            .texts("phase", [phase.to_owned()])
            .floats("phase_s", "s", [ended_s])
            .texts("ending", [ending.to_owned()])
            .texts("during", ["start".to_owned()])
            .floats("ended_s", "s", [ended_s])
            .texts("message", ["Corruption in 018264.sst".to_owned()])
            .texts("last_words", ["panic_mark_file exists".to_owned()])
            .texts("location", ["server.rs:390".to_owned()])
            .integers("failed_starts", "", [2])
            .texts("last_line", ["a line".to_owned()])
    }

    fn evaluate(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_process_that_ends_by_itself_is_named_with_its_words() {
        let cluster = Cluster::healthy().table(process("panic-mark", "ended", 3.0));
        let outcome = evaluate(&ending(), &cluster);
        assert_eq!(outcome.status(), Status::Fail);
        let violation = &outcome.violations()[0];
        assert_eq!(violation.entity.to_string(), "store/4");
        assert!(violation.confirmed);
        for words in ["refused to start 2 times", "018264.sst", "server.rs:390"] {
            assert!(violation.summary.contains(words), "{}", violation.summary);
        }
    }

    #[test]
    fn a_planned_stop_and_an_old_ending_pass() {
        for (ending_kind, phase, ended_s) in [
            ("stopped", "stopping", 3.0),
            ("none", "serving", 0.0),
            ("panic", "serving", 900.0),
        ] {
            let cluster = Cluster::healthy().table(process(ending_kind, phase, ended_s));
            let outcome = evaluate(&ending(), &cluster);
            assert_eq!(outcome.status(), Status::Pass, "{ending_kind} {phase}");
        }
        let dead = Cluster::healthy().table(process("panic", "ended", 90_000.0));
        assert_eq!(evaluate(&ending(), &dead).status(), Status::Fail);
    }

    #[test]
    fn a_start_that_does_not_end_is_a_violation_unless_the_store_responds() {
        let starting_for =
            |seconds| Cluster::healthy().table(process("stopped", "starting", seconds));
        let gone = starting_for(90.0).store("4", "probe", "refused");
        let outcome = evaluate(&starting(), &gone);
        assert_eq!(outcome.status(), Status::Fail);
        assert!(outcome.violations()[0].summary.contains("90 s ago"));
        let young = starting_for(30.0).store("4", "probe", "refused");
        assert_eq!(evaluate(&starting(), &young).status(), Status::Pass);
        let responds = starting_for(90.0);
        assert_eq!(evaluate(&starting(), &responds).status(), Status::Pass);
    }

    #[test]
    fn without_logs_nothing_is_claimed() {
        let outcome = evaluate(&ending(), &Cluster::healthy());
        assert_eq!(outcome.status(), Status::NotApplicable);
        assert!(outcome.reason().contains("no log"), "{}", outcome.reason());
    }
}
