//! What each store says of its own pace.

use judging::entities::Store;
use operator_plugin::{Check, Findings, Outcome, PluginError, Severity, Snapshot, Violation};

/// I30: the store's own probes of its disks time out.
pub(crate) fn score() -> Check {
    Check::new("store-slow", "no store calls itself slow")
        .critical()
        .hold_ms(30_000)
        .reads(&["stores"])
        .by(judge_score)
}

/// I31: a round of the Raft thread took longer than an election, or the store is replaced by a substitute heartbeat.
pub(crate) fn busy() -> Check {
    Check::new("store-busy", "no store calls itself busy")
        .hold_ms(60_000)
        .reads(&["stores"])
        .by(judge_busy)
}

/// PD calls a store slow from here on, and moves its leaders away at 100.
const SLOW: i64 = 80;

/// A clean store has 1; a round of probes with timeouts doubles it.
const RISING: i64 = 10;

fn judge_score(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
                    .expected("1, slow from 80 on");
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

/// After a start a store is busy until it has applied its log, for at most 5 minutes.
const CATCHING_UP_S: f64 = 300.0;

fn judge_busy(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
                    "{} is busy: its Raft threads do not keep up, or its disk hangs",
                    store.name()
                );
                let evidence = store.row.evidence("is_busy").expected("false");
                findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
            }
            // PD leaves the field out when it is false.
            Some(_) | None => findings.pass(store.entity()),
        }
    }
    Ok(findings.conclude(format!("{} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    #[test]
    fn a_rising_score_is_a_note_and_a_high_one_is_critical() {
        let judge = |cluster: Cluster| score().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(
            judge(Cluster::healthy().store("4", "slow_score", 8_i64)).status,
            Status::Pass
        );
        let rising = judge(Cluster::healthy().store("4", "slow_score", 16_i64));
        assert_eq!(rising.violations[0].severity, Some(Severity::Info));
        let slow = judge(Cluster::healthy().store("4", "slow_score", 100_i64));
        assert_eq!(slow.violations[0].severity, Some(Severity::Critical));
        assert_eq!(
            judge(Cluster::healthy().store("4", "slow_score", Cell::Null)).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_busy_store_is_named_unless_it_has_just_started() {
        let judge = |cluster: Cluster| busy().evaluate(&cluster.snapshot(), None).unwrap();
        let busy = Cluster::healthy().store("4", "is_busy", true);
        assert_eq!(judge(busy.clone()).violations[0].entity, "store/4");
        assert_eq!(
            judge(busy.clone().store("4", "uptime_s", 11.0)).status,
            Status::Pass
        );
        assert_eq!(
            judge(busy.store("4", "uptime_s", Cell::Null)).status,
            Status::Pass
        );
        assert_eq!(
            judge(Cluster::healthy().store("4", "is_busy", Cell::Null)).status,
            Status::Pass,
            "left out by PD"
        );
        let nobody = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster.store(store, "state", "Down")
            });
        assert_eq!(judge(nobody).status, Status::Inconclusive);
    }
}
