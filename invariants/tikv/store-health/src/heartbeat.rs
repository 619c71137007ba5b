//! Whether every store sends heartbeats to PD.

use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};
use std::cell::Cell;
use std::time::Duration;
use tikv_check_support::entities::Store;
use tikv_check_support::guards;

/// Earlier than `store-up` for stores that are being removed, which PD never reports as `Disconnected`.
pub(crate) fn fresh() -> Check {
    Check::new(
        "store-heartbeat",
        "the last heartbeat of every store is at most 20 s older than the most recent one",
    )
    .pending_for(Duration::from_secs(15))
    .reads(&["stores"])
    .by(evaluate)
}

/// Two heartbeat intervals: PD's own limit for `Disconnected`.
const LAG_MAX_S: f64 = 20.0;

thread_local! {
    /// The active limit: [`LAG_MAX_S`] unless configured otherwise.
    static LAG_MAX: Cell<f64> = const { Cell::new(LAG_MAX_S) };
}

/// Sets another limit. The host configures every instance of the component before the first evaluation.
pub(crate) fn limit_to(seconds: f64) {
    LAG_MAX.set(seconds);
}

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::STORE_STATES_S) {
        return Ok(outcome);
    }
    let limit_s = LAG_MAX.get();
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        match store.row.number("heartbeat_lag_s") {
            _ if !store.has_reported() => {
                findings.unknown(&store.entity(), "it has not sent a heartbeat yet")
            }
            None => findings.unknown(&store.entity(), "the time of its last heartbeat is unknown"),
            Some(lag_s) if lag_s <= limit_s => findings.pass(store.entity()),
            Some(lag_s) => {
                let summary = format!(
                    "the last heartbeat of {} is {lag_s:.0} s older than that of other stores",
                    store.name()
                );
                let evidence = store
                    .row
                    .evidence("heartbeat_lag_s")
                    .expected(format!("at most {limit_s} s"));
                findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
            }
        }
    }
    Ok(findings.conclude(format!("heartbeats of {} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate(cluster: Cluster) -> Outcome {
        fresh().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn two_missed_heartbeats_are_a_violation_and_one_is_not() {
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "heartbeat_lag_s", 21.1)).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "heartbeat_lag_s", 18.8)).status(),
            Status::Pass
        );
    }

    #[test]
    fn the_configuration_sets_the_limit() {
        limit_to(300.0);
        let status = evaluate(Cluster::healthy().store("4", "heartbeat_lag_s", 21.1)).status();
        limit_to(LAG_MAX_S);
        assert_eq!(status, Status::Pass);
    }

    #[test]
    fn a_young_store_or_a_new_pd_leader_makes_it_inconclusive() {
        let young = Cluster::healthy()
            .store("4", "heartbeat_seen", false)
            .store("4", "heartbeat_lag_s", Cell::Null);
        assert_eq!(evaluate(young).status(), Status::Inconclusive);
        let new_leader = Cluster::healthy().cluster("pd_leader_since_s", 3.0).store(
            "4",
            "heartbeat_lag_s",
            250.0,
        );
        assert_eq!(evaluate(new_leader).status(), Status::Inconclusive);
    }
}
