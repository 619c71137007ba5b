//! The stores: whether any has registered, whether all are up, and whether there are enough.

use operator_plugin::{Check, EntityId, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::entities::{self, Store};

use crate::report::Report;

/// Stores send heartbeats every 10 s; PD reports a store as disconnected after 20 s without one.
const HEARTBEAT_LAG_MAX_S: f64 = 20.0;

/// The first store that reaches PD bootstraps the cluster.
pub(crate) fn bootstrapped() -> Check {
    Check::new(
        "deployment-bootstrapped",
        "at least one TiKV store has registered with PD",
    )
    .critical()
    .reads(&["cluster"])
    .by(evaluate_bootstrapped)
}

/// A store that has registered may not be serving yet.
pub(crate) fn up() -> Check {
    Check::new(
        "deployment-stores-up",
        "every store is up, serving and sending heartbeats",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate_up)
}

/// PD cannot place more replicas of a region than there are stores.
pub(crate) fn enough() -> Check {
    Check::new(
        "deployment-enough-stores",
        "the number of replicas fits the number of stores",
    )
    .critical()
    .reads(&["cluster", "stores"])
    .by(evaluate_enough)
}

const NEVER_REACHED: &str = "start TiKV with --pd-endpoints=HOST:PORT of running PD members, without http://. A TiKV that \
runs but is not listed never reached PD: its log contains `failed to connect to PD member` for a wrong or dead address, and \
`cluster ID mismatch` for a data directory of another cluster, which must be emptied";

fn evaluate_bootstrapped(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let clusters = snapshot.table("cluster")?;
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let mut report = Report::default();
    match row.boolean("bootstrapped") {
        Some(true) => report.pass(entity),
        None => report.unknown(
            &entity,
            "PD did not report whether the cluster is bootstrapped",
        ),
        Some(false) => {
            let violation = Violation::new(
                entity,
                "PD is running, but no TiKV has ever registered with it",
            )
            .evidence(row.evidence("bootstrapped").expected("true"));
            report.fail(violation, NEVER_REACHED);
        }
    }
    Ok(report.conclude("the cluster is bootstrapped"))
}

fn evaluate_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut report = Report::default();
    for store in stores.rows().filter_map(Store::of) {
        evaluate_store(store, &mut report);
    }
    Ok(report.conclude(format!("{} stores", stores.len())))
}

fn evaluate_store(store: Store<'_>, report: &mut Report) {
    let entity = store.entity();
    let name = store.name();
    let row = store.row;
    if !store.has_reported() {
        return report.unknown(
            &entity,
            "it has registered but has not sent a heartbeat yet; try again in 20 s",
        );
    }
    match row.text("state") {
        Some("Up") => {}
        Some(state) => {
            let violation = Violation::new(entity, format!("PD reports {name} as {state}"))
                .evidence(row.evidence("state").expected("Up"));
            return report.fail(violation, remedy_for(state));
        }
        None => return report.unknown(&entity, "PD did not report its state"),
    }
    match (row.text("node_state"), row.number("heartbeat_lag_s")) {
        (Some(state @ ("Removing" | "Removed")), _) => {
            let violation = Violation::new(
                entity,
                format!("{name} is being removed (node state {state})"),
            )
            .evidence(row.evidence("node_state").expected("Serving"));
            report.fail(violation, remedy_for("Offline"));
        }
        (_, Some(lag_s)) if lag_s >= HEARTBEAT_LAG_MAX_S => {
            let violation = Violation::new(
                entity,
                format!(
                    "the last heartbeat of {name} is {lag_s:.0} s older than that of other stores"
                ),
            )
            .evidence(row.evidence("heartbeat_lag_s").expected("below 20 s"));
            report.fail(violation, remedy_for("Disconnected"));
        }
        _ => report.pass(entity),
    }
}

fn remedy_for(state: &str) -> &'static str {
    match state {
        "Offline" => {
            "the store is being removed; to cancel the removal, run pd-ctl store cancel-delete ID"
        }
        _ => {
            "check that the process is running and reaches PD at its --pd-endpoints; a store that lost its volume comes \
             back as a new store: remove the old one with pd-ctl store delete ID"
        }
    }
}

