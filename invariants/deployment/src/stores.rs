//! The stores: whether there are any, whether they are up, and whether they are enough.

use judging::entities::{self, Store};
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, TableView, Violation};

use crate::report::Report;

/// PD calls a store disconnected after 20 s without a heartbeat; one comes every 10 s.
const HEARTBEAT_LAG_MAX_S: f64 = 20.0;

/// The first store that reaches PD bootstraps the cluster.
pub(crate) fn bootstrapped() -> Check {
    Check::new(
        "deployment-bootstrapped",
        "at least one TiKV has registered with this PD",
    )
    .critical()
    .reads(&["cluster"])
    .by(judge_bootstrapped)
}

/// Registered is not yet serving.
pub(crate) fn up() -> Check {
    Check::new(
        "deployment-stores-up",
        "every store is up, serves and sends heartbeats",
    )
    .critical()
    .reads(&["stores"])
    .by(judge_up)
}

/// PD cannot place more copies than there are stores.
pub(crate) fn enough() -> Check {
    Check::new(
        "deployment-enough-stores",
        "the number of copies of each region fits the number of stores",
    )
    .critical()
    .reads(&["cluster", "stores"])
    .by(judge_enough)
}

const NEVER_REACHED: &str = "start TiKV with --pd-endpoints=HOST:PORT of living PD members, without http://. One that runs and \
is not listed never reached PD: its log says `failed to connect to PD member` for a wrong or dead address, and `cluster ID \
mismatch` for a data directory that belongs to another cluster, which must be emptied";

fn judge_bootstrapped(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let clusters = snapshot.table("cluster")?;
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let mut report = Report::default();
    match row.boolean("bootstrapped") {
        Some(true) => report.pass(entity),
        None => report.unknown(&entity, "PD did not say whether it was ever bootstrapped"),
        Some(false) => {
            let violation =
                Violation::new(entity, "PD runs, and no TiKV has ever registered with it")
                    .evidence(row.evidence("bootstrapped").expected("true"));
            report.fail(violation, NEVER_REACHED);
        }
    }
    Ok(report.conclude("the cluster is bootstrapped"))
}

fn judge_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut report = Report::default();
    for store in stores.rows().filter_map(Store::of) {
        judge_store(store, &mut report);
    }
    Ok(report.conclude(format!("{} stores", stores.len())))
}

