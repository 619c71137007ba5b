//! PD's hot list, which shows a hot region minutes later.

use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::{entities, guards};

use crate::hot_region::store_column;

/// Evaluates the list that PD's hot region scheduler uses. It lags by minutes at both ends of a hot spot.
pub(crate) fn of_pd() -> Check {
    Check::new(
        "pd-hot-list",
        "no region in PD's hot list accounts for most of its store's flow",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["hot_peers", "store_flow", "cluster"])
    .by(evaluate)
}

/// Consecutive reports after which PD treats a region as hot.
const DEGREE_MIN: i64 = 3;
/// As for the top lists: the busiest region of an idle cluster is not hot.
const BYTES_MIN: f64 = 128.0 * 1024.0;
const SHARE_MIN: f64 = 0.5;
/// As for the top lists: among fewer regions, none is an outlier.
const REGIONS_MIN: i64 = 8;
/// The list keeps the last reported flow of a region even if the load is over or its leader died. A flow above that of the
/// whole store is such a stale value.
const OLDER_THAN_STORE: f64 = 1.0;

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let peers = snapshot.table("hot_peers")?;
    let stores = snapshot.table("store_flow")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::REGION_LISTS_S) {
        return Ok(outcome);
    }
    // In a nearly empty cluster, each region accounts for most of its store's flow.
    let regions = snapshot
        .table("cluster")?
        .rows()
        .next()
        .and_then(|row| row.integer("region_count"));
    if regions.is_some_and(|regions| regions < REGIONS_MIN) {
        let outcome =
            Outcome::pass("too few regions for an outlier").passing(entities::cluster(snapshot));
        return Ok(outcome);
    }
    let mut findings = Findings::new();
    for row in peers
        .rows()
        .filter(|row| row.boolean("is_leader") == Some(true))
    {
        evaluate_peer(row, &stores, &mut findings);
    }
    if findings.is_empty() {
        return Ok(Outcome::pass("PD reports no hot region").passing(entities::cluster(snapshot)));
    }
    Ok(findings.conclude(format!("{} entries of PD's hot list", peers.len())))
}

fn evaluate_peer(row: Row<'_>, stores: &TableView, findings: &mut Findings) {
    let (Some(region), Some(store), Some(flow)) =
        (row.text("region"), row.text("store"), row.text("flow"))
    else {
        return;
    };
    let entity = entities::region(region);
    let bytes = row.number("bytes_per_s").unwrap_or(0.0);
    let is_hot = row
        .integer("hot_degree")
        .is_some_and(|degree| degree >= DEGREE_MIN);
    if !is_hot || bytes < BYTES_MIN {
        return findings.pass(entity);
    }
    let Some((store_row, of_store)) = store_column(stores, store, flow) else {
        return findings.unknown(&entity, "the flow of its store is unknown");
    };
    if of_store < BYTES_MIN {
        return findings.pass(entity);
    }
    if bytes > OLDER_THAN_STORE * of_store {
        return findings.unknown(
            &entity,
            "its flow is stale: the flow of its whole store is smaller by now",
        );
    }
    if bytes < SHARE_MIN * of_store {
        return findings.pass(entity);
    }
    let share = bytes / of_store * 100.0;
    let summary = format!(
        "region {region} is in PD's hot list with {share:.0} % of the {flow} flow of store {store}"
    );
    findings.fail(
        Violation::new(entity, summary)
            .evidence(
                row.evidence("bytes_per_s")
                    .expected("less than half of the store's flow"),
            )
            .evidence(row.evidence("hot_degree").expected("below 3"))
            .evidence(store_row.evidence(&format!("{flow}_bytes_per_s"))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::Cluster;

    fn evaluate(bytes: f64, degree: i64) -> Outcome {
        let peers = table("hot_peers")
            .texts("region", ["88".to_owned(), "88".to_owned()])
            .texts("flow", ["write".to_owned(), "write".to_owned()])
            .texts("store", ["4".to_owned(), "1".to_owned()])
            .booleans("is_leader", [true, false])
            .floats("bytes_per_s", "By/s", [bytes; 2])
            .integers("hot_degree", "1", [degree; 2]);
        of_pd()
            .evaluate(&Cluster::healthy().table(peers).snapshot(), None)
            .unwrap()
    }

    #[test]
    fn a_region_with_most_of_its_stores_flow_is_reported_once() {
        let outcome = evaluate(390_000.0, 5);
        assert_eq!(
            (
                outcome.violations().len(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (1, "region/88")
        );
    }

    #[test]
    fn a_cool_or_small_entry_passes_and_a_stale_one_is_inconclusive() {
        assert_eq!(evaluate(390_000.0, 2).status(), Status::Pass);
        assert_eq!(evaluate(150_000.0, 9).status(), Status::Pass);
        assert_eq!(evaluate(700_000.0, 9).status(), Status::Inconclusive);
    }

    #[test]
    fn among_three_regions_none_is_an_outlier() {
        let peers = || {
            table("hot_peers")
                .texts("region", ["88".to_owned()])
                .texts("flow", ["write".to_owned()])
                .texts("store", ["4".to_owned()])
                .booleans("is_leader", [true])
                .floats("bytes_per_s", "By/s", [390_000.0])
                .integers("hot_degree", "1", [5])
        };
        let with = |regions: i64| {
            let cluster = Cluster::healthy()
                .table(peers())
                .cluster("region_count", regions);
            of_pd()
                .evaluate(&cluster.snapshot(), None)
                .unwrap()
                .status()
        };
        assert_eq!((with(3), with(300)), (Status::Pass, Status::Fail));
    }

    #[test]
    fn an_empty_list_passes_and_a_missing_one_does_not() {
        assert_eq!(
            of_pd()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Pass
        );
        assert!(
            of_pd()
                .evaluate(&Cluster::healthy().without("hot_peers").snapshot(), None)
                .is_err()
        );
    }
}
