//! Whether stores restart.
//!
//! A young store is no sign of a restart: the check remembers when each store said that it started.

use std::collections::BTreeMap;

use judging::entities::Store;
use operator_plugin::{Check, Findings, Outcome, PluginError, Severity, Snapshot, Violation};

/// I32.
pub(crate) fn none() -> Check {
    Check::new("store-restart", "no store restarts").info().reads(&["stores"]).with_state(judge)
}

/// How long a restart is worth a note; the guard against judging young stores lasts as long.
const NOTED_NS: u64 = 600 * 1_000_000_000;

/// Three within this are a loop.
const LOOP_NS: u64 = 1_800 * 1_000_000_000;
const LOOP_STARTS: usize = 3;

/// Starts that are remembered of each store: what a loop needs, and the one before.
const STARTS_MAX: usize = LOOP_STARTS + 1;

/// Times at which a store said that it started, oldest first.
type Starts = BTreeMap<String, Vec<u64>>;

fn judge(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before = state.map(read).unwrap_or_default();
    let (mut after, mut findings) = (Starts::new(), Findings::new());
    for store in stores.rows().filter_map(Store::of) {
        let mut starts = before.get(store.key).cloned().unwrap_or_default();
        let Some(start) = store.row.instant("start_at").filter(|start| *start > 0) else {
            findings.unknown(&store.entity(), "it does not say when it started");
            after.insert(store.key.to_owned(), starts);
            continue;
        };
        if starts.last().is_none_or(|last| start > *last) {
            starts.push(start);
        }
        let surplus = starts.len().saturating_sub(STARTS_MAX);
        starts.drain(..surplus);
        judge_store(store, &starts, snapshot.taken_at(), &mut findings);
        after.insert(store.key.to_owned(), starts);
    }
    Ok(findings.conclude(format!("starts of {} stores", stores.len())).remember(write(&after)))
}

/// The first start that was seen may be as old as it likes: only those after it are restarts.
fn judge_store(store: Store<'_>, starts: &[u64], now: u64, findings: &mut Findings) {
    let restarts = starts.iter().skip(1);
    let within = |limit_ns: u64| restarts.clone().filter(|start| now.saturating_sub(**start) < limit_ns).count();
    let (recent, looping) = (within(NOTED_NS), within(LOOP_NS) >= LOOP_STARTS);
    if recent == 0 && !looping {
        return findings.pass(store.entity());
    }
    let times = within(LOOP_NS);
    let summary = format!("{} restarted, {times} times within 30 minutes", store.name());
    let evidence = store.row.evidence("start_at").expected("the same as before");
    let severity = if looping { Severity::Critical } else { Severity::Info };
    let mut violation = Violation::new(store.entity(), summary).evidence(evidence).severity(severity);
    if store.row.number("uptime_s").is_some() {
        violation = violation.evidence(store.row.evidence("uptime_s").expected("600 s or more"));
    }
    findings.fail(violation);
}

/// One line for each store: its key and its starts in nanoseconds.
fn write(starts: &Starts) -> Vec<u8> {
    let line = |(key, starts): (&String, &Vec<u64>)| {
        let starts: Vec<String> = starts.iter().map(u64::to_string).collect();
        format!("{key} {}\n", starts.join(" "))
    };
    starts.iter().map(line).collect::<String>().into_bytes()
}

/// What is not understood is forgotten: the next ticks learn it anew.
fn read(state: &[u8]) -> Starts {
    let text = std::str::from_utf8(state).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let key = words.next().filter(|key| !key.is_empty())?;
        Some((key.to_owned(), words.filter_map(|word| word.parse().ok()).collect()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, NOW_NS};
    use operator_plugin::Status;

    fn at(cluster: Cluster, start_ns: u64) -> Cluster {
        cluster.store("4", "start_at", i64::try_from(start_ns).unwrap()).store("4", "uptime_s", 5.0)
    }

    fn judge_twice(first: Cluster, second: Cluster) -> Outcome {
        let before = none().evaluate(&first.snapshot(), None).unwrap();
        none().evaluate(&second.snapshot(), before.state.as_deref()).unwrap()
    }

    #[test]
    fn a_young_store_is_no_restart_but_a_later_start_is_one() {
        let young = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(none().evaluate(&young.snapshot(), None).unwrap().status, Status::Pass);
        let outcome = judge_twice(Cluster::healthy(), young);
        assert_eq!(outcome.violations[0].entity, "store/4");
        assert_eq!(outcome.violations[0].severity, Some(Severity::Info));
    }

    #[test]
    fn an_old_restart_is_forgiven() {
        let restarted = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(judge_twice(Cluster::healthy(), restarted.later_s(700)).status, Status::Pass);
    }

    #[test]
    fn three_restarts_in_half_an_hour_are_a_loop() {
        let mut state = none().evaluate(&Cluster::healthy().snapshot(), None).unwrap().state;
        let mut severity = None;
        for minute in 1..=3_u64 {
            let cluster = at(Cluster::healthy().later_s(minute * 60), NOW_NS + minute * 60_000_000_000 - 1);
            let outcome = none().evaluate(&cluster.snapshot(), state.as_deref()).unwrap();
            severity = outcome.violations[0].severity;
            state = outcome.state;
        }
        assert_eq!(severity, Some(Severity::Critical));
    }

    #[test]
    fn a_start_that_is_not_known_is_open_and_not_forgotten() {
        let unknown = Cluster::healthy().store("4", "start_at", -1_i64).store("4", "uptime_s", Cell::Null);
        let outcome = judge_twice(Cluster::healthy(), unknown);
        assert_eq!(outcome.status, Status::Inconclusive);
        let outcome = none().evaluate(&at(Cluster::healthy(), NOW_NS).snapshot(), outcome.state.as_deref()).unwrap();
        assert_eq!(outcome.status, Status::Fail);
    }

    #[test]
    fn a_state_that_is_not_understood_is_forgotten() {
        assert!(none().evaluate(&Cluster::healthy().snapshot(), Some(&[255, 0, 7])).is_ok());
    }
}
