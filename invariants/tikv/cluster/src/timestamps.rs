//! Progress of resolved timestamps. Below them nothing changes any more; stale reads and change data capture wait for that.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Severity, Snapshot, Violation, series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::metrics::{WINDOW, by_key, describe, rare_gauge};

/// The oldest lock distinguishes a long transaction from every other cause. Without a lock, only stale reads suffer, so the
/// violation is informational.
pub(crate) fn resolved() -> Check {
    Check::new(
        "resolved-ts-advances",
        "the resolved timestamps of every store's leaders lag by less than 1 min",
    )
    .pending_for(Duration::from_secs(300))
    .reads(&["stores"])
    .by(evaluate)
}

const GAP: &str = "tikv_resolved_ts_min_leader_resolved_ts_gap_millis";
const LOCK: &str = "tikv_resolved_ts_min_leader_resolved_ts_region_min_lock_ts";
const REGION: &str = "tikv_resolved_ts_min_leader_resolved_ts_region";
const BEHIND_MS: f64 = 60_000.0;

/// The region with the largest lag among a store's leaders.
#[derive(Clone, Copy)]
struct SlowestRegion {
    gap_ms: f64,
    /// Start timestamp of the oldest lock; 0 or below: no lock. `None`: this version of TiKV does not expose it.
    lock: Option<f64>,
    region: Option<f64>,
}

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    // A store with resolved timestamps disabled exposes no gap.
    let gaps = match rare_gauge(&series(GAP), WINDOW) {
        Ok(gaps) => gaps,
        Err(error) => return Ok(Outcome::inconclusive(describe(&error, GAP))),
    };
    let locks = gauge(LOCK);
    let regions = gauge(REGION);
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let Some(gap_ms) = gaps.get(store.key).copied() else {
            findings.unknown(&store.entity(), "its metrics were not collected");
            continue;
        };
        if gap_ms < BEHIND_MS {
            findings.pass(store.entity());
        } else {
            let of = |values: &BTreeMap<String, f64>| values.get(store.key).copied();
            findings.fail(violation(
                store,
                SlowestRegion {
                    gap_ms,
                    lock: of(&locks),
                    region: of(&regions),
                },
            ));
        }
    }
    Ok(findings.conclude(format!(
        "resolved timestamps of leaders on {} stores",
        stores.len()
    )))
}

fn gauge(metric: &str) -> BTreeMap<String, f64> {
    series(metric)
        .by("store")
        .last(WINDOW)
        .map(|table| by_key(&table, "store"))
        .unwrap_or_default()
}

fn violation(store: Store<'_>, slowest: SlowestRegion) -> Violation {
    let region = slowest
        .region
        .filter(|region| *region > 0.0)
        .map_or(String::new(), |id| format!(" of region {id:.0}"));
    let behind = format!(
        "the resolved timestamp of {} lags by {:.0} s",
        store.name(),
        slowest.gap_ms / 1_000.0
    );
    let is_locked = slowest.lock.is_none_or(|lock| lock > 0.0);
    let summary = match slowest.lock {
        Some(lock) if lock > 0.0 => {
            format!("{behind}: a long transaction holds a lock{region}")
        }
        Some(_) => format!("{behind}{region}, not caused by a lock"),
        None => format!("{behind}{region}"),
    };
    let mut violation = Violation::new(store.entity(), summary).evidence(
        Evidence::metric(
            format!("{GAP}{{store=\"{}\"}}", store.key),
            slowest.gap_ms,
            "ms",
        )
        .expected("below 60000"),
    );
    if let Some(lock) = slowest.lock {
        let query = format!("{LOCK}{{store=\"{}\"}}", store.key);
        violation =
            violation.evidence(Evidence::metric(query, lock, "").expected("0 or -1 (no lock)"));
    }
    violation.severity(if is_locked {
        Severity::Warning
    } else {
        Severity::Info
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate_with(gap_ms: f64, lock: Option<f64>) -> Outcome {
        let of_4 = |value: f64, others: f64| -> [(&'static [&'static str], f64); 3] {
            [(&["1"], others), (&["4"], value), (&["5"], others)]
        };
        let mut series = Series::none()
            .values(
                tikv_check_support::metrics::COLLECTED,
                &["store"],
                &of_4(1.0, 1.0),
            )
            .values(GAP, &["store"], &of_4(gap_ms, 9_000.0));
        if let Some(lock) = lock {
            series = series.values(LOCK, &["store"], &of_4(lock, -1.0)).values(
                REGION,
                &["store"],
                &of_4(88.0, 12.0),
            );
        }
        series.install();
        resolved()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn a_lock_held_for_a_minute_is_reported_with_its_region() {
        let outcome = evaluate_with(61_000.0, Some(4.7e17));
        assert_eq!(
            (
                outcome.status(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (Status::Fail, "store/4")
        );
        assert_eq!(outcome.violations()[0].severity, Some(Severity::Warning));
        assert!(
            outcome.violations()[0].summary.contains("region 88"),
            "{}",
            outcome.violations()[0].summary
        );
        assert_eq!(evaluate_with(59_000.0, Some(4.7e17)).status(), Status::Pass);
    }

    #[test]
    fn without_a_lock_it_is_informational_and_if_unknown_a_warning() {
        assert_eq!(
            evaluate_with(61_000.0, Some(-1.0)).violations()[0].severity,
            Some(Severity::Info)
        );
        assert_eq!(
            evaluate_with(61_000.0, None).violations()[0].severity,
            Some(Severity::Warning)
        );
    }

    #[test]
    fn a_store_with_resolved_timestamps_disabled_passes() {
        let collected: [(&[&str], f64); 3] = [(&["1"], 1.0), (&["4"], 1.0), (&["5"], 1.0)];
        Series::none()
            .values(
                tikv_check_support::metrics::COLLECTED,
                &["store"],
                &collected,
            )
            .install();
        assert_eq!(
            resolved()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Pass
        );
    }

    #[test]
    fn missing_metrics_are_inconclusive() {
        Series::none().install();
        assert_eq!(
            resolved()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Inconclusive
        );
    }
}
