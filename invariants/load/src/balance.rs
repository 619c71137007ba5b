//! Whether the stores share leaders and data.

use judging::entities::Store;
use judging::guards;
use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, TableView, Violation};

/// I36.
pub(crate) fn leaders() -> Check {
    Check::new(
        "leader-balance",
        "in clusters of 100 regions or more, no store leads a fifth more than the average",
    )
    .info()
    .hold_ms(600_000)
    .reads(&["stores", "cluster"])
    .by(|snapshot| judge_scores(snapshot, "leader_score", "leader"))
}

/// I35.
pub(crate) fn regions() -> Check {
    Check::new(
        "region-balance",
        "in clusters of 100 regions or more, no store is a fifth fuller than the average",
    )
    .info()
    .hold_ms(1_800_000)
    .reads(&["stores", "cluster"])
    .by(|snapshot| judge_scores(snapshot, "region_score", "region"))
}

/// I36, second half: a store that serves nobody is a store less.
pub(crate) fn every_store_leads() -> Check {
    Check::new(
        "store-leads",
        "every store with more than 50 replicas leads some of them",
    )
    .hold_ms(600_000)
    .reads(&["stores"])
    .by(judge_leaderless)
}

const RATIO_MAX: f64 = 1.2;

fn judge_scores(snapshot: &Snapshot, column: &str, of: &str) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let guard = guards::small_cluster(snapshot)
        .or_else(|| guards::new_pd_leader(snapshot, guards::REGION_LISTS_S))
        .or_else(|| unlike(snapshot, &stores));
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
            "the {of} scores of the stores are not known"
        )));
    }
    let mut findings = Findings::new();
    for store in up {
        match store.row.number(column) {
            None => findings.unknown(&store.entity(), "its score is not known"),
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

/// Stores that are young, being filled or emptied, of other weight or size, or kept free of leaders are uneven by design.
fn unlike(snapshot: &Snapshot, stores: &TableView) -> Option<Outcome> {
    let reason = |store: Store<'_>| {
        if store
            .row
            .number("uptime_s")
            .is_some_and(|uptime_s| uptime_s < guards::RESTART_S)
        {
            return Some("started less than 10 minutes ago");
        }
        if store
            .row
            .text("node_state")
            .is_some_and(|state| state != "Serving")
        {
            return Some("is being filled or emptied");
        }
        if store
            .row
            .number("leader_weight")
            .is_some_and(|weight| (weight - 1.0).abs() > f64::EPSILON)
        {
            return Some("has a weight of its own");
        }
        let held = store.row.boolean("pause_leader_in") == Some(true);
        (held || guards::eviction_of(snapshot, store.key).is_some())
            .then_some("is kept free of leaders")
    };
    let found = stores
        .rows()
        .filter_map(Store::of)
        .find_map(|store| reason(store).map(|why| (store.name(), why)));
    found
        .map(|(name, why)| Outcome::inconclusive(format!("{name} {why}, so that skew is no fault")))
}

const REPLICAS_MIN: i64 = 50;

fn judge_leaderless(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::REGION_LISTS_S) {
        return Ok(outcome);
    }
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let (leaders, replicas) = (
            store.row.integer("leader_count"),
            store.row.integer("region_count"),
        );
        let (Some(leaders), Some(replicas)) = (leaders, replicas) else {
            findings.unknown(
                &store.entity(),
                "its numbers of leaders and replicas are not known",
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn skewed() -> Cluster {
        Cluster::healthy()
            .store("4", "leader_score", 200.0)
            .store("4", "region_score", 70_000.0)
    }

    #[test]
    fn a_store_a_fifth_above_the_average_is_named() {
        for check in [leaders(), regions()] {
            assert_eq!(judge(&check, skewed()).violations[0].entity, "store/4");
            assert_eq!(judge(&check, Cluster::healthy()).status, Status::Pass);
        }
        assert_eq!(
            judge(
                &leaders(),
                Cluster::healthy().store("4", "leader_score", 160.0)
            )
            .status,
            Status::Pass
        );
    }

    #[test]
    fn small_clusters_may_be_uneven() {
        assert_eq!(
            judge(&leaders(), skewed().cluster("region_count", 29_i64)).status,
            Status::Pass
        );
    }

    #[test]
    fn what_is_uneven_by_design_is_not_judged() {
        for cluster in [
            skewed().store("1", "uptime_s", 30.0),
            skewed().store("1", "node_state", "Preparing"),
            skewed().store("1", "leader_weight", 2.0),
            skewed().store("1", "pause_leader_in", true),
            skewed().cluster("pd_leader_since_s", 60.0),
            skewed().cluster("region_count", Cell::Null),
        ] {
            assert_eq!(judge(&leaders(), cluster).status, Status::Inconclusive);
        }
    }

    #[test]
    fn a_store_that_leads_nothing_is_named_unless_it_is_small_or_young() {
        let idle = Cluster::healthy().store("4", "leader_count", 0_i64);
        assert_eq!(
            judge(&every_store_leads(), idle.clone()).violations[0].entity,
            "store/4"
        );
        assert_eq!(
            judge(
                &every_store_leads(),
                idle.clone().store("4", "region_count", 29_i64)
            )
            .status,
            Status::Pass
        );
        assert_eq!(
            judge(&every_store_leads(), idle.store("4", "uptime_s", 60.0)).status,
            Status::Pass
        );
        let unknown = Cluster::healthy().store("4", "leader_count", Cell::Null);
        assert_eq!(
            judge(&every_store_leads(), unknown).status,
            Status::Inconclusive
        );
    }
}
