//! One region that takes most of the flow: early, from PD's own top lists.
//!
//! PD's hot list shows a region only after three reports of 60 s. The top lists show the flow of the last report at
//! once, but a report may be a minute old and the load over: the flow that the leader's store reports every 10 s must
//! be able to contain it.

use crate::between_reports::bridge;
use std::collections::BTreeMap;

use judging::{entities, guards, locus};
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};

/// I37, writes.
pub(crate) fn written() -> Check {
    check(
        "hot-write-region",
        "no region takes most of what is written",
        "write",
    )
}

/// I37, reads.
pub(crate) fn read() -> Check {
    check(
        "hot-read-region",
        "no region takes most of what is read",
        "read",
    )
}

fn check(id: &str, claim: &str, flow: &'static str) -> Check {
    // Three reports of a store: a burst of seconds is no hot spot, and PD itself waits minutes.
    Check::new(id, claim)
        .hold_ms(30_000)
        .reads(&["region_flow", "store_flow", "cluster"])
        .with_state(move |snapshot, state| {
            judge(snapshot, flow).map(|outcome| bridge(snapshot, state, flow, outcome))
        })
}

/// The catalogue ignores less than 1 MiB/s, a figure for production. A region is one Raft group, which a small machine
/// drives at a few hundred KiB/s: an eighth of that floor keeps idle clusters silent and shows a rehearsal.
const BYTES_MIN: f64 = 128.0 * 1024.0;
/// The catalogue's 1000 a second, with the same reasoning, for small values.
const KEYS_MIN: f64 = 200.0;

/// Most of the list, and of its store.
const SHARE_MIN: f64 = 0.5;
/// And far from the usual region: an uneven load differs by a factor of a few.
const TIMES_MEDIAN: f64 = 10.0;

/// In a shorter list somebody always takes most.
const LIST_MIN: usize = 8;

/// A region cannot write more than its store, except that the two figures cover different intervals.
const OLDER_THAN_STORE: f64 = 1.5;

fn judge(snapshot: &Snapshot, flow: &str) -> Result<Outcome, PluginError> {
    let (list, stores) = (
        snapshot.table("region_flow")?,
        snapshot.table("store_flow")?,
    );
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
    let looked_at = format!("{flow} flow of the {} busiest regions", rows.len());
    let Some(median) = locus::median(&flows) else {
        return Ok(Outcome::inconclusive(format!(
            "the {flow} flow of the regions is not known"
        )));
    };
    if rows.len() < LIST_MIN {
        return Ok(Outcome::pass(format!(
            "{looked_at}: too few for one to stand out"
        )));
    }
    let usual = Usual {
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
        judge_region(row, &usual, &by_store, &column, &mut findings);
    }
    Ok(findings.conclude(looked_at))
}

/// What the list looks like as a whole.
struct Usual {
    total: f64,
    median: f64,
}

