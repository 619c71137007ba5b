//! Full queues, and iterations of the Raft loop that take too long.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Query, Snapshot, Violation, series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::metrics::{self, Count};
use tikv_check_support::stage::{self, Stage};

/// Mailboxes carry messages between the threads of a store.
pub(crate) fn mailboxes() -> Check {
    Check::new(
        "mailboxes-not-full",
        "no mailbox between the threads of a store is full",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(|snapshot| {
        evaluate_growth(
            snapshot,
            "tikv_channel_full_total",
            "type",
            "full mailboxes",
        )
    })
}

/// Beyond its pending-write threshold the scheduler rejects writes.
pub(crate) fn scheduler() -> Check {
    Check::new(
        "scheduler-not-busy",
        "no store rejects writes because its scheduler is busy",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(|snapshot| {
        evaluate_growth(
            snapshot,
            "tikv_scheduler_too_busy_total",
            "type",
            "writes rejected by the scheduler",
        )
    })
}

/// The Raft threads process all regions of a store in iterations.
pub(crate) fn raft_rounds() -> Check {
    Check::new(
        "raft-rounds",
        "no iteration of a store's Raft threads takes 2 s or longer",
    )
    .critical()
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(|snapshot| {
        let histogram = series("tikv_raftstore_raft_process_duration_secs").with("type", "ready");
        let stage = Stage {
            what: "iterations of the Raft threads",
            histogram,
            quantile: 0.999,
            slow_s: 2.0,
            stuck_s: 2.0,
        };
        stage::evaluate(snapshot, &stage)
    })
}

/// Evaluates the growth of a counter that TiKV exposes only after its first increment.
fn evaluate_growth(
    snapshot: &Snapshot,
    metric: &str,
    label: &str,
    what: &str,
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let query: Query = series(metric);
    let Ok(counted) = metrics::rare_counter(&query, label, metrics::WINDOW) else {
        return Ok(Outcome::inconclusive(
            "no metrics of any store were collected",
        ));
    };
    // The counter exists, so take its increase. Too few samples mean that it has just appeared: all of it is new.
    let grown = query
        .by("store")
        .by(label)
        .increase(metrics::WINDOW)
        .map(|table| metrics::counts(&table, label));
    let grown = if counted.is_empty() {
        Vec::new()
    } else {
        grown.unwrap_or(counted)
    };
    let mut by_store: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
    for count in grown.iter().filter(|count| count.value >= 1.0) {
        by_store
            .entry(count.store.as_str())
            .or_default()
            .push(count);
    }
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let Some(counts) = by_store.get(store.key) else {
            findings.pass(store.entity());
            continue;
        };
        let times: f64 = counts.iter().map(|count| count.value).sum();
        let summary = format!(
            "{}: {what}, {times:.0} times in the last minute",
            store.name()
        );
        let violation = Violation::new(store.entity(), summary);
        findings.fail(counts.iter().fold(violation, |violation, count| {
            let query = format!(
                "increase({metric}{{store=\"{}\",{label}=\"{}\"}}[1m])",
                store.key, count.label
            );
            violation.evidence(Evidence::metric(query, count.value, "1").expected("0"))
        }));
    }
    Ok(findings.conclude(format!("{metric} of {} stores", stores.len())))
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

    fn collected() -> Series {
        Series::none().values(metrics::COLLECTED, &["store"], &[(&["1"], 9.0)])
    }

    #[test]
    fn a_counter_that_grows_is_a_violation() {
        for (check, metric) in [
            (mailboxes(), "tikv_channel_full_total"),
            (scheduler(), "tikv_scheduler_too_busy_total"),
        ] {
            let series = collected().values(
                metric,
                &["store", "type"],
                &[(&["4", "kv_prewrite"], 7.0), (&["1", "x"], 0.0)],
            );
            let outcome = evaluate(&check, series);
            assert_eq!(
                (
                    outcome.violations()[0].entity.to_string().as_str(),
                    outcome.passed().len()
                ),
                ("store/4", 2)
            );
        }
    }

    #[test]
    fn a_counter_that_was_never_incremented_is_not_exposed_and_passes() {
        assert_eq!(evaluate(&mailboxes(), collected()).status(), Status::Pass);
        assert_eq!(
            evaluate(&mailboxes(), Series::none()).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn an_iteration_of_two_seconds_is_a_violation() {
        let with = |seconds: f64| {
            Series::none().quantile(
                "tikv_raftstore_raft_process_duration_secs",
                "store",
                &[
                    ("1", 0.01, 900.0),
                    ("4", seconds, 900.0),
                    ("5", 0.01, 900.0),
                ],
            )
        };
        assert_eq!(
            evaluate(&raft_rounds(), with(2.1)).violations()[0].entity,
            "store/4"
        );
        assert_eq!(evaluate(&raft_rounds(), with(1.9)).status(), Status::Pass);
        assert_eq!(
            evaluate(&raft_rounds(), Series::none()).status(),
            Status::Inconclusive
        );
    }
}
