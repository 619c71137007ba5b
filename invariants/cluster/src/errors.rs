//! Errors that are never harmless.

use std::collections::BTreeMap;

use judging::entities::Store;
use judging::metrics::{self, Count};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};

/// I58: damaged data, a failing disk. The count of a process never falls, and neither does the alarm.
pub(crate) fn none() -> Check {
    Check::new(
        "critical-errors",
        "no store has met a critical error since it started",
    )
    .critical()
    .reads(&["stores"])
    .by(judge)
}

const ERRORS: &str = "tikv_critical_error_total";

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let Ok(counts) = metrics::rare_counter(&series(ERRORS), "type", metrics::WINDOW_MS) else {
        return Ok(Outcome::inconclusive(
            "the metrics of no store were collected",
        ));
    };
    let mut by_store: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.value >= 1.0) {
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
        let kinds: Vec<&str> = counts.iter().map(|count| count.label.as_str()).collect();
        let violation = Violation::new(
            store.entity(),
            format!("{} met critical errors: {}", store.name(), kinds.join(", ")),
        );
        let cited = counts.iter().fold(violation, |violation, count| {
            let query = format!(
                "{ERRORS}{{store=\"{}\",type=\"{}\"}}",
                store.key, count.label
            );
            violation.evidence(Evidence::metric(query, count.value, "1").expected("0"))
        });
        findings.fail(cited.confirmed(true));
    }
    Ok(findings.conclude(format!("critical errors of {} stores", stores.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge(series: Series) -> Outcome {
        series.install();
        none()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    fn collected() -> Series {
        Series::none().values(metrics::COLLECTED, &["store"], &[(&["1"], 9.0)])
    }

    #[test]
    fn one_error_is_enough_and_says_its_kind() {
        let outcome = judge(collected().values(
            ERRORS,
            &["store", "type"],
            &[(&["4", "sst_corruption"], 1.0)],
        ));
        assert!(outcome.violations[0].summary.ends_with("sst_corruption"));
        assert!(outcome.violations[0].confirmed);
    }

    #[test]
    fn a_store_without_errors_does_not_expose_the_count() {
        assert_eq!(judge(collected()).status, Status::Pass);
        assert_eq!(judge(Series::none()).status, Status::Inconclusive);
    }
}
