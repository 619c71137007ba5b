//! Files of other programs on the stores' disks, and differences in capacity.

use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};
use tikv_check_support::entities::Store;
use tikv_check_support::{guards, outlier};

/// Growing data and files of other programs need different remedies.
pub(crate) fn own() -> Check {
    Check::new(
        "disk-own-data",
        "on a store that is low on space, files of other programs use less than 30 % of the disk",
    )
    .info()
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(evaluate_own)
}

/// PD balances by free space, so a much smaller store is always the fullest.
pub(crate) fn capacity_spread() -> Check {
    Check::new(
        "store-capacity",
        "in clusters with 100 regions or more, no store has less than half the median capacity",
    )
    .info()
    .pending_for(Duration::from_secs(1800))
    .reads(&["stores", "cluster"])
    .by(evaluate_capacity)
}

/// Above this share of available space, other files are no problem.
const LOW: f64 = 0.2;
/// More than an operating system with its logs needs.
const FOREIGN_SHARE: f64 = 0.3;

fn evaluate_own(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut findings = Findings::new();
    for store in stores
        .rows()
        .filter_map(Store::of)
        .filter(Store::has_reported)
    {
        let number = |column: &str| store.row.number(column);
        let (Some(capacity), Some(available), Some(used)) = (
            number("capacity_bytes"),
            number("available_bytes"),
            number("used_bytes"),
        ) else {
            findings.unknown(&store.entity(), "its disk usage is unknown");
            continue;
        };
        let foreign = (capacity - available - used).max(0.0);
        if capacity <= 0.0 || available / capacity > LOW || foreign / capacity < FOREIGN_SHARE {
            findings.pass(store.entity());
            continue;
        }
        let share = foreign / capacity * 100.0;
        let summary = format!(
            "files of other programs use {share:.0} % of the disk of {}",
            store.name()
        );
        let violation = ["capacity_bytes", "available_bytes", "used_bytes"]
            .iter()
            .fold(
                Violation::new(store.entity(), summary),
                |violation, column| violation.evidence(store.row.evidence(column)),
            );
        findings.fail(violation);
    }
    Ok(findings.conclude(format!("disk usage of {} stores", stores.len())))
}

fn evaluate_capacity(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::small_cluster(snapshot) {
        return Ok(outcome);
    }
    let known: Vec<(Store<'_>, f64)> = stores
        .rows()
        .filter_map(Store::of)
        .filter(Store::has_reported)
        .filter_map(|store| {
            store
                .row
                .number("capacity_bytes")
                .map(|capacity| (store, capacity))
        })
        .collect();
    let capacities: Vec<f64> = known.iter().map(|(_, capacity)| *capacity).collect();
    let Some(median) = outlier::median(&capacities) else {
        return Ok(Outcome::inconclusive(
            "the capacity of every store is unknown",
        ));
    };
    let mut findings = Findings::new();
    for (store, capacity) in known {
        if capacity * 2.0 >= median {
            findings.pass(store.entity());
            continue;
        }
        let share = capacity / median * 100.0;
        let summary = format!(
            "the capacity of {} is {share:.0} % of the median",
            store.name()
        );
        let evidence = store
            .row
            .evidence("capacity_bytes")
            .expected(format!("at least half of the median of {median:.0}"));
        findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
    }
    Ok(findings.conclude(format!("capacities of {} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn files_of_other_programs_are_reported_only_where_space_is_low() {
        let low = Cluster::healthy().store("4", "available_bytes", 0.1e12);
        assert_eq!(
            evaluate(&own(), low.clone()).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate(&own(), low.store("4", "used_bytes", 0.85e12)).status(),
            Status::Pass,
            "its own data"
        );
        let roomy = Cluster::healthy().store("4", "available_bytes", 0.3e12);
        assert_eq!(evaluate(&own(), roomy).status(), Status::Pass);
    }

    #[test]
    fn unknown_disk_usage_is_inconclusive() {
        assert_eq!(
            evaluate(
                &own(),
                Cluster::healthy().store("4", "used_bytes", Cell::Null)
            )
            .status(),
            Status::Inconclusive
        );
        let unknown = ["1", "4", "5"].iter().fold(Cluster::healthy(), |c, s| {
            c.store(s, "capacity_bytes", Cell::Null)
        });
        assert_eq!(
            evaluate(&capacity_spread(), unknown).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_small_store_is_reported_in_large_clusters_only() {
        let small = Cluster::healthy().store("4", "capacity_bytes", 0.4e12);
        assert_eq!(
            evaluate(&capacity_spread(), small.clone()).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate(&capacity_spread(), small.cluster("region_count", 29_i64)).status(),
            Status::NotApplicable
        );
        assert_eq!(
            evaluate(
                &capacity_spread(),
                Cluster::healthy().store("4", "capacity_bytes", 0.6e12)
            )
            .status(),
            Status::Pass
        );
    }
}
