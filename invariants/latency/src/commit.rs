//! What agreeing costs beyond the own disk: the network and the followers.

use std::collections::BTreeMap;

use judging::entities::Store;
use judging::{locus, metrics, stage};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};

/// I47.
pub(crate) fn followers() -> Check {
    Check::new(
        "commit-latency",
        "no store waits long for its followers to agree",
    )
    .hold_ms(300_000)
    .reads(&["stores"])
    .by(judge)
}

const COMMIT: &str = "tikv_raftstore_commit_log_duration_seconds";
const APPEND: &str = "tikv_raftstore_append_log_duration_seconds";
const SLOW_S: f64 = 0.2;
const STUCK_S: f64 = 1.0;

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let p99 = |metric: &str| {
        series(metric)
            .by("store")
            .quantile(0.99, metrics::WINDOW_MS)
    };
    let (Ok(commit), Ok(append)) = (p99(COMMIT), p99(APPEND)) else {
        return Ok(Outcome::inconclusive(
            "the times to append and to commit were not collected",
        ));
    };
    let (commits, appends) = (
        metrics::by_key(&commit, "store"),
        metrics::by_key(&append, "store"),
    );
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
        judge_store(store, &beyond, samples, &mut findings);
    }
    Ok(findings.conclude(format!(
        "time that {} stores wait for followers",
        stores.len()
    )))
}

fn judge_store(
    store: Store<'_>,
    beyond: &BTreeMap<String, f64>,
    samples: f64,
    findings: &mut Findings,
) {
    let Some(own) = beyond.get(store.key) else {
        if store.row.integer("leader_count") == Some(0) {
            // It leads nothing, so that it waits for no follower.
            return;
        }
        return findings.unknown(&store.entity(), "it committed nothing in the last minute");
    };
    let others: Vec<f64> = beyond
        .iter()
        .filter(|(key, _)| key.as_str() != store.key)
        .map(|(_, other)| *other)
        .collect();
    let slow = *own >= STUCK_S || (*own >= SLOW_S && locus::is_outlier(*own, &others));
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
        "{} waits {own:.3} s for its followers, at P99",
        store.name()
    );
    let evidence =
        Evidence::metric(query, *own, "s").expected("below 0.2 s, or like the other stores");
    findings.fail(Violation::new(store.entity(), summary).evidence(evidence));
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(commit_s: f64, append_s: f64, samples: f64) -> Outcome {
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
    fn waiting_for_followers_is_told_from_a_slow_own_disk() {
        assert_eq!(judge_with(0.5, 0.01, 900.0).violations[0].entity, "store/4");
        assert_eq!(
            judge_with(0.5, 0.45, 900.0).status,
            Status::Pass,
            "its own disk"
        );
    }

    #[test]
    fn few_commits_say_nothing() {
        assert_eq!(judge_with(0.5, 0.01, 7.0).status, Status::Inconclusive);
        Series::none().install();
        assert_eq!(
            followers()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }
}
