//! Whether PD hears of each store.

use judging::entities::Store;
use judging::guards;
use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};
use std::cell::Cell;

/// I61. Earlier than `store-up` for stores that PD calls offline, for which it never says `Disconnected`.
pub(crate) fn fresh() -> Check {
    Check::new(
        "store-heartbeat",
        "PD has a heartbeat of every store that is no more than 20 s older than the freshest",
    )
    .hold_ms(15_000)
    .reads(&["stores"])
    .by(judge)
}

/// Two heartbeat intervals: PD's own limit for `Disconnected`.
const LAG_MAX_S: f64 = 20.0;

thread_local! {
    /// What is in force: [`LAG_MAX_S`], unless the configuration says otherwise.
    static LAG_MAX: Cell<f64> = const { Cell::new(LAG_MAX_S) };
}

/// Takes another limit. Every instance of the component is asked to before it judges.
pub(crate) fn limit_to(seconds: f64) {
    LAG_MAX.set(seconds);
}

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
            None => findings.unknown(
                &store.entity(),
                "the time of its last heartbeat is not known",
            ),
            Some(lag_s) if lag_s <= limit_s => findings.pass(store.entity()),
            Some(lag_s) => {
                let summary = format!(
                    "PD last heard of {} {lag_s:.0} s before it heard of others",
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judge(cluster: Cluster) -> Outcome {
        fresh().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn two_missed_heartbeats_are_a_violation_and_one_is_not() {
        assert_eq!(
            judge(Cluster::healthy().store("4", "heartbeat_lag_s", 21.1)).violations[0].entity,
            "store/4"
        );
        assert_eq!(
            judge(Cluster::healthy().store("4", "heartbeat_lag_s", 18.8)).status,
            Status::Pass
        );
    }

    #[test]
    fn the_limit_is_what_the_configuration_says() {
        limit_to(300.0);
        let judged = judge(Cluster::healthy().store("4", "heartbeat_lag_s", 21.1)).status;
        limit_to(LAG_MAX_S);
        assert_eq!(judged, Status::Pass);
    }

    #[test]
    fn young_stores_and_young_leaders_are_not_judged() {
        let young = Cluster::healthy()
            .store("4", "heartbeat_seen", false)
            .store("4", "heartbeat_lag_s", Cell::Null);
        assert_eq!(judge(young).status, Status::Inconclusive);
        let new_leader = Cluster::healthy().cluster("pd_leader_since_s", 3.0).store(
            "4",
            "heartbeat_lag_s",
            250.0,
        );
        assert_eq!(judge(new_leader).status, Status::Inconclusive);
    }
}
