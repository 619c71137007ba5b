//! Stores that report themselves as slow or busy.

use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Severity, Snapshot, Violation};
use tikv_check_support::entities::Store;

/// The store's own disk probes time out.
pub(crate) fn score() -> Check {
    Check::new("store-slow", "no store reports itself as slow")
        .critical()
        .pending_for(Duration::from_secs(30))
        .reads(&["stores"])
        .by(evaluate_score)
}

/// One iteration of the Raft loop took longer than an election timeout, or a watchdog sends the heartbeat because the
/// store thread is stuck.
pub(crate) fn busy() -> Check {
    Check::new("store-busy", "no store reports itself as busy")
        .pending_for(Duration::from_secs(60))
        .reads(&["stores"])
        .by(evaluate_busy)
}

/// PD treats a store as slow at this score and evicts its leaders at 100.
const SLOW: i64 = 80;

/// A healthy store has a score of 1; every round of probes with timeouts doubles it.
const RISING: i64 = 10;

fn evaluate_score(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        match store.row.integer("slow_score") {
            None => findings.unknown(&store.entity(), "it reports no slow score"),
            Some(score) if score < RISING => findings.pass(store.entity()),
            Some(score) => {
                let summary = format!("{} has a slow score of {score}", store.name());
                let evidence = store
                    .row
                    .evidence("slow_score")
                    .expected("1; slow at 80 and above");
                let severity = if score < SLOW {
                    Severity::Info
                } else {
                    Severity::Critical
                };
                findings.fail(
                    Violation::new(store.entity(), summary)
                        .evidence(evidence)
                        .severity(severity),
                );
            }
        }
    }
    Ok(findings.conclude(format!("slow scores of {} stores", stores.len())))
}

/// A store that has just started is busy until it has applied its log, for at most 5 min.
const CATCHING_UP_S: f64 = 300.0;

fn evaluate_busy(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let young = store
            .row
            .number("uptime_s")
            .is_none_or(|uptime_s| uptime_s < CATCHING_UP_S);
        match store.row.boolean("is_busy") {
            Some(true) if !young => {
                let summary = format!(
                    "{} is busy: its Raft threads lag behind, or its disk hangs",
                    store.name()
                );
                let evidence = store.row.evidence("is_busy").expected("false");
                findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
            }
            // PD omits the field when it is false.
            Some(_) | None => findings.pass(store.entity()),
        }
    }
    Ok(findings.conclude(format!("{} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    #[test]
    fn a_rising_score_is_a_note_and_a_high_one_is_critical() {
        let evaluate = |cluster: Cluster| score().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "slow_score", 8_i64)).status(),
            Status::Pass
        );
        let rising = evaluate(Cluster::healthy().store("4", "slow_score", 16_i64));
        assert_eq!(rising.violations()[0].severity, Some(Severity::Info));
        let slow = evaluate(Cluster::healthy().store("4", "slow_score", 100_i64));
        assert_eq!(slow.violations()[0].severity, Some(Severity::Critical));
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "slow_score", Cell::Null)).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_busy_store_is_named_unless_it_has_just_started() {
        let evaluate = |cluster: Cluster| busy().evaluate(&cluster.snapshot(), None).unwrap();
        let busy = Cluster::healthy().store("4", "is_busy", true);
        assert_eq!(evaluate(busy.clone()).violations()[0].entity, "store/4");
        assert_eq!(
            evaluate(busy.clone().store("4", "uptime_s", 11.0)).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(busy.store("4", "uptime_s", Cell::Null)).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "is_busy", Cell::Null)).status(),
            Status::Pass,
            "PD omits the field"
        );
        let all_down = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster.store(store, "state", "Down")
            });
        assert_eq!(evaluate(all_down).status(), Status::Inconclusive);
    }
}
