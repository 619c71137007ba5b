//! Stores that reject writes because their disk is full.

use std::collections::BTreeSet;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};
use tikv_check_support::{entities, metrics};

/// When only its reserve is left, a store rejects normal writes; below half of the reserve it rejects every proposal.
pub(crate) fn writable() -> Check {
    Check::new(
        "disk-writable",
        "no store rejects writes because its disk is full",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate)
}

const REQUESTS: &str = "tikv_storage_engine_async_request_total";

fn evaluate(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(table) = series(REQUESTS)
        .by("store")
        .by("status")
        .increase(metrics::WINDOW)
    else {
        return Ok(Outcome::inconclusive(format!(
            "{REQUESTS}: fewer than two samples in the last minute"
        )));
    };
    let counts = metrics::counts(&table, "status");
    let mut findings = Findings::new();
    for store in counts
        .iter()
        .map(|count| count.store.as_str())
        .collect::<BTreeSet<_>>()
    {
        let rejected = counts
            .iter()
            .find(|count| count.store == store && count.label == "err_disk_full");
        let rejected = rejected.map_or(0.0, |count| count.value);
        if rejected < 1.0 {
            findings.pass(entities::store(store));
            continue;
        }
        let query =
            format!("increase({REQUESTS}{{status=\"err_disk_full\",store=\"{store}\"}}[1m])");
        let summary = format!(
            "store {store} rejected {rejected:.0} requests in the last minute because its disk is full"
        );
        let evidence = Evidence::metric(query, rejected, "1").expected("0");
        findings.fail(
            Violation::new(entities::store(store), summary)
                .evidence(evidence)
                .confirmed(true),
        );
    }
    Ok(findings.conclude("requests rejected for lack of space"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate_with(rows: &[(&[&str], f64)]) -> Outcome {
        Series::none()
            .values(REQUESTS, &["store", "status"], rows)
            .install();
        writable()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn one_rejected_write_is_enough() {
        let outcome = evaluate_with(&[
            (&["4", "err_disk_full"], 3.0),
            (&["4", "success"], 90.0),
            (&["1", "success"], 90.0),
        ]);
        assert_eq!(
            (
                outcome.violations()[0].entity.to_string().as_str(),
                outcome.passed().len()
            ),
            ("store/4", 1)
        );
    }

    #[test]
    fn other_errors_are_not_about_space() {
        assert_eq!(
            evaluate_with(&[(&["4", "err_not_leader"], 30.0)]).status(),
            Status::Pass
        );
        Series::none().install();
        assert_eq!(
            writable()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Inconclusive
        );
    }
}
