//! Oversized and empty regions, as PD counts them. Both claims are limited to larger clusters.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, Status, Violation};
use tikv_check_support::{entities, guards};

use crate::peers::evaluate_count;

/// Oversized means at or above the size at which a region is split. A bulk load leaves some until they have been split.
pub(crate) fn split() -> Check {
    Check::new(
        "regions-are-split",
        "in clusters with 100 regions or more, at most 1 in 10,000 is oversized",
    )
    .pending_for(Duration::from_secs(1800))
    .reads(&["region_health", "cluster", "large_regions"])
    .by(evaluate_split)
}

/// PD merges empty regions one at a time, and not before 1 h after their split.
pub(crate) fn merged() -> Check {
    Check::new(
        "empty-regions-merge",
        "in clusters with 100 regions or more, at most 20 % are empty",
    )
    .severity(Severity::Info)
    .pending_for(Duration::from_secs(7200))
    .reads(&["region_health", "cluster"])
    .by(|snapshot| {
        evaluate_share(
            snapshot,
            "empty",
            "are empty and have not been merged",
            EMPTY_PER,
        )
    })
}

/// A large cluster is always splitting some region.
const OVERSIZED_PER: i64 = 10_000;
const EMPTY_PER: i64 = 5;
/// The limit of TiKV's own alert rule on region sizes.
const GIANT_BYTES: f64 = 1_073_741_824.0;

fn evaluate_split(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let counted = evaluate_share(
        snapshot,
        "oversized",
        "are oversized and have not been split",
        OVERSIZED_PER,
    )?;
    let named: Vec<Violation> = match snapshot.table("large_regions") {
        Ok(table) if counted.status() == Status::Fail => table.rows().filter_map(giant).collect(),
        _ => Vec::new(),
    };
    Ok(if named.is_empty() {
        counted
    } else {
        Outcome::fail(counted.reason(), named)
    })
}

fn giant(row: Row<'_>) -> Option<Violation> {
    let region = row.text("region")?;
    let bytes = row
        .number("size_bytes")
        .filter(|bytes| *bytes >= GIANT_BYTES)?;
    let summary = format!(
        "region {region} holds {:.1} GiB and has not been split",
        bytes / GIANT_BYTES
    );
    Some(
        Violation::new(entities::region(region), summary)
            .evidence(row.evidence("size_bytes").expected("below 1 GiB")),
    )
}

/// At most one region in `per`.
fn evaluate_share(
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
    evaluate_count(snapshot, kind, means, regions / per)
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::table;
    use tikv_check_support::examples::{Cell, Cluster};

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    fn evaluate(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn one_region_in_10_000_may_be_oversized_and_one_in_five_empty() {
        assert_eq!(
            evaluate(&split(), &with("oversized", 0)).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&split(), &with("oversized", 1)).violations()[0].entity,
            "cluster/7"
        );
        let large = |regions: i64| with("oversized", regions).cluster("region_count", 100_000_i64);
        assert_eq!(evaluate(&split(), &large(10)).status(), Status::Pass);
        assert_eq!(evaluate(&split(), &large(11)).status(), Status::Fail);
        assert_eq!(
            evaluate(&merged(), &with("empty", 80)).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&merged(), &with("empty", 81)).violations()[0].entity,
            "cluster/7"
        );
    }

    #[test]
    fn a_giant_region_is_named_if_pd_counts_it_as_oversized() {
        let sizes = |bytes: f64| {
            table("large_regions")
                .texts("region", ["88".to_owned(), "90".to_owned()])
                .floats("size_bytes", "By", [bytes, 96e6])
        };
        let outcome = evaluate(
            &split(),
            &with("oversized", 1).table(sizes(3.0 * GIANT_BYTES)),
        );
        assert_eq!(outcome.violations().len(), 1);
        assert_eq!(outcome.violations()[0].entity, "region/88");
        assert_eq!(
            evaluate(&split(), &with("oversized", 1).table(sizes(2e8))).violations()[0].entity,
            "cluster/7"
        );
        assert_eq!(
            evaluate(
                &split(),
                &with("oversized", 0).table(sizes(3.0 * GIANT_BYTES))
            )
            .status(),
            Status::Pass
        );
    }

    #[test]
    fn sizes_do_not_apply_to_small_clusters_and_are_inconclusive_in_unknown_ones() {
        let small = with("empty", 15).cluster("region_count", 29_i64);
        assert_eq!(
            evaluate(&merged(), &small).status(),
            Status::NotApplicable,
            "half of a new cluster is empty"
        );
        let unknown = with("empty", 15).cluster("region_count", Cell::Null);
        assert_eq!(evaluate(&merged(), &unknown).status(), Status::Inconclusive);
    }
}