fn judge_store(store: Store<'_>, report: &mut Report) {
    let (entity, name, row) = (store.entity(), store.name(), store.row);
    if !store.has_reported() {
        return report.unknown(
            &entity,
            "it has registered and sent no heartbeat yet; look again in 20 s",
        );
    }
    match row.text("state") {
        Some("Up") => {}
        Some(state) => {
            let violation = Violation::new(entity, format!("PD says that {name} is {state}"))
                .evidence(row.evidence("state").expected("Up"));
            return report.fail(violation, remedy_for(state));
        }
        None => return report.unknown(&entity, "PD did not say in which state it is"),
    }
    match (row.text("node_state"), row.number("heartbeat_lag_s")) {
        (Some(state @ ("Removing" | "Removed")), _) => {
            let violation = Violation::new(entity, format!("{name} is being removed: {state}"))
                .evidence(row.evidence("node_state").expected("Serving"));
            report.fail(violation, remedy_for("Offline"));
        }
        (_, Some(lag_s)) if lag_s >= HEARTBEAT_LAG_MAX_S => {
            let violation = Violation::new(
                entity,
                format!("the heartbeat of {name} is {lag_s:.0} s behind the others'"),
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
            "someone asked for its removal: when that was a mistake, pd-ctl store cancel-delete ID"
        }
        _ => {
            "see whether that process runs and reaches PD at its --pd-endpoints; when its volume was lost it comes back as a \
             new store: remove the old one with pd-ctl store delete ID"
        }
    }
}

fn judge_enough(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (clusters, stores) = (snapshot.table("cluster")?, snapshot.table("stores")?);
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let Some(replicas) = row.integer("max_replicas") else {
        return Ok(Outcome::inconclusive(
            "PD did not say how many copies of each region it keeps",
        ));
    };
    let up = living(&stores);
    let mut report = Report::default();
    match wrong_number(replicas, up) {
        None => report.pass(entity),
        Some((summary, remedy)) => report.fail(of_replicas(row, entity, summary, up), remedy),
    }
    Ok(report.conclude(format!("{replicas} copies on {up} stores")))
}

/// Stores that are up, or would be as soon as they report.
fn living(stores: &TableView) -> i64 {
    let living = stores
        .rows()
        .filter_map(Store::of)
        .filter(|store| store.is_up() || !store.has_reported());
    i64::try_from(living.count()).unwrap_or(i64::MAX)
}

fn wrong_number(replicas: i64, up: i64) -> Option<(String, &'static str)> {
    if replicas > up {
        let summary =
            format!("PD is to keep {replicas} copies of each region, and {up} stores are up");
        return Some((summary, NEVER_REACHED));
    }
    if replicas % 2 == 0 {
        let summary = format!(
            "{replicas} copies of each region survive no more failures than {}",
            replicas - 1
        );
        return Some((
            summary,
            "set an odd number: pd-ctl config set max-replicas 3",
        ));
    }
    if replicas == 1 && up >= 3 {
        let summary = format!(
            "each region has one copy, although {up} stores are up: the loss of any store loses data"
        );
        return Some((summary, "pd-ctl config set max-replicas 3"));
    }
    None
}

fn of_replicas(row: Row<'_>, entity: String, summary: String, up: i64) -> Violation {
    Violation::new(entity, summary).evidence(
        row.evidence("max_replicas")
            .expected(format!("fits {up} stores")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judged(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_pd_that_no_tikv_has_reached_is_not_a_cluster() {
        let found = judged(
            &bootstrapped(),
            &Cluster::healthy().cluster("bootstrapped", false),
        );
        assert!(found.reason.contains("--pd-endpoints"), "{}", found.reason);
        assert_eq!(
            judged(&bootstrapped(), &Cluster::healthy()).status,
            Status::Pass
        );
        let unknown = Cluster::healthy().cluster("bootstrapped", Cell::Null);
        assert_eq!(
            judged(&bootstrapped(), &unknown).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_store_too_few_for_the_copies_says_what_keeps_a_tikv_away() {
        let lost = Cluster::healthy().store("5", "state", "Down");
        let found = judged(&enough(), &lost);
        assert_eq!(
            found.violations[0].summary,
            "PD is to keep 3 copies of each region, and 2 stores are up"
        );
        assert!(
            found.reason.contains("cluster ID mismatch"),
            "{}",
            found.reason
        );
        assert_eq!(judged(&enough(), &Cluster::healthy()).status, Status::Pass);
    }

    #[test]
    fn one_copy_on_three_stores_and_two_copies_anywhere_are_wrong() {
        for (replicas, is_right) in [(1, false), (2, false), (3, true)] {
            let found = judged(
                &enough(),
                &Cluster::healthy().cluster("max_replicas", replicas),
            );
            assert_eq!(found.status == Status::Pass, is_right, "{replicas}");
        }
    }

    #[test]
    fn a_store_that_is_down_or_on_its_way_out_is_named_and_a_new_one_is_waited_for() {
        let down = judged(&up(), &Cluster::healthy().store("4", "state", "Down"));
        assert_eq!(
            down.violations[0].summary,
            "PD says that TiKV tikv-1:20160 is Down"
        );
        let leaving = judged(
            &up(),
            &Cluster::healthy().store("4", "node_state", "Removing"),
        );
        assert!(
            leaving.reason.contains("cancel-delete"),
            "{}",
            leaving.reason
        );
        let late = judged(
            &up(),
            &Cluster::healthy().store("4", "heartbeat_lag_s", 25.0),
        );
        assert_eq!(late.status, Status::Fail);
        let new = Cluster::healthy()
            .store("4", "heartbeat_seen", false)
            .store("4", "state", "Down");
        assert_eq!(judged(&up(), &new).status, Status::Inconclusive);
        assert_eq!(judged(&up(), &Cluster::healthy()).status, Status::Pass);
    }
}
