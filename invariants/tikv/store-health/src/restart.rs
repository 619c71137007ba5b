//! Stores that restart.
//!
//! A short uptime is no proof of a restart, so the check remembers the start times of each store. A store that was down
//! before it started has recovered, which is no news; the start still counts towards a crash loop.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities::Store;
use tikv_check_support::state::State;

pub(crate) fn none() -> Check {
    Check::new("store-restart", "no store restarts")
        .info()
        // By then the effects of a restart are over, or they are problems of their own.
        .pending_for(Duration::from_secs(120))
        .reads(&["stores"])
        .with_state(|snapshot, state| evaluate(snapshot, state, recent))
}

/// Three restarts in a row are no maintenance but a crash loop.
pub(crate) fn no_loop() -> Check {
    Check::new(
        "store-stays-up",
        "no store restarts three times within 30 min",
    )
    .critical()
    .reads(&["stores"])
    .with_state(|snapshot, state| evaluate(snapshot, state, looping))
}

/// How long a restart is reported; the guard for young stores lasts as long.
const REPORTED_NS: u64 = 600 * 1_000_000_000;

/// Three restarts within this time are a crash loop.
const LOOP_NS: u64 = 1_800 * 1_000_000_000;
const LOOP_STARTS: usize = 3;

/// Start times kept per store: those of a loop and the one before.
const STARTS_MAX: usize = LOOP_STARTS + 1;

/// What the check remembers about one store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct StoreHistory {
    /// Whether it was down at the last tick.
    was_down: bool,
    /// Its starts, oldest first.
    starts: Vec<Start>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Start {
    at_ns: u64,
    /// It had been down before.
    recovered: bool,
}

/// What the check remembers, by store id.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct RestartHistory(BTreeMap<String, StoreHistory>);

impl State for RestartHistory {
    const VERSION: u32 = 1;
}

/// Describes the violation in the restarts of a store and their ages, if there is one.
type RestartRule = fn(&[(Start, u64)]) -> Option<String>;

fn evaluate(
    snapshot: &Snapshot,
    state: Option<&[u8]>,
    rule: RestartRule,
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before = state.and_then(RestartHistory::decode).unwrap_or_default();
    let mut after = RestartHistory::default();
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        let mut history = before.0.get(store.key).cloned().unwrap_or_default();
        match store.row.instant("start_at").filter(|start| *start > 0) {
            None => findings.unknown(&store.entity(), "its start time is unknown"),
            Some(start) => {
                history.record(start);
                let found = rule(&history.restarts(snapshot.taken_at()));
                evaluate_store(store, found, &mut findings);
            }
        }
        history.was_down = matches!(store.row.text("state"), Some("Disconnected" | "Down"));
        after.0.insert(store.key.to_owned(), history);
    }
    Ok(findings
        .conclude(format!("starts of {} stores", stores.len()))
        .remember(after.encode()))
}

impl StoreHistory {
    fn record(&mut self, start: u64) {
        if self.starts.last().is_none_or(|last| start > last.at_ns) {
            self.starts.push(Start {
                at_ns: start,
                recovered: self.was_down,
            });
        }
        let surplus = self.starts.len().saturating_sub(STARTS_MAX);
        self.starts.drain(..surplus);
    }

    /// Its restarts with their ages in nanoseconds. The first observed start is no restart.
    fn restarts(&self, now: u64) -> Vec<(Start, u64)> {
        self.starts
            .iter()
            .skip(1)
            .map(|start| (*start, now.saturating_sub(start.at_ns)))
            .collect()
    }
}

fn recent(restarts: &[(Start, u64)]) -> Option<String> {
    let is_recent = |(start, age_ns): &(Start, u64)| *age_ns < REPORTED_NS && !start.recovered;
    restarts
        .iter()
        .any(is_recent)
        .then(|| "restarted".to_owned())
}

fn looping(restarts: &[(Start, u64)]) -> Option<String> {
    let times = restarts
        .iter()
        .filter(|(_, age_ns)| *age_ns < LOOP_NS)
        .count();
    (times >= LOOP_STARTS).then(|| format!("restarted at least {times} times within 30 min"))
}