fn evaluate_enough(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let clusters = snapshot.table("cluster")?;
    let stores = snapshot.table("stores")?;
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let Some(replicas) = row.integer("max_replicas") else {
        return Ok(Outcome::inconclusive("PD did not report max-replicas"));
    };
    let up = usable(&stores);
    let mut report = Report::default();
    match wrong_number(replicas, up) {
        None => report.pass(entity),
        Some((summary, remedy)) => report.fail(of_replicas(row, entity, summary, up), remedy),
    }
    Ok(report.conclude(format!("{replicas} replicas on {up} stores")))
}

/// Stores that are up, or will be after their first heartbeat.
fn usable(stores: &TableView) -> i64 {
    let usable = stores
        .rows()
        .filter_map(Store::of)
        .filter(|store| store.is_up() || !store.has_reported());
    i64::try_from(usable.count()).unwrap_or(i64::MAX)
}

fn wrong_number(replicas: i64, up: i64) -> Option<(String, &'static str)> {
    if replicas > up {
        let summary = format!("max-replicas is {replicas}, but only {up} stores are up");
        return Some((summary, NEVER_REACHED));
    }
    if replicas % 2 == 0 {
        let summary = format!(
            "{replicas} replicas tolerate no more failures than {}",
            replicas - 1
        );
        return Some((
            summary,
            "set an odd number of replicas: pd-ctl config set max-replicas 3",
        ));
    }
    if replicas == 1 && up >= 3 {
        let summary = format!(
            "each region has one replica although {up} stores are up: losing any store loses data"
        );
        return Some((
            summary,
            "set three replicas: pd-ctl config set max-replicas 3",
        ));
    }
    None
}

fn of_replicas(row: Row<'_>, entity: EntityId, summary: String, up: i64) -> Violation {
    Violation::new(entity, summary).evidence(
        row.evidence("max_replicas")
            .expected(format!("odd, and at most {up}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn outcome_of(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_pd_that_no_tikv_has_reached_is_no_cluster() {
        let found = outcome_of(
            &bootstrapped(),
            &Cluster::healthy().cluster("bootstrapped", false),
        );
        assert!(
            found.reason().contains("--pd-endpoints"),
            "{}",
            found.reason()
        );
        assert_eq!(
            outcome_of(&bootstrapped(), &Cluster::healthy()).status(),
            Status::Pass
        );
        let unknown = Cluster::healthy().cluster("bootstrapped", Cell::Null);
        assert_eq!(
            outcome_of(&bootstrapped(), &unknown).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn too_few_stores_for_the_replicas_lists_what_keeps_a_tikv_away() {
        let lost = Cluster::healthy().store("5", "state", "Down");
        let found = outcome_of(&enough(), &lost);
        assert_eq!(
            found.violations()[0].summary,
            "max-replicas is 3, but only 2 stores are up"
        );
        assert!(
            found.reason().contains("cluster ID mismatch"),
            "{}",
            found.reason()
        );
        assert_eq!(
            outcome_of(&enough(), &Cluster::healthy()).status(),
            Status::Pass
        );
    }

    #[test]
    fn one_replica_on_three_stores_and_two_replicas_anywhere_are_violations() {
        for (replicas, passes) in [(1, false), (2, false), (3, true)] {
            let found = outcome_of(
                &enough(),
                &Cluster::healthy().cluster("max_replicas", replicas),
            );
            assert_eq!(found.status() == Status::Pass, passes, "{replicas}");
        }
    }

    #[test]
    fn a_store_that_is_down_or_being_removed_is_a_violation_and_a_new_one_is_inconclusive() {
        let down = outcome_of(&up(), &Cluster::healthy().store("4", "state", "Down"));
        assert_eq!(
            down.violations()[0].summary,
            "PD reports TiKV tikv-1:20160 as Down"
        );
        let leaving = outcome_of(
            &up(),
            &Cluster::healthy().store("4", "node_state", "Removing"),
        );
        assert!(
            leaving.reason().contains("cancel-delete"),
            "{}",
            leaving.reason()
        );
        let late = outcome_of(
            &up(),
            &Cluster::healthy().store("4", "heartbeat_lag_s", 25.0),
        );
        assert_eq!(late.status(), Status::Fail);
        let new = Cluster::healthy()
            .store("4", "heartbeat_seen", false)
            .store("4", "state", "Down");
        assert_eq!(outcome_of(&up(), &new).status(), Status::Inconclusive);
        assert_eq!(
            outcome_of(&up(), &Cluster::healthy()).status(),
            Status::Pass
        );
    }
}
