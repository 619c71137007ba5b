//! Processor and memory of the whole process against what it was given.

use std::collections::BTreeMap;

use judging::{metrics, threshold};
use operator_plugin::{Check, MetricsError, Outcome, PluginError, Reduction, Snapshot, series};

/// I57.
pub(crate) fn processor() -> Check {
    Check::new(
        "processor-quota",
        "every store uses less than 80 % of its processors",
    )
    .hold_ms(60_000)
    .reads(&["stores"])
    .by(|snapshot| judge(snapshot, &PROCESSOR))
}

/// I57.
pub(crate) fn memory() -> Check {
    Check::new(
        "memory-quota",
        "every store uses less than 80 % of its memory",
    )
    .hold_ms(60_000)
    .reads(&["stores"])
    .by(|snapshot| judge(snapshot, &MEMORY))
}

struct Quota {
    what: &'static str,
    used: &'static str,
    reduction: Reduction,
    granted: &'static str,
    query: &'static str,
}

const PROCESSOR: Quota = Quota {
    what: "the used share of the processors",
    used: "process_cpu_seconds_total",
    reduction: Reduction::Rate,
    granted: "tikv_server_cpu_cores_quota",
    query: "rate(process_cpu_seconds_total[1m]) / tikv_server_cpu_cores_quota",
};

const MEMORY: Quota = Quota {
    what: "the used share of the memory",
    used: "process_resident_memory_bytes",
    reduction: Reduction::Last,
    granted: "tikv_server_memory_quota_bytes",
    query: MEMORY_QUERY,
};

/// The used share of the memory in PromQL, for evidence.
pub(crate) const MEMORY_QUERY: &str =
    "process_resident_memory_bytes / tikv_server_memory_quota_bytes";

/// Upstream's limit for both.
const BELOW: f64 = 0.8;

fn judge(snapshot: &Snapshot, quota: &Quota) -> Result<Outcome, PluginError> {
    let limit = threshold::Limit {
        what: quota.what,
        query: quota.query.to_owned(),
        unit: "1",
        below: BELOW,
    };
    threshold::judge(snapshot, &limit, shares(quota))
}

/// The used share of the memory by store.
pub(crate) fn memory_shares() -> Result<BTreeMap<String, f64>, MetricsError> {
    shares(&MEMORY)
}

fn shares(quota: &Quota) -> Result<BTreeMap<String, f64>, MetricsError> {
    let used = series(quota.used)
        .by("store")
        .reduce(quota.reduction, metrics::WINDOW_MS)?;
    let granted = series(quota.granted).by("store").last(metrics::WINDOW_MS)?;
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
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    /// A tenth of what was given is used everywhere, but `used` tenths on store 4.
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

    /// Store 4 uses this share of its memory.
    pub(crate) fn memory(share: f64) -> Series {
        series(&MEMORY, share * 10.0)
    }

    fn judge_with(check: &Check, quota: &Quota, used: f64) -> Outcome {
        series(quota, used).install();
        check
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn four_fifths_are_the_limit() {
        for (check, quota) in [(processor(), &PROCESSOR), (super::memory(), &MEMORY)] {
            assert_eq!(
                judge_with(&check, quota, 8.1).violations[0].entity,
                "store/4"
            );
            assert_eq!(judge_with(&check, quota, 7.9).status, Status::Pass);
            Series::none().install();
            assert_eq!(
                check
                    .evaluate(&Cluster::healthy().snapshot(), None)
                    .unwrap()
                    .status,
                Status::Inconclusive
            );
        }
    }
}
