//! One region with most of the flow, detected early from PD's top lists.
//!
//! PD's hot list shows a region only after three reports of 60 s. The top lists show the flow of the last report
//! immediately, but that may be a minute old and the load over. So the flow that the leader's store reports every 10 s
//! must be large enough to include it.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::{entities, guards, outlier};

use crate::between_reports::bridge;

/// Hot regions by write flow.
pub(crate) fn written() -> Check {
    check(
        "hot-write-region",
        "no region receives most of the write flow",
        "write",
    )
}

/// Hot regions by read flow.
pub(crate) fn read() -> Check {
    check(
        "hot-read-region",
        "no region serves most of the read flow",
        "read",
    )
}

fn check(id: &str, claim: &str, flow: &'static str) -> Check {
    // Three reports of a store: a burst of a few seconds is no hot spot, and PD itself waits for minutes.
    Check::new(id, claim)
        .pending_for(Duration::from_secs(30))
        .reads(&["region_flow", "store_flow", "cluster"])
        .with_state(move |snapshot, state| {
            evaluate(snapshot, flow).map(|outcome| bridge(snapshot, state, flow, outcome))
        })
}

/// In production a flow below 1 MiB/s is harmless. A region is one Raft group, which a small machine drives at a few
/// hundred KiB/s; an eighth of the production figure keeps idle clusters silent and still works in a test cluster.
const BYTES_MIN: f64 = 128.0 * 1024.0;
/// The same for small values: about a fifth of the 1000 keys/s that matter in production.
const KEYS_MIN: f64 = 200.0;

/// Share of the list and of the leader's store.
const SHARE_MIN: f64 = 0.5;
/// Distance from the median region: an uneven load differs by a small factor.
const TIMES_MEDIAN: f64 = 10.0;

/// In a shorter list one region always has most of the flow.
const LIST_MIN: usize = 8;

/// A region cannot have more flow than its store, but the two values cover different intervals.
const OLDER_THAN_STORE: f64 = 1.5;

fn evaluate(snapshot: &Snapshot, flow: &str) -> Result<Outcome, PluginError> {
    let list = snapshot.table("region_flow")?;
    let stores = snapshot.table("store_flow")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::REGION_LISTS_S) {
        return Ok(outcome);
    }
    let rows: Vec<Row<'_>> = list
        .rows()
        .filter(|row| row.text("flow") == Some(flow))
        .collect();
    let flows: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.number("bytes_per_s"))
        .collect();
    let examined = format!("{flow} flow of the {} busiest regions", rows.len());
    let Some(median) = outlier::median(&flows) else {
        return Ok(Outcome::inconclusive(format!(
            "the {flow} flow of the regions is unknown"
        )));
    };
    if rows.len() < LIST_MIN {
        return Ok(Outcome::not_applicable(format!(
            "PD lists {} regions by {flow} flow, fewer than {LIST_MIN}",
            rows.len()
        )));
    }
    let baseline = FlowBaseline {
        total: flows.iter().sum(),
        median,
    };
    let column = format!("{flow}_bytes_per_s");
    let by_store: BTreeMap<&str, Row<'_>> = stores
        .rows()
        .filter_map(|row| Some((row.text("store")?, row)))
        .collect();
    let mut findings = Findings::new();
    for row in rows {
        evaluate_region(row, &baseline, &by_store, &column, &mut findings);
    }
    Ok(findings.conclude(examined))
}

/// The list as a whole.
struct FlowBaseline {
    total: f64,
    median: f64,
}

