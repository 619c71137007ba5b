//! Stores whose threads hang in disk I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};
use tikv_check_support::{entities, metrics, threshold};

/// Threads in the kernel's uninterruptible sleep wait for a device.
pub(crate) fn threads() -> Check {
    Check::new(
        "store-threads-run",
        "at most two threads of each store are in uninterruptible sleep",
    )
    .pending_for(Duration::from_secs(30))
    .reads(&["stores"])
    .by(evaluate_threads)
}

/// TiKV 9 and later: a watchdog of the store writes to the disk periodically.
pub(crate) fn disk_probe() -> Check {
    Check::new(
        "store-disk-probe",
        "the disk probes of every store's watchdog succeed",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate_probes)
}

const STATES: &str = "tikv_threads_state";
/// One or two threads are often caught in a short write.
const STUCK_FROM: f64 = 3.0;

fn evaluate_threads(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let counts = series(STATES).by("store").by("state").last(metrics::WINDOW);
    let waiting = counts.map(|table| {
        let mut stores: BTreeMap<String, f64> = BTreeMap::new();
        for count in metrics::counts(&table, "state") {
            let entry = stores.entry(count.store).or_default();
            *entry += if count.label == "D" { count.value } else { 0.0 };
        }
        stores
    });
    let limit = threshold::Limit {
        what: "the number of threads in uninterruptible sleep",
        query: &|store| format!("{STATES}{{state=\"D\",store=\"{store}\"}}"),
        unit: "1",
        below: STUCK_FROM,
    };
    threshold::evaluate(snapshot, &limit, waiting)
}

const PROBES: &str = "tikv_raftstore_disk_probe_duration_seconds_count";

fn evaluate_probes(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(table) = series(PROBES)
        .by("store")
        .by("outcome")
        .increase(metrics::WINDOW)
    else {
        return Ok(Outcome::inconclusive(
            "no disk probes were collected; they exist in TiKV 9 and later",
        ));
    };
    let counts = metrics::counts(&table, "outcome");
    let mut findings = Findings::new();
    for key in counts
        .iter()
        .map(|count| &count.store)
        .collect::<std::collections::BTreeSet<_>>()
    {
        let failed = counts.iter().filter(|count| {
            &count.store == key && !matches!(count.label.as_str(), "success" | "ok")
        });
        let failed: f64 = failed.map(|count| count.value).sum();
        if failed < 1.0 {
            findings.pass(entities::store(key));
            continue;
        }
        let query = format!("sum(increase({PROBES}{{outcome!=\"success\",store=\"{key}\"}}[1m]))");
        let summary = format!("{failed:.0} disk probes of store {key} failed in the last minute");
        let evidence = Evidence::metric(query, failed, "1").expected("0");
        findings.fail(
            Violation::new(entities::store(key), summary)
                .evidence(evidence)
                .confirmed(true),
        );
    }
    Ok(findings.conclude("disk probes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate(check: &Check, series: Series) -> Outcome {
        series.install();
        check
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    fn states(waiting: f64) -> Series {
        let rows: [(&[&str], f64); 4] = [
            (&["1", "S"], 120.0),
            (&["4", "S"], 115.0),
            (&["4", "D"], waiting),
            (&["5", "R"], 7.0),
        ];
        Series::none().values(STATES, &["store", "state"], &rows)
    }

    #[test]
    fn three_threads_in_uninterruptible_sleep_are_a_violation_and_two_are_not() {
        assert_eq!(
            evaluate(&threads(), states(3.0)).violations()[0].entity,
            "store/4"
        );
        assert_eq!(evaluate(&threads(), states(2.0)).status(), Status::Pass);
        assert_eq!(
            evaluate(&threads(), Series::none()).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_failed_probe_needs_no_further_confirmation() {
        let probes = |outcome: &'static str| {
            Series::none().values(
                PROBES,
                &["store", "outcome"],
                &[(&["4", outcome], 2.0), (&["1", "success"], 9.0)],
            )
        };
        assert!(evaluate(&disk_probe(), probes("timeout")).violations()[0].confirmed);
        assert_eq!(
            evaluate(&disk_probe(), probes("success")).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&disk_probe(), Series::none()).status(),
            Status::Inconclusive
        );
    }
}
