//! Whether a store waits for its disk without end.

use std::collections::BTreeMap;

use judging::{entities, metrics, threshold};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};

/// F13: threads in the kernel's uninterruptible sleep wait for a device.
pub(crate) fn threads() -> Check {
    Check::new(
        "store-threads-run",
        "no more than two threads of a store wait in the kernel",
    )
    .hold_ms(30_000)
    .reads(&["stores"])
    .by(judge_threads)
}

/// F13, newer stores: their own watchdog writes to the disk and waits.
pub(crate) fn disk_probe() -> Check {
    Check::new(
        "store-disk-probe",
        "the disk probes of the stores' watchdog succeed",
    )
    .critical()
    .reads(&["stores"])
    .by(judge_probes)
}

const STATES: &str = "tikv_threads_state";
/// One or two threads are always caught in a short write.
const STUCK_FROM: f64 = 3.0;

fn judge_threads(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let counts = series(STATES)
        .by("store")
        .by("state")
        .last(metrics::WINDOW_MS);
    let waiting = counts.map(|table| {
        let mut stores: BTreeMap<String, f64> = BTreeMap::new();
        for count in metrics::counts(&table, "state") {
            let entry = stores.entry(count.store).or_default();
            *entry += if count.label == "D" { count.value } else { 0.0 };
        }
        stores
    });
    let limit = threshold::Limit {
        what: "the number of threads that wait in the kernel",
        query: format!("{STATES}{{state=\"D\"}}"),
        unit: "1",
        below: STUCK_FROM,
    };
    threshold::judge(snapshot, &limit, waiting)
}

const PROBES: &str = "tikv_raftstore_disk_probe_duration_seconds_count";

fn judge_probes(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(table) = series(PROBES)
        .by("store")
        .by("outcome")
        .increase(metrics::WINDOW_MS)
    else {
        return Ok(Outcome::inconclusive(
            "no store's disk probes were collected: they are new in TiKV 9",
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
        let summary = format!("{failed:.0} disk probes of store {key} failed within a minute");
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
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge(check: &Check, series: Series) -> Outcome {
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
    fn three_waiting_threads_are_named_and_two_are_not() {
        assert_eq!(
            judge(&threads(), states(3.0)).violations[0].entity,
            "store/4"
        );
        assert_eq!(judge(&threads(), states(2.0)).status, Status::Pass);
        assert_eq!(
            judge(&threads(), Series::none()).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_failed_probe_is_confirmed_by_itself() {
        let probes = |outcome: &'static str| {
            Series::none().values(
                PROBES,
                &["store", "outcome"],
                &[(&["4", outcome], 2.0), (&["1", "success"], 9.0)],
            )
        };
        assert!(judge(&disk_probe(), probes("timeout")).violations[0].confirmed);
        assert_eq!(judge(&disk_probe(), probes("success")).status, Status::Pass);
        assert_eq!(
            judge(&disk_probe(), Series::none()).status,
            Status::Inconclusive
        );
    }
}