fn evaluate_region(
    row: Row<'_>,
    baseline: &FlowBaseline,
    stores: &BTreeMap<&str, Row<'_>>,
    column: &str,
    findings: &mut Findings,
) {
    let (Some(region), Some(bytes)) = (row.text("region"), row.number("bytes_per_s")) else {
        return;
    };
    let entity = entities::region(region);
    let large = bytes >= BYTES_MIN
        || row
            .number("keys_per_s")
            .is_some_and(|keys| keys >= KEYS_MIN);
    if !large || bytes < SHARE_MIN * baseline.total || bytes < TIMES_MEDIAN * baseline.median {
        return findings.pass(entity);
    }
    let store = row
        .text("store")
        .and_then(|store| stores.get(store))
        .copied();
    let Some((store, of_store)) = store.and_then(|store| Some((store, store.number(column)?)))
    else {
        return findings.unknown(&entity, "the flow of its leader's store is unknown");
    };
    let keys_of_store = store.number(&column.replace("bytes", "keys"));
    if of_store < BYTES_MIN && keys_of_store.is_none_or(|keys| keys < KEYS_MIN) {
        // The region's last report is stale: its store is idle by now.
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
    findings.fail(hot(row, region, bytes, baseline).evidence(store.evidence(column)));
}

fn hot(row: Row<'_>, region: &str, bytes: f64, baseline: &FlowBaseline) -> Violation {
    let summary = format!(
        "region {region} on store {} has a {} flow of {:.0} KiB/s, {:.0} % of the flow of the busiest regions, whose median is {:.0} KiB/s",
        row.text("store").unwrap_or("?"),
        row.text("flow").unwrap_or("write"),
        bytes / 1024.0,
        bytes / baseline.total * 100.0,
        baseline.median / 1024.0,
    );
    let mut violation = Violation::new(entities::region(region), summary)
        .evidence(row.evidence("bytes_per_s").expected(format!(
            "less than 10 times the median of {:.0}",
            baseline.median
        )))
        .evidence(row.evidence("store"));
    for column in ["share", "keys_per_s", "list_median_bytes_per_s"] {
        if row.number(column).is_some() {
            violation = violation.evidence(row.evidence(column));
        }
    }
    violation
}

/// The row and the flow of a store, for the other checks of this module.
pub(crate) fn store_column<'table>(
    stores: &'table TableView,
    store: &str,
    flow: &str,
) -> Option<(Row<'table>, f64)> {
    let row = stores.find("store", store)?;
    row.number(&format!("{flow}_bytes_per_s"))
        .map(|bytes| (row, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, cited_table};

    /// Region 88 has a write flow of `bytes` on its leader's store 5, which has a flow of `of_store`.
    fn with(bytes: f64, of_store: f64) -> Cluster {
        Cluster::healthy()
            .with("region_flow", ("region", "88"), "bytes_per_s", bytes)
            .with("store_flow", ("store", "5"), "write_bytes_per_s", of_store)
            .with("store_flow", ("store", "5"), "read_bytes_per_s", of_store)
            .with("store_flow", ("store", "1"), "read_bytes_per_s", of_store)
            .with("store_flow", ("store", "4"), "read_bytes_per_s", of_store)
    }

    fn evaluate(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_region_with_most_of_the_flow_is_reported_with_its_store() {
        let outcome = evaluate(&written(), &with(600_000.0, 640_000.0));
        let found = &outcome.violations()[0];
        assert_eq!(found.entity, "region/88");
        assert!(found.summary.contains("on store 5"), "{}", found.summary);
        assert!(
            found
                .evidence
                .iter()
                .any(|evidence| cited_table(evidence) == Some("store_flow"))
        );
        assert_eq!(
            evaluate(&read(), &with(600_000.0, 640_000.0)).violations()[0].entity,
            "region/88"
        );
    }

    #[test]
    fn near_misses_pass() {
        assert_eq!(
            evaluate(&written(), &Cluster::healthy()).status(),
            Status::Pass
        );
        let less_than_half_of_the_list = with(350_000.0, 400_000.0);
        assert_eq!(
            evaluate(&written(), &less_than_half_of_the_list).status(),
            Status::Pass
        );
        let less_than_half_of_its_store = with(600_000.0, 1_300_000.0);
        assert_eq!(
            evaluate(&written(), &less_than_half_of_its_store).status(),
            Status::Pass
        );
    }

    #[test]
    fn an_idle_cluster_has_no_hot_region() {
        let idle = ["80", "81", "82", "83", "84", "85", "86", "87", "89"]
            .iter()
            .fold(with(100_000.0, 120_000.0), |c, r| {
                c.with("region_flow", ("region", r), "bytes_per_s", 500.0)
            });
        assert_eq!(evaluate(&written(), &idle).status(), Status::Pass);
        let many_keys = idle.with("region_flow", ("region", "88"), "keys_per_s", 900.0);
        assert_eq!(
            evaluate(&written(), &many_keys).status(),
            Status::Fail,
            "small values, many of them"
        );
    }

    #[test]
    fn a_stale_flow_is_inconclusive() {
        assert_eq!(
            evaluate(&written(), &with(720_000.0, 263_000.0)).status(),
            Status::Inconclusive
        );
        let idle =
            with(720_000.0, 63_000.0).with("store_flow", ("store", "5"), "write_keys_per_s", 20.0);
        assert_eq!(
            evaluate(&written(), &idle).status(),
            Status::Pass,
            "its whole store is idle by now"
        );
        let unknown = with(720_000.0, 640_000.0).with(
            "store_flow",
            ("store", "5"),
            "write_bytes_per_s",
            Cell::Null,
        );
        assert_eq!(
            evaluate(&written(), &unknown).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_report_between_two_regular_ones_does_not_end_a_hot_spot() {
        let hot = written()
            .evaluate(&with(600_000.0, 640_000.0).snapshot(), None)
            .unwrap();
        let later = |seconds: u64, of_store: f64| {
            let split = with(1_000.0, of_store).later_s(seconds);
            written()
                .evaluate(&split.snapshot(), hot.state.as_deref())
                .unwrap()
        };
        let gap = later(60, 640_000.0);
        assert_eq!(
            gap.status(),
            Status::Inconclusive,
            "its store is as busy as before"
        );
        assert_eq!(gap.state, hot.state);
        assert_eq!(
            later(60, 100_000.0).status(),
            Status::Pass,
            "its store has cooled down too"
        );
        assert_eq!(
            later(180, 640_000.0).status(),
            Status::Pass,
            "it has reported since"
        );
    }

    #[test]
    fn a_new_pd_leader_has_no_flow_statistics_yet() {
        let new = with(600_000.0, 640_000.0).cluster("pd_leader_since_s", 100.0);
        assert_eq!(evaluate(&written(), &new).status(), Status::Inconclusive);
        assert!(
            written()
                .evaluate(&Cluster::healthy().without("region_flow").snapshot(), None)
                .is_err()
        );
    }
}
