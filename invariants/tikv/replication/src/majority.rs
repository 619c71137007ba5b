//! Stores lost at the same time, and replication settings that cannot be met.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation};
use tikv_check_support::entities::Store;
use tikv_check_support::{entities, guards};

/// Works without looking at each region. The loss of one store leaves a majority everywhere. The loss of as many stores as
/// make up a majority of the replicas leaves some region without one, unless location labels keep its replicas apart.
pub(crate) fn replicas() -> Check {
    Check::new(
        "replica-majority",
        "fewer stores are lost than make up a majority of a region's replicas",
    )
    .critical()
    .pending_for(Duration::from_secs(20))
    .reads(&["stores", "cluster"])
    .by(evaluate_majority)
}

pub(crate) fn rules() -> Check {
    Check::new(
        "replica-rules",
        "the number of replicas is odd, at least 3, and at most the number of stores",
    )
    .pending_for(Duration::from_secs(600))
    .reads(&["stores", "cluster"])
    .by(evaluate_rules)
}

/// PD's default for `max-replicas`.
const REPLICAS_DEFAULT: i64 = 3;

fn evaluate_majority(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::not_bootstrapped(snapshot) {
        return Ok(outcome);
    }
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let max_replicas = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("max_replicas"));
    let majority = max_replicas.unwrap_or(REPLICAS_DEFAULT) / 2 + 1;
    let pd_is_new =
        guards::pd_leader_since_s(snapshot).is_some_and(|since_s| since_s < guards::STORE_STATES_S);
    let reported: Vec<Store<'_>> = lost(&stores).collect();
    // A store that responds to the operator is alive, whatever PD reports: PD may hang or be cut off from all stores.
    let responds = |store: &Store<'_>| store.row.text("probe") == Some("ok");
    let lost: Vec<&Store<'_>> = reported
        .iter()
        .filter(|store| !responds(store) && (!pd_is_new || store.is_silent()))
        .collect();
    let examined = format!("{} of {} stores are lost", lost.len(), stores.len());
    let is_majority = |count: usize| i64::try_from(count).unwrap_or(i64::MAX) >= majority;
    if !is_majority(reported.len()) {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    if !is_majority(lost.len()) {
        let why = if pd_is_new {
            "it has a new leader, which may show stale states"
        } else {
            "their status servers respond"
        };
        return Ok(Outcome::inconclusive(format!(
            "PD reports {} stores as disconnected or down, but {why}",
            reported.len()
        )));
    }
    let summary = format!(
        "{examined}: regions with {majority} replicas on them cannot elect a leader or accept writes"
    );
    let mut violation =
        Violation::new(cluster, summary).confirmed(lost.iter().all(|store| store.is_silent()));
    for store in &lost {
        violation = violation.evidence(store.row.evidence("state").expected("Up"));
        if store.row.text("probe").is_some() {
            violation = violation.evidence(store.row.evidence("probe").expected("ok"));
        }
    }
    Ok(Outcome::fail(examined, vec![violation]))
}

fn lost(stores: &TableView) -> impl Iterator<Item = Store<'_>> {
    let is_lost = |store: &Store<'_>| {
        store.has_reported() && matches!(store.row.text("state"), Some("Disconnected" | "Down"))
    };
    stores.rows().filter_map(Store::of).filter(is_lost)
}

fn evaluate_rules(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let row: Option<Row<'_>> = table.first();
    let known = row.and_then(|row| Some((row, row.integer("max_replicas")?)));
    let (Some((row, replicas)), Some(cluster)) = (known, entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the number of replicas is unknown"));
    };
    let stores = snapshot.table("stores")?;
    let store_count = i64::try_from(stores.len()).unwrap_or(i64::MAX);
    let evidence = row
        .evidence("max_replicas")
        .expected("odd, at least 3, and at most the number of stores");
    let found = if replicas < 3 {
        // Three stores can hold three replicas; a cluster with fewer is for tests.
        let severity = if store_count < REPLICAS_DEFAULT {
            Severity::Info
        } else {
            Severity::Warning
        };
        Some((
            format!(
                "regions have {replicas} replicas: losing one store loses data or stops writes"
            ),
            severity,
        ))
    } else if replicas % 2 == 0 {
        Some((
            format!(
                "regions have {replicas} replicas: an even number costs more and tolerates no more failures"
            ),
            Severity::Info,
        ))
    } else if replicas > store_count {
        Some((
            format!(
                "regions should have {replicas} replicas, but there are only {store_count} stores"
            ),
            Severity::Warning,
        ))
    } else {
        None
    };
    let examined = format!("{replicas} replicas on {store_count} stores");
    Ok(match found {
        None => Outcome::pass(examined).passing([cluster]),
        Some((summary, severity)) => {
            let violation = Violation::new(cluster, summary)
                .evidence(evidence)
                .severity(severity);
            Outcome::fail(examined, vec![violation])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn lost(cluster: Cluster, store: &str) -> Cluster {
        cluster
            .store(store, "state", "Disconnected")
            .store(store, "probe", "refused")
    }

    #[test]
    fn losing_one_store_keeps_the_majority_and_losing_two_does_not() {
        let one = lost(Cluster::healthy(), "4");
        assert_eq!(evaluate(&replicas(), one.clone()).status(), Status::Pass);
        let outcome = evaluate(&replicas(), lost(one.clone(), "5"));
        assert!(outcome.violations()[0].confirmed);
        assert_eq!(
            evaluate(&replicas(), lost(one, "5").cluster("max_replicas", 5_i64)).status(),
            Status::Pass
        );
    }

    #[test]
    fn stores_without_heartbeats_are_not_lost_and_a_new_pd_leader_is_not_trusted() {
        let young = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster
                    .store(store, "state", "Down")
                    .store(store, "heartbeat_seen", false)
            });
        assert_eq!(evaluate(&replicas(), young).status(), Status::Pass);
        let stale = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster.store(store, "state", "Disconnected")
            });
        assert_eq!(
            evaluate(&replicas(), stale.clone().cluster("pd_leader_since_s", 4.0)).status(),
            Status::Inconclusive
        );
        // PD hangs: it receives no heartbeats, but all stores respond.
        let living = ["1", "4", "5"]
            .iter()
            .fold(stale, |cluster, store| cluster.store(store, "probe", "ok"));
        assert_eq!(evaluate(&replicas(), living).status(), Status::Inconclusive);
    }

    #[test]
    fn settings_that_cannot_be_met_are_violations() {
        let with = |replicas: i64| {
            evaluate(
                &rules(),
                Cluster::healthy().cluster("max_replicas", replicas),
            )
        };
        assert_eq!(with(3).status(), Status::Pass);
        assert_eq!(
            with(2).violations()[0].severity,
            Some(Severity::Warning),
            "there are three stores"
        );
        assert_eq!(with(4).violations()[0].severity, Some(Severity::Info));
        assert_eq!(with(5).violations()[0].severity, Some(Severity::Warning));
        let unknown = Cluster::healthy().cluster("max_replicas", Cell::Null);
        assert_eq!(evaluate(&rules(), unknown).status(), Status::Inconclusive);
    }
}
