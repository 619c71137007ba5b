//! Whether a store that is being removed can ever be empty.

use judging::entities::Store;
use operator_plugin::{Check, Outcome, PluginError, Snapshot, Violation};

/// F30, I42 in advance: PD never says that a removal cannot end, it only goes on trying. Each region has one replica on a store,
/// so that with fewer stores left than replicas nothing can move.
pub(crate) fn has_room() -> Check {
    Check::new(
        "removal-has-room",
        "a store is removed only while as many others stay as regions have replicas",
    )
    .hold_ms(60_000)
    .reads(&["stores", "cluster"])
    .by(judge)
}

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let max_replicas = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("max_replicas"));
    let Some(replicas) = max_replicas else {
        return Ok(Outcome::inconclusive("the number of replicas is not known"));
    };
    let (leaving, staying): (Vec<Store<'_>>, Vec<Store<'_>>) = stores
        .rows()
        .filter_map(Store::of)
        .partition(is_being_removed);
    let looked_at = format!(
        "{} stores are being removed, {} stay",
        leaving.len(),
        staying.len()
    );
    let is_short = i64::try_from(staying.len()).unwrap_or(i64::MAX) < replicas;
    if !is_short || leaving.is_empty() {
        return Ok(Outcome::pass(looked_at).passing(
            stores
                .rows()
                .filter_map(Store::of)
                .map(|store| store.entity()),
        ));
    }
    Ok(Outcome::fail(
        looked_at,
        leaving
            .iter()
            .map(|store| violation(store, staying.len(), replicas))
            .collect(),
    ))
}

fn is_being_removed(store: &Store<'_>) -> bool {
    store.row.text("state") == Some("Offline") || store.row.text("node_state") == Some("Removing")
}

fn violation(store: &Store<'_>, staying: usize, replicas: i64) -> Violation {
    let summary = format!(
        "{} is being removed, but only {staying} stores stay for {replicas} replicas: its own have nowhere to go",
        store.name()
    );
    Violation::new(store.entity(), summary)
        .evidence(store.row.evidence("state").expected("Up, or a store more"))
        .evidence(store.row.evidence("region_count").expected("falls to 0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judge_with(cluster: &Cluster) -> Outcome {
        has_room().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn with_as_many_stores_as_replicas_none_can_go() {
        assert_eq!(judge_with(&Cluster::healthy()).status, Status::Pass);
        let leaving = Cluster::healthy().store("4", "state", "Offline");
        let outcome = judge_with(&leaving);
        assert_eq!(
            (outcome.status, outcome.violations[0].entity.as_str()),
            (Status::Fail, "store/4")
        );
        assert_eq!(outcome.violations.len(), 1);
        assert_eq!(
            judge_with(&Cluster::healthy().store("4", "node_state", "Removing")).status,
            Status::Fail
        );
    }

    #[test]
    fn with_one_store_more_it_can() {
        let roomy = Cluster::healthy()
            .store("4", "state", "Offline")
            .cluster("max_replicas", 2_i64);
        assert_eq!(judge_with(&roomy).status, Status::Pass);
    }

    #[test]
    fn without_the_number_of_replicas_nothing_is_said() {
        let unknown = Cluster::healthy().cluster("max_replicas", Cell::Null);
        assert_eq!(judge_with(&unknown).status, Status::Inconclusive);
    }
}
