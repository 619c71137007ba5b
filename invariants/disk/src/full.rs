//! Whether stores refuse writes for want of space.

use std::collections::BTreeSet;

use judging::{entities, metrics};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};

/// I34: from its reserve on, a store rejects normal writes; below half of it, every proposal.
pub(crate) fn writable() -> Check {
    Check::new(
        "disk-writable",
        "no store refuses writes because its disk is full",
    )
    .critical()
    .reads(&["stores"])
    .by(judge)
}

const REQUESTS: &str = "tikv_storage_engine_async_request_total";

fn judge(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(table) = series(REQUESTS)
        .by("store")
        .by("status")
        .increase(metrics::WINDOW_MS)
    else {
        return Ok(Outcome::inconclusive(format!(
            "{REQUESTS} was not collected twice within a minute"
        )));
    };
    let counts = metrics::counts(&table, "status");
    let mut findings = Findings::new();
    for store in counts
        .iter()
        .map(|count| count.store.as_str())
        .collect::<BTreeSet<_>>()
    {
        let refused = counts
            .iter()
            .find(|count| count.store == store && count.label == "err_disk_full");
        let refused = refused.map_or(0.0, |count| count.value);
        if refused < 1.0 {
            findings.pass(entities::store(store));
            continue;
        }
        let query =
            format!("increase({REQUESTS}{{status=\"err_disk_full\",store=\"{store}\"}}[1m])");
        let summary = format!(
            "store {store} refused {refused:.0} requests within a minute: its disk is full"
        );
        let evidence = Evidence::metric(query, refused, "1").expected("0");
        findings.fail(
            Violation::new(entities::store(store), summary)
                .evidence(evidence)
                .confirmed(true),
        );
    }
    Ok(findings.conclude("requests that were refused for want of space"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(rows: &[(&[&str], f64)]) -> Outcome {
        Series::none()
            .values(REQUESTS, &["store", "status"], rows)
            .install();
        writable()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn one_refused_write_is_enough() {
        let outcome = judge_with(&[
            (&["4", "err_disk_full"], 3.0),
            (&["4", "success"], 90.0),
            (&["1", "success"], 90.0),
        ]);
        assert_eq!(
            (outcome.violations[0].entity.as_str(), outcome.passed.len()),
            ("store/4", 1)
        );
    }

    #[test]
    fn other_errors_are_no_matter_of_space() {
        assert_eq!(
            judge_with(&[(&["4", "err_not_leader"], 30.0)]).status,
            Status::Pass
        );
        Series::none().install();
        assert_eq!(
            writable()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }
}
