//! Errors that are never harmless: corrupted data, a failing disk.

use std::collections::BTreeMap;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::metrics::{self, Count};

/// The counter of a process never decreases, so the violation lasts until the store restarts.
pub(crate) fn none() -> Check {
    Check::new(
        "critical-errors",
        "no store has reported a critical error since it started",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate)
}

const ERRORS: &str = "tikv_critical_error_total";

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let Ok(counts) = metrics::rare_counter(&series(ERRORS), "type", metrics::WINDOW) else {
        return Ok(Outcome::inconclusive(
            "no metrics of any store were collected",
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
            format!(
                "{} reported critical errors: {}",
                store.name(),
                kinds.join(", ")
            ),
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
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate(series: Series) -> Outcome {
        series.install();
        none()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    fn collected() -> Series {
        Series::none().values(metrics::COLLECTED, &["store"], &[(&["1"], 9.0)])
    }

    #[test]
    fn one_error_is_enough_and_its_kind_is_named() {
        let outcome = evaluate(collected().values(
            ERRORS,
            &["store", "type"],
            &[(&["4", "sst_corruption"], 1.0)],
        ));
        assert!(outcome.violations()[0].summary.ends_with("sst_corruption"));
        assert!(outcome.violations()[0].confirmed);
    }

    #[test]
    fn a_store_without_errors_does_not_expose_the_counter() {
        assert_eq!(evaluate(collected()).status(), Status::Pass);
        assert_eq!(evaluate(Series::none()).status(), Status::Inconclusive);
    }
}
