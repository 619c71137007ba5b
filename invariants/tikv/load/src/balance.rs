//! Balance of leaders and data over the stores.

use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, TableView, Violation};
use tikv_check_support::entities::Store;
use tikv_check_support::guards;

pub(crate) fn leaders() -> Check {
    Check::new(
        "leader-balance",
        "in clusters with 100 regions or more, no store's leader score exceeds the average by more than 20 %",
    )
    .info()
    .pending_for(Duration::from_secs(600))
    .reads(&["stores", "cluster"])
    .by(|snapshot| evaluate_scores(snapshot, "leader_score", "leader"))
}

pub(crate) fn regions() -> Check {
    Check::new(
        "region-balance",
        "in clusters with 100 regions or more, no store's region score exceeds the average by more than 20 %",
    )
    .info()
    .pending_for(Duration::from_secs(1800))
    .reads(&["stores", "cluster"])
    .by(|snapshot| evaluate_scores(snapshot, "region_score", "region"))
}

/// A store without leaders serves no requests.
pub(crate) fn every_store_leads() -> Check {
    Check::new(
        "store-leads",
        "every store with more than 50 replicas leads at least one region",
    )
    .pending_for(Duration::from_secs(600))
    .reads(&["stores"])
    .by(evaluate_leaderless)
}

const RATIO_MAX: f64 = 1.2;

fn evaluate_scores(snapshot: &Snapshot, column: &str, of: &str) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let guard = guards::small_cluster(snapshot)
        .or_else(|| guards::new_pd_leader(snapshot, guards::REGION_LISTS_S))
        .or_else(|| uneven_by_design(snapshot, &stores));
    if let Some(outcome) = guard {
        return Ok(outcome);
    }
    let up: Vec<Store<'_>> = stores
        .rows()
        .filter_map(Store::of)
        .filter(Store::is_up)
        .collect();
    let scores: Vec<f64> = up
        .iter()
        .filter_map(|store| store.row.number(column))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of stores")]
    let average = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    if scores.len() < 2 || average <= 0.0 {
        return Ok(Outcome::inconclusive(format!(
            "the {of} scores of the stores are unknown"
        )));
    }
    let mut findings = Findings::new();
    for store in up {
        match store.row.number(column) {
            None => findings.unknown(&store.entity(), "its score is unknown"),
            Some(score) if score <= RATIO_MAX * average => findings.pass(store.entity()),
            Some(score) => {
                let times = score / average;
                let summary = format!(
                    "the {of} score of {} is {times:.2} times the average",
                    store.name()
                );
                let evidence = store
                    .row
                    .evidence(column)
                    .expected(format!("at most 1.2 times {average:.0}"));
                findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
            }
        }
    }
    Ok(findings.conclude(format!("{of} scores of {} stores", scores.len())))
}

/// Inconclusive if a store is young, being filled or drained, has its own weight, or has its leaders evicted: the cluster
/// is then unbalanced by design.
fn uneven_by_design(snapshot: &Snapshot, stores: &TableView) -> Option<Outcome> {
    let reason = |store: Store<'_>| {
        if store
            .row
            .number("uptime_s")
            .is_some_and(|uptime_s| uptime_s < guards::RESTART_S)
        {
            return Some("started less than 10 min ago");
        }
        if store
            .row
            .text("node_state")
            .is_some_and(|state| state != "Serving")
        {
            return Some("is joining or leaving the cluster");
        }
        if store
            .row
            .number("leader_weight")
            .is_some_and(|weight| (weight - 1.0).abs() > f64::EPSILON)
        {
            return Some("has a leader weight other than 1");
        }
        let is_evicting = store.row.boolean("pause_leader_in") == Some(true);
        (is_evicting || guards::eviction_of(snapshot, store.key).is_some())
            .then_some("has its leaders evicted")
    };
    let found = stores
        .rows()
        .filter_map(Store::of)
        .find_map(|store| reason(store).map(|why| (store.name(), why)));
    found
        .map(|(name, why)| Outcome::inconclusive(format!("{name} {why}, so imbalance is expected")))
}

const REPLICAS_MIN: i64 = 50;

fn evaluate_leaderless(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::REGION_LISTS_S) {
        return Ok(outcome);
    }
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let (Some(leaders), Some(replicas)) = (
            store.row.integer("leader_count"),
            store.row.integer("region_count"),
        ) else {
            findings.unknown(
                &store.entity(),
                "its numbers of leaders and replicas are unknown",
            );
            continue;
        };
        let young = store
            .row
            .number("uptime_s")
            .is_some_and(|uptime_s| uptime_s < guards::RESTART_S);
        let preparing = store
            .row
            .text("node_state")
            .is_some_and(|state| state != "Serving");
        if leaders > 0 || replicas <= REPLICAS_MIN || young || preparing {
            findings.pass(store.entity());
            continue;
        }
        let summary = format!("{} leads none of its {replicas} replicas", store.name());
        let evidence = store.row.evidence("leader_count").expected("above 0");
        findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
    }
    Ok(findings.conclude(format!("leaders of {} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn skewed() -> Cluster {
        Cluster::healthy()
            .store("4", "leader_score", 200.0)
            .store("4", "region_score", 70_000.0)
    }

    #[test]
    fn a_store_more_than_20_percent_above_the_average_is_a_violation() {
        for check in [leaders(), regions()] {
            assert_eq!(evaluate(&check, skewed()).violations()[0].entity, "store/4");
            assert_eq!(evaluate(&check, Cluster::healthy()).status(), Status::Pass);
        }
        assert_eq!(
            evaluate(
                &leaders(),
                Cluster::healthy().store("4", "leader_score", 160.0)
            )
            .status(),
            Status::Pass
        );
    }

    #[test]
    fn balance_does_not_apply_to_small_clusters() {
        assert_eq!(
            evaluate(&leaders(), skewed().cluster("region_count", 29_i64)).status(),
            Status::NotApplicable
        );
    }

    #[test]
    fn imbalance_by_design_is_inconclusive() {
        for cluster in [
            skewed().store("1", "uptime_s", 30.0),
            skewed().store("1", "node_state", "Preparing"),
            skewed().store("1", "leader_weight", 2.0),
            skewed().store("1", "pause_leader_in", true),
            skewed().cluster("pd_leader_since_s", 60.0),
            skewed().cluster("region_count", Cell::Null),
        ] {
            assert_eq!(evaluate(&leaders(), cluster).status(), Status::Inconclusive);
        }
    }

    #[test]
    fn a_store_without_leaders_is_a_violation_unless_it_is_small_or_young() {
        let idle = Cluster::healthy().store("4", "leader_count", 0_i64);
        assert_eq!(
            evaluate(&every_store_leads(), idle.clone()).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate(
                &every_store_leads(),
                idle.clone().store("4", "region_count", 29_i64)
            )
            .status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&every_store_leads(), idle.store("4", "uptime_s", 60.0)).status(),
            Status::Pass
        );
        let unknown = Cluster::healthy().store("4", "leader_count", Cell::Null);
        assert_eq!(
            evaluate(&every_store_leads(), unknown).status(),
            Status::Inconclusive
        );
    }
}