fn evaluate_store(store: Store<'_>, found: Option<String>, findings: &mut Findings) {
    let Some(found) = found else {
        return findings.pass(store.entity());
    };
    let evidence = store.row.evidence("start_at").expected("unchanged");
    let mut violation =
        Violation::new(store.entity(), format!("{} {found}", store.name())).evidence(evidence);
    if store.row.number("uptime_s").is_some() {
        violation = violation.evidence(store.row.evidence("uptime_s").expected("600 s or more"));
    }
    findings.fail(violation);
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, NOW_NS};

    fn at(cluster: Cluster, start_ns: u64) -> Cluster {
        cluster
            .store("4", "start_at", i64::try_from(start_ns).unwrap())
            .store("4", "uptime_s", 5.0)
    }

    fn evaluate_twice(first: Cluster, second: Cluster) -> Outcome {
        let before = none().evaluate(&first.snapshot(), None).unwrap();
        none()
            .evaluate(&second.snapshot(), before.state.as_deref())
            .unwrap()
    }

    #[test]
    fn a_short_uptime_is_no_restart_but_a_later_start_is() {
        let young = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(
            none().evaluate(&young.snapshot(), None).unwrap().status(),
            Status::Pass
        );
        let outcome = evaluate_twice(Cluster::healthy(), young);
        assert_eq!(outcome.violations()[0].entity, "store/4");
    }

    #[test]
    fn a_store_that_was_down_recovers_and_does_not_restart() {
        let down = Cluster::healthy().store("4", "state", "Disconnected");
        assert_eq!(
            evaluate_twice(down, at(Cluster::healthy(), NOW_NS - 5_000_000_000)).status(),
            Status::Pass
        );
    }

    #[test]
    fn an_old_restart_is_not_reported() {
        let restarted = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(
            evaluate_twice(Cluster::healthy(), restarted.later_s(700)).status(),
            Status::Pass
        );
    }

    #[test]
    fn three_restarts_within_30_minutes_are_a_loop_and_two_are_not() {
        let mut state = no_loop()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
            .state;
        let mut looped = Vec::new();
        for minute in 1..=3_u64 {
            let cluster = at(
                Cluster::healthy().later_s(minute * 60),
                NOW_NS + minute * 60_000_000_000 - 1,
            );
            let outcome = no_loop()
                .evaluate(&cluster.snapshot(), state.as_deref())
                .unwrap();
            looped.push(
                outcome
                    .violations()
                    .first()
                    .map(|violation| violation.entity.clone()),
            );
            state = outcome.state;
        }
        assert_eq!(
            looped,
            [None, None, Some(tikv_check_support::entities::store("4"))]
        );
        let later = at(
            Cluster::healthy().later_s(1_900),
            NOW_NS + 180_000_000_000 - 1,
        );
        assert_eq!(
            no_loop()
                .evaluate(&later.snapshot(), state.as_deref())
                .unwrap()
                .status(),
            Status::Pass
        );
    }

    #[test]
    fn an_unknown_start_time_is_inconclusive_and_keeps_the_history() {
        let unknown =
            Cluster::healthy()
                .store("4", "start_at", -1_i64)
                .store("4", "uptime_s", Cell::Null);
        let outcome = evaluate_twice(Cluster::healthy(), unknown);
        assert_eq!(outcome.status(), Status::Inconclusive);
        let outcome = none()
            .evaluate(
                &at(Cluster::healthy(), NOW_NS).snapshot(),
                outcome.state.as_deref(),
            )
            .unwrap();
        assert_eq!(outcome.status(), Status::Fail);
    }

    #[test]
    fn the_history_survives_the_round_trip() {
        let starts = vec![
            Start {
                at_ns: NOW_NS,
                recovered: false,
            },
            Start {
                at_ns: NOW_NS + 1,
                recovered: true,
            },
        ];
        let history = StoreHistory {
            was_down: true,
            starts,
        };
        let history = RestartHistory(BTreeMap::from([("4".to_owned(), history)]));
        assert_eq!(RestartHistory::decode(&history.encode()), Some(history));
    }

    #[test]
    fn unreadable_state_is_dropped() {
        assert!(
            none()
                .evaluate(&Cluster::healthy().snapshot(), Some(&[255, 0, 7]))
                .is_ok()
        );
    }
}
