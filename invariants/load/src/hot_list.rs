//! PD's own hot list, once it has noticed.

use judging::{entities, guards};
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};

use crate::hot_region::store_column;

/// I37, from the list that PD's hot region scheduler works with. It lags behind by minutes, both ways.
pub(crate) fn of_pd() -> Check {
    Check::new(
        "pd-hot-list",
        "no region in PD's hot list takes most of its store's flow",
    )
    .hold_ms(60_000)
    .reads(&["hot_peers", "store_flow", "cluster"])
    .by(judge)
}

/// Reports in a row after which PD calls a region hot.
const DEGREE_MIN: i64 = 3;
/// As for the top lists: an idle cluster's busiest region is not hot.
const BYTES_MIN: f64 = 128.0 * 1024.0;
const SHARE_MIN: f64 = 0.5;
/// As for the top lists: of fewer regions none stands out.
const REGIONS_MIN: i64 = 8;
/// The list repeats what it last heard, also of a region whose load is over or whose leader died: a figure above
/// that of the whole store is such a memory.
const OLDER_THAN_STORE: f64 = 1.0;

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (peers, stores) = (snapshot.table("hot_peers")?, snapshot.table("store_flow")?);
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::REGION_LISTS_S) {
        return Ok(outcome);
    }
    // Of a cluster that has hardly been written to, each region is most of what its store does.
    let regions = snapshot
        .table("cluster")?
        .rows()
        .next()
        .and_then(|row| row.integer("region_count"));
    if regions.is_some_and(|regions| regions < REGIONS_MIN) {
        let outcome = Outcome::pass("too few regions for one to stand out")
            .passing(entities::cluster(snapshot));
        return Ok(outcome);
    }
    let mut findings = Findings::new();
    for row in peers
        .rows()
        .filter(|row| row.boolean("is_leader") == Some(true))
    {
        judge_peer(row, &stores, &mut findings);
    }
    if findings.is_empty() {
        return Ok(Outcome::pass("PD calls no region hot").passing(entities::cluster(snapshot)));
    }
    Ok(findings.conclude(format!("{} entries of PD's hot list", peers.len())))
}

fn judge_peer(row: Row<'_>, stores: &TableView, findings: &mut Findings) {
    let (Some(region), Some(store), Some(flow)) =
        (row.text("region"), row.text("store"), row.text("flow"))
    else {
        return;
    };
    let entity = entities::region(region);
    let bytes = row.number("bytes_per_s").unwrap_or(0.0);
    let noticed = row
        .integer("hot_degree")
        .is_some_and(|degree| degree >= DEGREE_MIN);
    if !noticed || bytes < BYTES_MIN {
        return findings.pass(entity);
    }
    let Some((store_row, of_store)) = store_column(stores, store, flow) else {
        return findings.unknown(&entity, "the flow of its store is not known");
    };
    if of_store < BYTES_MIN {
        return findings.pass(entity);
    }
    if bytes > OLDER_THAN_STORE * of_store {
        return findings.unknown(
            &entity,
            "its figure is older than its store's, which is smaller by now",
        );
    }
    if bytes < SHARE_MIN * of_store {
        return findings.pass(entity);
    }
    let share = bytes / of_store * 100.0;
    let summary = format!(
        "PD's hot list shows region {region} with {share:.0} % of the {flow} flow of store {store}"
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
    use judging::examples::Cluster;
    use operator_plugin::{Status, table};

    fn judge(bytes: f64, degree: i64) -> Outcome {
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
    fn a_region_with_most_of_its_store_is_named_once() {
        let outcome = judge(390_000.0, 5);
        assert_eq!(
            (
                outcome.violations.len(),
                outcome.violations[0].entity.as_str()
            ),
            (1, "region/88")
        );
    }

    #[test]
    fn a_cool_or_small_entry_is_in_order_and_a_stale_one_open() {
        assert_eq!(judge(390_000.0, 2).status, Status::Pass);
        assert_eq!(judge(150_000.0, 9).status, Status::Pass);
        assert_eq!(judge(700_000.0, 9).status, Status::Inconclusive);
    }

    #[test]
    fn of_three_regions_none_stands_out() {
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
            of_pd().evaluate(&cluster.snapshot(), None).unwrap().status
        };
        assert_eq!((with(3), with(300)), (Status::Pass, Status::Fail));
    }

    #[test]
    fn an_empty_list_is_in_order_and_a_missing_one_is_not() {
        assert_eq!(
            of_pd()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Pass
        );
        assert!(
            of_pd()
                .evaluate(&Cluster::healthy().without("hot_peers").snapshot(), None)
                .is_err()
        );
    }
}
