//! Regions of the wrong size, as PD counts them. Both claims are limited to larger clusters (G7).

use judging::{entities, guards};
use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, Status, Violation};

use crate::peers::judge_count;

/// I43: oversized means at or above the size at which a region is split. A mass load leaves some for as long as it takes to split
/// them.
pub(crate) fn split() -> Check {
    Check::new(
        "regions-are-split",
        "in clusters of 100 regions or more, next to none is larger than it may be",
    )
    .hold_ms(1_800_000)
    .reads(&["region_health", "cluster", "large_regions"])
    .by(judge_split)
}

/// I44: empty regions are merged one by one, an hour after they were split at the earliest.
pub(crate) fn merged() -> Check {
    Check::new(
        "empty-regions-merge",
        "in clusters of 100 regions or more, less than a fifth is empty",
    )
    .severity(Severity::Info)
    .hold_ms(7_200_000)
    .reads(&["region_health", "cluster"])
    .by(|snapshot| judge_share(snapshot, "empty", "are empty and are not merged", EMPTY_PER))
}

/// Large clusters always split some region at this moment.
const OVERSIZED_PER: i64 = 10_000;
const EMPTY_PER: i64 = 5;
/// Upstream's alert on the sizes of regions.
const GIANT_BYTES: f64 = 1_073_741_824.0;

fn judge_split(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let counted = judge_share(
        snapshot,
        "oversized",
        "are larger than they may be and are not split",
        OVERSIZED_PER,
    )?;
    let named: Vec<Violation> = match snapshot.table("large_regions") {
        Ok(table) if counted.status == Status::Fail => table.rows().filter_map(giant).collect(),
        _ => Vec::new(),
    };
    Ok(if named.is_empty() {
        counted
    } else {
        Outcome::fail(counted.reason, named)
    })
}

fn giant(row: Row<'_>) -> Option<Violation> {
    let (region, bytes) = (
        row.text("region")?,
        row.number("size_bytes")
            .filter(|bytes| *bytes >= GIANT_BYTES)?,
    );
    let summary = format!(
        "region {region} holds {:.1} GiB and is not split",
        bytes / GIANT_BYTES
    );
    Some(
        Violation::new(entities::region(region), summary)
            .evidence(row.evidence("size_bytes").expected("below 1 GiB")),
    )
}

/// At most one region in `per`.
fn judge_share(
    snapshot: &Snapshot,
    kind: &str,
    means: &str,
    per: i64,
) -> Result<Outcome, PluginError> {
    if let Some(outcome) = guards::small_cluster(snapshot) {
        return Ok(outcome);
    }
    let regions = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("region_count"))
        .unwrap_or_default();
    judge_count(snapshot, kind, means, regions / per)
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::table;

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    fn judge(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn of_large_clusters_one_region_in_ten_thousand_may_be_too_large_and_one_in_five_empty() {
        assert_eq!(judge(&split(), &with("oversized", 0)).status, Status::Pass);
        assert_eq!(
            judge(&split(), &with("oversized", 1)).violations[0].entity,
            "cluster/7"
        );
        let large = |regions: i64| with("oversized", regions).cluster("region_count", 100_000_i64);
        assert_eq!(judge(&split(), &large(10)).status, Status::Pass);
        assert_eq!(judge(&split(), &large(11)).status, Status::Fail);
        assert_eq!(judge(&merged(), &with("empty", 80)).status, Status::Pass);
        assert_eq!(
            judge(&merged(), &with("empty", 81)).violations[0].entity,
            "cluster/7"
        );
    }

    #[test]
    fn a_giant_is_named_once_pd_counts_it() {
        let sizes = |bytes: f64| {
            table("large_regions")
                .texts("region", ["88".to_owned(), "90".to_owned()])
                .floats("size_bytes", "By", [bytes, 96e6])
        };
        let outcome = judge(
            &split(),
            &with("oversized", 1).table(sizes(3.0 * GIANT_BYTES)),
        );
        assert_eq!(outcome.violations.len(), 1);
        assert_eq!(outcome.violations[0].entity, "region/88");
        assert_eq!(
            judge(&split(), &with("oversized", 1).table(sizes(2e8))).violations[0].entity,
            "cluster/7"
        );
        assert_eq!(
            judge(
                &split(),
                &with("oversized", 0).table(sizes(3.0 * GIANT_BYTES))
            )
            .status,
            Status::Pass
        );
    }

    #[test]
    fn a_small_cluster_is_not_judged_and_an_unknown_one_left_open() {
        let small = with("empty", 15).cluster("region_count", 29_i64);
        assert_eq!(
            judge(&merged(), &small).status,
            Status::Pass,
            "half of a new cluster is empty"
        );
        let unknown = with("empty", 15).cluster("region_count", Cell::Null);
        assert_eq!(judge(&merged(), &unknown).status, Status::Inconclusive);
    }
}
