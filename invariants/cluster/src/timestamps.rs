//! Whether timestamps are resolved: below them nothing changes any more, which stale reads and change capture wait for.

use std::collections::BTreeMap;

use judging::entities::Store;
use judging::metrics::{WINDOW_MS, by_key, rare_gauge};
use operator_plugin::{
    Check, Evidence, Findings, MetricsError, Outcome, PluginError, Severity, Snapshot, Violation,
    series,
};

/// I64, with the lock that decides between a transaction (F26) and everything else (F27). What is behind without a lock hurts
/// only who reads stale data: a note.
pub(crate) fn resolved() -> Check {
    Check::new(
        "resolved-ts-advances",
        "no store's leaders are more than a minute behind in resolving timestamps",
    )
    .hold_ms(300_000)
    .reads(&["stores"])
    .by(judge)
}

const GAP: &str = "tikv_resolved_ts_min_leader_resolved_ts_gap_millis";
const LOCK: &str = "tikv_resolved_ts_min_leader_resolved_ts_region_min_lock_ts";
const REGION: &str = "tikv_resolved_ts_min_leader_resolved_ts_region";
const BEHIND_MS: f64 = 60_000.0;

/// What the region of a store's leaders that is furthest behind waits for.
#[derive(Clone, Copy)]
struct Slowest {
    gap_ms: f64,
    /// 0 and below: none. `None`: this version does not say.
    lock: Option<f64>,
    region: Option<f64>,
}

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    // A store on which resolving is switched off exposes no gap.
    let gaps = match rare_gauge(&series(GAP), WINDOW_MS) {
        Ok(gaps) => gaps,
        Err(error) => return Ok(Outcome::inconclusive(describe(&error))),
    };
    let (locks, regions) = (told(LOCK), told(REGION));
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
                Slowest {
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

fn told(metric: &str) -> BTreeMap<String, f64> {
    series(metric)
        .by("store")
        .last(WINDOW_MS)
        .map(|table| by_key(&table, "store"))
        .unwrap_or_default()
}

fn violation(store: Store<'_>, slowest: Slowest) -> Violation {
    let region = slowest
        .region
        .filter(|region| *region > 0.0)
        .map_or(String::new(), |id| format!(" of region {id:.0}"));
    let behind = format!(
        "{} is {:.0} s behind in resolving timestamps",
        store.name(),
        slowest.gap_ms / 1_000.0
    );
    let is_locked = slowest.lock.is_none_or(|lock| lock > 0.0);
    let summary = match slowest.lock {
        Some(lock) if lock > 0.0 => {
            format!("{behind}: a transaction that does not end holds a lock{region}")
        }
        Some(_) => format!("{behind}{region}, and no lock is the reason"),
        None => format!("{behind}{region}"),
    };
    let mut violation = Violation::new(store.entity(), summary).evidence(
        Evidence::metric(
            format!("{GAP} for store {}", store.key),
            slowest.gap_ms,
            "ms",
        )
        .expected("below 60000"),
    );
    if let Some(lock) = slowest.lock {
        let query = format!("{LOCK} for store {}", store.key);
        violation =
            violation.evidence(Evidence::metric(query, lock, "").expected("0 or -1: no lock"));
    }
    violation.severity(if is_locked {
        Severity::Warning
    } else {
        Severity::Info
    })
}

fn describe(error: &MetricsError) -> String {
    match error {
        MetricsError::NoSuchMetric(metric) => format!("no store's {metric} was collected"),
        other => format!("resolved timestamps cannot be read: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(gap_ms: f64, lock: Option<f64>) -> Outcome {
        let of_4 = |value: f64, others: f64| -> [(&'static [&'static str], f64); 3] {
            [(&["1"], others), (&["4"], value), (&["5"], others)]
        };
        let mut series = Series::none()
            .values(judging::metrics::COLLECTED, &["store"], &of_4(1.0, 1.0))
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
    fn a_lock_that_is_held_for_a_minute_is_named_with_its_region() {
        let outcome = judge_with(61_000.0, Some(4.7e17));
        assert_eq!(
            (outcome.status, outcome.violations[0].entity.as_str()),
            (Status::Fail, "store/4")
        );
        assert_eq!(outcome.violations[0].severity, Some(Severity::Warning));
        assert!(
            outcome.violations[0].summary.contains("region 88"),
            "{}",
            outcome.violations[0].summary
        );
        assert_eq!(judge_with(59_000.0, Some(4.7e17)).status, Status::Pass);
    }

    #[test]
    fn without_a_lock_it_is_a_note_and_unsaid_a_warning() {
        assert_eq!(
            judge_with(61_000.0, Some(-1.0)).violations[0].severity,
            Some(Severity::Info)
        );
        assert_eq!(
            judge_with(61_000.0, None).violations[0].severity,
            Some(Severity::Warning)
        );
    }

    #[test]
    fn who_resolves_nothing_is_not_behind() {
        let collected: [(&[&str], f64); 3] = [(&["1"], 1.0), (&["4"], 1.0), (&["5"], 1.0)];
        Series::none()
            .values(judging::metrics::COLLECTED, &["store"], &collected)
            .install();
        assert_eq!(
            resolved()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Pass
        );
    }

    #[test]
    fn what_was_not_collected_is_not_judged() {
        Series::none().install();
        assert_eq!(
            resolved()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }
}
