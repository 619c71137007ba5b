//! Stores that were probably OOM-killed.
//!
//! The kernel writes nothing to the store's log. The evidence is that the process was close to its memory limit at the
//! last scrape and has been replaced by a new one.

use std::collections::BTreeMap;

use operator_plugin::{Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities::Store;
use tikv_check_support::state::State;

use crate::quota;

/// A restart right after the memory was used up.
pub(crate) fn memory_used_up() -> Check {
    Check::new(
        "memory-outlived",
        "no store restarts after using up its memory",
    )
    .reads(&["stores"])
    .with_state(evaluate)
}

/// The share at which TiKV itself starts rejecting appends to save memory.
const NEAR_LIMIT: f64 = 0.9;
/// As long as `store-restart` reports a restart.
const REPORTED_NS: u64 = 600 * 1_000_000_000;

/// One process of a store, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Incarnation {
    started_ns: u64,
    /// Its last observed memory utilization.
    utilization: Option<f64>,
    previous: Previous,
}

/// The end of the previous incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Previous {
    /// None has been observed.
    None,
    /// Its memory utilization was never observed.
    Unobserved,
    /// Its last observed memory utilization.
    Utilization(f64),
}

/// What the check remembers, by store id.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct MemoryHistory(BTreeMap<String, Incarnation>);

impl State for MemoryHistory {
    const VERSION: u32 = 1;
}

fn evaluate(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before = state.and_then(MemoryHistory::decode).unwrap_or_default();
    let utilizations = quota::memory_utilization().unwrap_or_default();
    let mut after = MemoryHistory::default();
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        let Some(started_ns) = store.row.instant("start_at").filter(|start| *start > 0) else {
            findings.unknown(&store.entity(), "its start time is unknown");
            continue;
        };
        let incarnation = Incarnation::after(
            before.0.get(store.key).copied(),
            started_ns,
            utilizations.get(store.key).copied(),
        );
        let is_young = snapshot.taken_at().saturating_sub(started_ns) < REPORTED_NS;
        match incarnation.previous {
            Previous::Utilization(share) if is_young && share >= NEAR_LIMIT => {
                findings.fail(violation(store, share))
            }
            Previous::Unobserved if is_young => findings.unknown(
                &store.entity(),
                "its memory usage before the restart was not observed",
            ),
            _ => findings.pass(store.entity()),
        }
        after.0.insert(store.key.to_owned(), incarnation);
    }
    Ok(findings
        .conclude(format!(
            "memory of {} stores before their last start",
            stores.len()
        ))
        .remember(after.encode()))
}

impl Incarnation {
    /// Right after a restart the series still ends with a sample of the old process. The new one has been scraped only when
    /// the value has changed.
    fn after(known: Option<Self>, started_ns: u64, utilization: Option<f64>) -> Self {
        match known {
            Some(same) if same.started_ns == started_ns => {
                let is_stale = same.utilization.is_none()
                    && utilization
                        .is_some_and(|value| same.previous == Previous::Utilization(value));
                Self {
                    utilization: if is_stale {
                        None
                    } else {
                        utilization.or(same.utilization)
                    },
                    ..same
                }
            }
            Some(old) => Self {
                started_ns,
                utilization: None,
                previous: old
                    .utilization
                    .map_or(Previous::Unobserved, Previous::Utilization),
            },
            None => Self {
                started_ns,
                utilization,
                previous: Previous::None,
            },
        }
    }
}

fn violation(store: Store<'_>, utilization: f64) -> Violation {
    let summary = format!(
        "{} restarted after it had used {:.0} % of its memory",
        store.name(),
        utilization * 100.0
    );
    let query = quota::memory_query(store.key);
    Violation::new(store.entity(), summary)
        .evidence(
            Evidence::metric(query, utilization, "1").expected("below 0.9 before the restart"),
        )
        .evidence(store.row.evidence("start_at").expected("unchanged"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, NOW_NS, Series};

    fn observe(cluster: &Cluster, share: f64, state: Option<&[u8]>) -> Outcome {
        quota::tests::memory(share).install();
        memory_used_up()
            .evaluate(&cluster.snapshot(), state)
            .unwrap()
    }

    fn restarted() -> Cluster {
        Cluster::healthy().store(
            "4",
            "start_at",
            i64::try_from(NOW_NS - 5_000_000_000).unwrap(),
        )
    }

    #[test]
    fn a_restart_after_the_memory_was_used_up_is_a_violation() {
        let first = observe(&Cluster::healthy(), 0.94, None);
        assert_eq!(first.status(), Status::Pass);
        let second = observe(&restarted(), 0.94, first.state.as_deref());
        assert_eq!(second.violations()[0].entity, "store/4");
        assert!(
            second.violations()[0].summary.contains("94 %"),
            "{}",
            second.violations()[0].summary
        );
        let third = observe(&restarted().later_s(300), 0.3, second.state.as_deref());
        assert_eq!(
            third.status(),
            Status::Fail,
            "it is reported while the restart is recent"
        );
        assert_eq!(
            observe(&restarted().later_s(700), 0.3, third.state.as_deref()).status(),
            Status::Pass
        );
    }

    #[test]
    fn a_restart_with_memory_left_passes() {
        let first = observe(&Cluster::healthy(), 0.85, None);
        assert_eq!(
            observe(&restarted(), 0.3, first.state.as_deref()).status(),
            Status::Pass
        );
    }

    #[test]
    fn the_last_sample_of_the_old_process_is_not_the_first_of_the_new_one() {
        let first = observe(&Cluster::healthy(), 0.94, None);
        let second = observe(&restarted(), 0.94, first.state.as_deref());
        let later = restarted().store("4", "start_at", i64::try_from(NOW_NS).unwrap());
        let third = observe(&later, 0.94, second.state.as_deref());
        assert_eq!(
            third.status(),
            Status::Inconclusive,
            "the process in between was never scraped"
        );
    }

    #[test]
    fn unreadable_state_is_dropped_and_unobserved_memory_is_inconclusive() {
        assert_eq!(
            observe(&restarted(), 0.94, Some(&[255, 0, 7])).status(),
            Status::Pass
        );
        Series::none().install();
        let first = memory_used_up()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(first.status(), Status::Pass, "no store has restarted");
        let second = memory_used_up()
            .evaluate(&restarted().snapshot(), first.state.as_deref())
            .unwrap();
        assert_eq!(second.status(), Status::Inconclusive);
    }

    #[test]
    fn the_history_survives_the_round_trip() {
        let incarnation = |utilization, previous| Incarnation {
            started_ns: NOW_NS,
            utilization,
            previous,
        };
        let history = MemoryHistory(BTreeMap::from([
            ("1".to_owned(), incarnation(Some(0.1 + 0.2), Previous::None)),
            ("4".to_owned(), incarnation(None, Previous::Unobserved)),
            (
                "5".to_owned(),
                incarnation(None, Previous::Utilization(0.94)),
            ),
        ]));
        assert_eq!(MemoryHistory::decode(&history.encode()), Some(history));
    }
}
