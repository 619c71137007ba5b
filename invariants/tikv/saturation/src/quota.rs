//! CPU and memory usage of the process compared with its quota.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Reduction, SeriesError, Snapshot, series};
use tikv_check_support::{metrics, threshold};

/// CPU usage.
pub(crate) fn cpu() -> Check {
    Check::new(
        "processor-quota",
        "every store uses less than 80 % of its CPUs",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(|snapshot| evaluate(snapshot, &CPU))
}

/// Memory usage.
pub(crate) fn memory() -> Check {
    Check::new(
        "memory-quota",
        "every store uses less than 80 % of its memory",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(|snapshot| evaluate(snapshot, &MEMORY))
}

struct Quota {
    what: &'static str,
    used: &'static str,
    reduction: Reduction,
    granted: &'static str,
    query: fn(&str) -> String,
}

const CPU: Quota = Quota {
    what: "CPU utilization",
    used: "process_cpu_seconds_total",
    reduction: Reduction::Rate,
    granted: "tikv_server_cpu_cores_quota",
    query: cpu_query,
};

const MEMORY: Quota = Quota {
    what: "memory utilization",
    used: "process_resident_memory_bytes",
    reduction: Reduction::Last,
    granted: "tikv_server_memory_quota_bytes",
    query: memory_query,
};

fn cpu_query(store: &str) -> String {
    format!(
        "rate(process_cpu_seconds_total{{store=\"{store}\"}}[1m]) / tikv_server_cpu_cores_quota{{store=\"{store}\"}}"
    )
}

/// Memory utilization of a store in PromQL, for evidence.
pub(crate) fn memory_query(store: &str) -> String {
    format!(
        "process_resident_memory_bytes{{store=\"{store}\"}} / tikv_server_memory_quota_bytes{{store=\"{store}\"}}"
    )
}

/// The limit of TiKV's own alert rules for both.
const BELOW: f64 = 0.8;

fn evaluate(snapshot: &Snapshot, quota: &Quota) -> Result<Outcome, PluginError> {
    let limit = threshold::Limit {
        what: quota.what,
        query: &quota.query,
        unit: "1",
        below: BELOW,
    };
    threshold::evaluate(snapshot, &limit, shares(quota))
}

/// Memory utilization by store.
pub(crate) fn memory_utilization() -> Result<BTreeMap<String, f64>, SeriesError> {
    shares(&MEMORY)
}

fn shares(quota: &Quota) -> Result<BTreeMap<String, f64>, SeriesError> {
    let used = series(quota.used)
        .by("store")
        .reduce(quota.reduction.clone(), metrics::WINDOW)?;
    let granted = series(quota.granted).by("store").last(metrics::WINDOW)?;
    let granted = metrics::by_key(&granted, "store");
    let share = |(store, used): (String, f64)| {
        let granted = granted.get(&store).filter(|granted| **granted > 0.0)?;
        Some((store, used / granted))
    };
    Ok(metrics::by_key(&used, "store")
        .into_iter()
        .filter_map(share)
        .collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    /// Every store uses a tenth of its quota, except store 4, which uses `used` tenths.
    fn series(quota: &Quota, used: f64) -> Series {
        let rows = |value: f64| -> [(&'static [&'static str], f64); 3] {
            [(&["1"], 1.0), (&["4"], value), (&["5"], 1.0)]
        };
        Series::none()
            .values(quota.used, &["store"], &rows(used))
            .values(
                quota.granted,
                &["store"],
                &[(&["1"], 10.0), (&["4"], 10.0), (&["5"], 10.0)],
            )
    }

    /// Memory utilization of store 4.
    pub(crate) fn memory(share: f64) -> Series {
        series(&MEMORY, share * 10.0)
    }

    fn evaluate_with(check: &Check, quota: &Quota, used: f64) -> Outcome {
        series(quota, used).install();
        check
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn the_limit_is_80_percent() {
        for (check, quota) in [(cpu(), &CPU), (super::memory(), &MEMORY)] {
            assert_eq!(
                evaluate_with(&check, quota, 8.1).violations()[0].entity,
                "store/4"
            );
            assert_eq!(evaluate_with(&check, quota, 7.9).status(), Status::Pass);
            Series::none().install();
            assert_eq!(
                check
                    .evaluate(&Cluster::healthy().snapshot(), None)
                    .unwrap()
                    .status(),
                Status::Inconclusive
            );
        }
    }
}
