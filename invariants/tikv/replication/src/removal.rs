//! Removal of stores that can never finish.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Snapshot, Violation};
use tikv_check_support::entities::Store;

/// PD does not report that a removal cannot finish; it keeps trying. A store holds at most one replica of a region, so with
/// fewer remaining stores than replicas nothing can move.
pub(crate) fn has_room() -> Check {
    Check::new(
        "removal-has-room",
        "stores are removed only if enough others remain for all replicas",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores", "cluster"])
    .by(evaluate)
}

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let max_replicas = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("max_replicas"));
    let Some(replicas) = max_replicas else {
        return Ok(Outcome::inconclusive("the number of replicas is unknown"));
    };
    let (leaving, remaining): (Vec<Store<'_>>, Vec<Store<'_>>) = stores
        .rows()
        .filter_map(Store::of)
        .partition(is_being_removed);
    let examined = format!(
        "{} stores are being removed, {} remain",
        leaving.len(),
        remaining.len()
    );
    let is_short = i64::try_from(remaining.len()).unwrap_or(i64::MAX) < replicas;
    if !is_short || leaving.is_empty() {
        return Ok(Outcome::pass(examined).passing(
            stores
                .rows()
                .filter_map(Store::of)
                .map(|store| store.entity()),
        ));
    }
    Ok(Outcome::fail(
        examined,
        leaving
            .iter()
            .map(|store| violation(store, remaining.len(), replicas))
            .collect(),
    ))
}

fn is_being_removed(store: &Store<'_>) -> bool {
    store.row.text("state") == Some("Offline") || store.row.text("node_state") == Some("Removing")
}

fn violation(store: &Store<'_>, remaining: usize, replicas: i64) -> Violation {
    let summary = format!(
        "{} is being removed, but only {remaining} stores remain for {replicas} replicas, so its replicas cannot move",
        store.name()
    );
    Violation::new(store.entity(), summary)
        .evidence(
            store
                .row
                .evidence("state")
                .expected("Up, or one more store"),
        )
        .evidence(
            store
                .row
                .evidence("region_count")
                .expected("decreasing to 0"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate_with(cluster: &Cluster) -> Outcome {
        has_room().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn with_as_many_stores_as_replicas_none_can_be_removed() {
        assert_eq!(evaluate_with(&Cluster::healthy()).status(), Status::Pass);
        let leaving = Cluster::healthy().store("4", "state", "Offline");
        let outcome = evaluate_with(&leaving);
        assert_eq!(
            (
                outcome.status(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (Status::Fail, "store/4")
        );
        assert_eq!(outcome.violations().len(), 1);
        assert_eq!(
            evaluate_with(&Cluster::healthy().store("4", "node_state", "Removing")).status(),
            Status::Fail
        );
    }

    #[test]
    fn with_one_more_store_it_can() {
        let roomy = Cluster::healthy()
            .store("4", "state", "Offline")
            .cluster("max_replicas", 2_i64);
        assert_eq!(evaluate_with(&roomy).status(), Status::Pass);
    }

    #[test]
    fn an_unknown_number_of_replicas_is_inconclusive() {
        let unknown = Cluster::healthy().cluster("max_replicas", Cell::Null);
        assert_eq!(evaluate_with(&unknown).status(), Status::Inconclusive);
    }
}
