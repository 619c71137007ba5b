//! Whether enough stores are left, and whether the rules can be kept at all.

use judging::entities::Store;
use judging::{entities, guards};
use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation};

/// I02 without looking at each region: one store lost leaves a majority everywhere, as many as a majority of the
/// replicas lost at once takes it from some region, unless labels keep their replicas apart.
pub(crate) fn replicas() -> Check {
    Check::new(
        "replica-majority",
        "fewer stores are lost at once than a majority of a region's replicas",
    )
    .critical()
    .hold_ms(20_000)
    .reads(&["stores", "cluster"])
    .by(judge_majority)
}

/// I67.
pub(crate) fn rules() -> Check {
    Check::new(
        "replica-rules",
        "regions have an odd number of replicas, three or more, and as many stores",
    )
    .hold_ms(600_000)
    .reads(&["stores", "cluster"])
    .by(judge_rules)
}

/// What PD assumes when it does not say.
const REPLICAS_USUAL: i64 = 3;

fn judge_majority(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::not_bootstrapped(snapshot) {
        return Ok(outcome);
    }
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let max_replicas = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("max_replicas"));
    let majority = max_replicas.unwrap_or(REPLICAS_USUAL) / 2 + 1;
    let pd_is_new =
        guards::pd_leader_since_s(snapshot).is_some_and(|since_s| since_s < guards::STORE_STATES_S);
    let said: Vec<Store<'_>> = lost(&stores).collect();
    // A store that answers us lives, whatever PD hears: PD may hang, or be cut off from all of them.
    let answers = |store: &Store<'_>| store.row.text("probe") == Some("ok");
    let lost: Vec<&Store<'_>> = said
        .iter()
        .filter(|store| !answers(store) && (!pd_is_new || store.is_silent()))
        .collect();
    let looked_at = format!("{} of {} stores are lost", lost.len(), stores.len());
    let is_majority = |count: usize| i64::try_from(count).unwrap_or(i64::MAX) >= majority;
    if !is_majority(said.len()) {
        return Ok(Outcome::pass(looked_at).passing([cluster]));
    }
    if !is_majority(lost.len()) {
        let why = if pd_is_new {
            "it has a new leader, which may show old states"
        } else {
            "they answer us"
        };
        return Ok(Outcome::inconclusive(format!(
            "PD calls {} stores away, but {why}",
            said.len()
        )));
    }
    let summary = format!(
        "{looked_at} at once: regions with {majority} replicas on them cannot write or elect"
    );
    let mut violation =
        Violation::new(cluster, summary).confirmed(lost.iter().all(|store| store.is_silent()));
    for store in &lost {
        violation = violation.evidence(store.row.evidence("state").expected("Up"));
        if store.row.text("probe").is_some() {
            violation = violation.evidence(store.row.evidence("probe").expected("ok"));
        }
    }
    Ok(Outcome::fail(looked_at, vec![violation]))
}

fn lost(stores: &TableView) -> impl Iterator<Item = Store<'_>> {
    let is_lost = |store: &Store<'_>| {
        store.has_reported() && matches!(store.row.text("state"), Some("Disconnected" | "Down"))
    };
    stores.rows().filter_map(Store::of).filter(is_lost)
}

fn judge_rules(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let row: Option<Row<'_>> = table.first();
    let known = row.and_then(|row| Some((row, row.integer("max_replicas")?)));
    let (Some((row, replicas)), Some(cluster)) = (known, entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the number of replicas is not known"));
    };
    let stores = snapshot.table("stores")?;
    let store_count = i64::try_from(stores.len()).unwrap_or(i64::MAX);
    let evidence = row
        .evidence("max_replicas")
        .expected("odd, 3 or more, and no more than there are stores");
    let found = if replicas < 3 {
        // Who has three stores can have three replicas; with fewer it is a cluster for tests.
        let severity = if store_count < REPLICAS_USUAL {
            Severity::Info
        } else {
            Severity::Warning
        };
        Some((
            format!(
                "regions have {replicas} replicas: the loss of one store loses data or stops writes"
            ),
            severity,
        ))
    } else if replicas % 2 == 0 {
        Some((
            format!(
                "regions have {replicas} replicas: an even number costs more and survives no more"
            ),
            Severity::Info,
        ))
    } else if replicas > store_count {
        Some((
            format!("regions should have {replicas} replicas, but there are {store_count} stores"),
            Severity::Warning,
        ))
    } else {
        None
    };
    let looked_at = format!("{replicas} replicas on {store_count} stores");
    Ok(match found {
        None => Outcome::pass(looked_at).passing([cluster]),
        Some((summary, severity)) => {
            let violation = Violation::new(cluster, summary)
                .evidence(evidence)
                .severity(severity);
            Outcome::fail(looked_at, vec![violation])
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn lost(cluster: Cluster, store: &str) -> Cluster {
        cluster
            .store(store, "state", "Disconnected")
            .store(store, "probe", "refused")
    }

    #[test]
    fn one_lost_store_keeps_the_majority_and_two_do_not() {
        let one = lost(Cluster::healthy(), "4");
        assert_eq!(judge(&replicas(), one.clone()).status, Status::Pass);
        let outcome = judge(&replicas(), lost(one.clone(), "5"));
        assert!(outcome.violations[0].confirmed);
        assert_eq!(
            judge(&replicas(), lost(one, "5").cluster("max_replicas", 5_i64)).status,
            Status::Pass
        );
    }

    #[test]
    fn stores_that_never_reported_are_not_lost_and_a_new_pd_leader_is_not_believed() {
        let young = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster
                    .store(store, "state", "Down")
                    .store(store, "heartbeat_seen", false)
            });
        assert_eq!(judge(&replicas(), young).status, Status::Pass);
        let stale = ["1", "4", "5"]
            .iter()
            .fold(Cluster::healthy(), |cluster, store| {
                cluster.store(store, "state", "Disconnected")
            });
        assert_eq!(
            judge(&replicas(), stale.clone().cluster("pd_leader_since_s", 4.0)).status,
            Status::Inconclusive
        );
        // PD hangs: it hears of nobody, and all of them answer us.
        let living = ["1", "4", "5"]
            .iter()
            .fold(stale, |cluster, store| cluster.store(store, "probe", "ok"));
        assert_eq!(judge(&replicas(), living).status, Status::Inconclusive);
    }

    #[test]
    fn rules_that_cannot_be_kept_are_named() {
        let with = |replicas: i64| {
            judge(
                &rules(),
                Cluster::healthy().cluster("max_replicas", replicas),
            )
        };
        assert_eq!(with(3).status, Status::Pass);
        assert_eq!(
            with(2).violations[0].severity,
            Some(Severity::Warning),
            "there are three stores"
        );
        assert_eq!(with(4).violations[0].severity, Some(Severity::Info));
        assert_eq!(with(5).violations[0].severity, Some(Severity::Warning));
        let unknown = Cluster::healthy().cluster("max_replicas", Cell::Null);
        assert_eq!(judge(&rules(), unknown).status, Status::Inconclusive);
    }
}
