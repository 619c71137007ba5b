//! Time to commit beyond the append to the store's own log: the network and the followers.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::{metrics, outlier, stage};

pub(crate) fn followers() -> Check {
    Check::new(
        "commit-latency",
        "no store waits long for its followers to acknowledge entries",
    )
    .pending_for(Duration::from_secs(300))
    .reads(&["stores"])
    .by(evaluate)
}

const COMMIT: &str = "tikv_raftstore_commit_log_duration_seconds";
const APPEND: &str = "tikv_raftstore_append_log_duration_seconds";
const SLOW_S: f64 = 0.2;
const STUCK_S: f64 = 1.0;

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let p99 = |metric: &str| series(metric).by("store").quantile(0.99, metrics::WINDOW);
    let (Ok(commit), Ok(append)) = (p99(COMMIT), p99(APPEND)) else {
        return Ok(Outcome::inconclusive(
            "append and commit latencies were not collected",
        ));
    };
    let commits = metrics::by_key(&commit, "store");
    let appends = metrics::by_key(&append, "store");
    let pairs = commits
        .iter()
        .filter_map(|(key, commit)| Some((key.clone(), commit - appends.get(key)?)));
    let beyond: BTreeMap<String, f64> = pairs.collect();
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        let samples = commit
            .find("store", store.key)
            .and_then(|row| row.number("samples"))
            .unwrap_or(0.0);
        evaluate_store(store, &beyond, samples, &mut findings);
    }
    Ok(findings.conclude(format!(
        "time that {} stores wait for their followers",
        stores.len()
    )))
}

fn evaluate_store(
    store: Store<'_>,
    beyond: &BTreeMap<String, f64>,
    samples: f64,
    findings: &mut Findings,
) {
    let Some(own) = beyond.get(store.key) else {
        if store.row.integer("leader_count") == Some(0) {
            // It leads nothing, so it waits for no follower.
            return;
        }
        return findings.unknown(&store.entity(), "it committed nothing in the last minute");
    };
    let others: Vec<f64> = beyond
        .iter()
        .filter(|(key, _)| key.as_str() != store.key)
        .map(|(_, other)| *other)
        .collect();
    let slow = *own >= STUCK_S || (*own >= SLOW_S && outlier::is_outlier(*own, &others));
    if !slow {
        return findings.pass(store.entity());
    }
    if samples < stage::SAMPLES_MIN {
        return findings.unknown(
            &store.entity(),
            &format!("only {samples:.0} commits in the last minute"),
        );
    }
    let query = format!(
        "histogram_quantile(0.99, rate({COMMIT}_bucket{{store=\"{0}\"}}[1m])) - histogram_quantile(0.99, rate({APPEND}_bucket{{store=\"{0}\"}}[1m]))",
        store.key
    );
    let summary = format!(
        "P99 of the time that {} waits for its followers is {own:.3} s",
        store.name()
    );
    let evidence =
        Evidence::metric(query, *own, "s").expected("below 0.2 s, or no outlier and below 1 s");
    findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate_with(commit_s: f64, append_s: f64, samples: f64) -> Outcome {
        Series::none()
            .quantile(
                COMMIT,
                "store",
                &[
                    ("1", 0.03, 900.0),
                    ("4", commit_s, samples),
                    ("5", 0.03, 900.0),
                ],
            )
            .quantile(
                APPEND,
                "store",
                &[
                    ("1", 0.01, 900.0),
                    ("4", append_s, samples),
                    ("5", 0.01, 900.0),
                ],
            )
            .install();
        followers()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn a_wait_for_followers_is_distinguished_from_a_slow_disk() {
        assert_eq!(
            evaluate_with(0.5, 0.01, 900.0).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate_with(0.5, 0.45, 900.0).status(),
            Status::Pass,
            "its own disk"
        );
    }

    #[test]
    fn few_commits_are_inconclusive() {
        assert_eq!(evaluate_with(0.5, 0.01, 7.0).status(), Status::Inconclusive);
        Series::none().install();
        assert_eq!(
            followers()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Inconclusive
        );
    }
}