fn judge_region(
    row: Row<'_>,
    usual: &Usual,
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
    if !large || bytes < SHARE_MIN * usual.total || bytes < TIMES_MEDIAN * usual.median {
        return findings.pass(entity);
    }
    let store = row
        .text("store")
        .and_then(|store| stores.get(store))
        .copied();
    let Some((store, of_store)) = store.and_then(|store| Some((store, store.number(column)?)))
    else {
        return findings.unknown(&entity, "the flow of its leader's store is not known");
    };
    let keys_of_store = store.number(&column.replace("bytes", "keys"));
    if of_store < BYTES_MIN && keys_of_store.is_none_or(|keys| keys < KEYS_MIN) {
        // Whatever the region's last report says, its store is idle by now.
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
    findings.fail(hot(row, region, bytes, usual).evidence(store.evidence(column)));
}

fn hot(row: Row<'_>, region: &str, bytes: f64, usual: &Usual) -> Violation {
    let done = if row.text("flow") == Some("read") {
        "read"
    } else {
        "written"
    };
    let summary = format!(
        "region {region} on store {} is {done} at {:.0} KiB/s, {:.0} % of the busiest regions together, the usual one at {:.0} KiB/s",
        row.text("store").unwrap_or("?"),
        bytes / 1024.0,
        bytes / usual.total * 100.0,
        usual.median / 1024.0,
    );
    let mut violation = Violation::new(entities::region(region), summary)
        .evidence(
            row.evidence("bytes_per_s")
                .expected(format!("less than 10 times the median {:.0}", usual.median)),
        )
        .evidence(row.evidence("store"));
    for column in ["share", "keys_per_s", "list_median_bytes_per_s"] {
        if row.number(column).is_some() {
            violation = violation.evidence(row.evidence(column));
        }
    }
    violation
}

/// Rows of one flow, for other checks of this module.
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    /// Region 88 is written at this rate on its leader's store 5, which writes at that rate.
    fn with(bytes: f64, of_store: f64) -> Cluster {
        Cluster::healthy()
            .with("region_flow", ("region", "88"), "bytes_per_s", bytes)
            .with("store_flow", ("store", "5"), "write_bytes_per_s", of_store)
            .with("store_flow", ("store", "5"), "read_bytes_per_s", of_store)
            .with("store_flow", ("store", "1"), "read_bytes_per_s", of_store)
            .with("store_flow", ("store", "4"), "read_bytes_per_s", of_store)
    }

    fn judge(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_region_that_is_written_most_is_named_with_its_store() {
        let outcome = judge(&written(), &with(600_000.0, 640_000.0));
        let found = &outcome.violations[0];
        assert_eq!(found.entity, "region/88");
        assert!(found.summary.contains("on store 5"), "{}", found.summary);
        assert!(
            found
                .evidence
                .iter()
                .any(|evidence| evidence.table == "store_flow")
        );
        assert_eq!(
            judge(&read(), &with(600_000.0, 640_000.0)).violations[0].entity,
            "region/88"
        );
    }

    #[test]
    fn near_misses_are_silent() {
        assert_eq!(judge(&written(), &Cluster::healthy()).status, Status::Pass);
        let less_than_half_of_the_list = with(350_000.0, 400_000.0);
        assert_eq!(
            judge(&written(), &less_than_half_of_the_list).status,
            Status::Pass
        );
        let less_than_half_of_its_store = with(600_000.0, 1_300_000.0);
        assert_eq!(
            judge(&written(), &less_than_half_of_its_store).status,
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
        assert_eq!(judge(&written(), &idle).status, Status::Pass);
        let many_keys = idle.with("region_flow", ("region", "88"), "keys_per_s", 900.0);
        assert_eq!(
            judge(&written(), &many_keys).status,
            Status::Fail,
            "small values, many of them"
        );
    }

    #[test]
    fn a_figure_that_its_store_has_left_behind_is_open() {
        assert_eq!(
            judge(&written(), &with(720_000.0, 263_000.0)).status,
            Status::Inconclusive
        );
        let idle =
            with(720_000.0, 63_000.0).with("store_flow", ("store", "5"), "write_keys_per_s", 20.0);
        assert_eq!(
            judge(&written(), &idle).status,
            Status::Pass,
            "its whole store is idle by now"
        );
        let unknown = with(720_000.0, 640_000.0).with(
            "store_flow",
            ("store", "5"),
            "write_bytes_per_s",
            Cell::Null,
        );
        assert_eq!(judge(&written(), &unknown).status, Status::Inconclusive);
    }

    #[test]
    fn a_report_between_two_regular_ones_cools_nothing() {
        let hot = written()
            .evaluate(&with(600_000.0, 640_000.0).snapshot(), None)
            .unwrap();
        let later = |seconds: u64, of_store: f64| {
            let split = with(1_000.0, of_store).later_s(seconds);
            written()
                .evaluate(&split.snapshot(), hot.state.as_deref())
                .unwrap()
        };
        let open = later(60, 640_000.0);
        assert_eq!(
            open.status,
            Status::Inconclusive,
            "its store is as busy as before"
        );
        assert_eq!(open.state, hot.state);
        assert_eq!(
            later(60, 100_000.0).status,
            Status::Pass,
            "its store has cooled as well"
        );
        assert_eq!(
            later(180, 640_000.0).status,
            Status::Pass,
            "it has reported since"
        );
    }

    #[test]
    fn a_new_pd_leader_has_no_flow_yet() {
        let new = with(600_000.0, 640_000.0).cluster("pd_leader_since_s", 100.0);
        assert_eq!(judge(&written(), &new).status, Status::Inconclusive);
        assert!(
            written()
                .evaluate(&Cluster::healthy().without("region_flow").snapshot(), None)
                .is_err()
        );
    }
}
