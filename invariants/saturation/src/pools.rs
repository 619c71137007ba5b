//! Thread pools: how much of the time their threads are busy, on average over the threads.

use std::collections::BTreeMap;

use judging::{metrics, threshold};
use operator_plugin::{Check, MetricsError, Outcome, PluginError, Snapshot, series};

/// A pool of threads by the beginning of their names.
struct Pool {
    id: &'static str,
    claim: &'static str,
    what: &'static str,
    threads: &'static str,
    below: f64,
}

/// I49, I50. Thread names are cut to 15 characters, and their hyphens are underscores.
const POOLS: [Pool; 6] = [
    Pool {
        id: "raftstore-cpu",
        claim: "the Raft threads of every store have time left",
        what: "the busy share of the Raft threads",
        threads: "raftstore_",
        below: 0.8,
    },
    Pool {
        id: "store-writer-cpu",
        claim: "the Raft log writers of every store have time left",
        what: "the busy share of the Raft log writers",
        threads: "store_writer",
        below: 0.85,
    },
    Pool {
        id: "apply-cpu",
        claim: "the apply threads of every store have time left",
        what: "the busy share of the apply threads",
        threads: "apply_",
        below: 0.85,
    },
    Pool {
        id: "grpc-cpu",
        claim: "the request threads of every store have time left",
        what: "the busy share of the request threads",
        threads: "grpc_server",
        below: 0.85,
    },
    Pool {
        id: "read-pool-cpu",
        claim: "the read threads of every store have time left",
        what: "the busy share of the read threads",
        threads: "unified_read_po",
        below: 0.85,
    },
    Pool {
        id: "scheduler-cpu",
        claim: "the write scheduler's threads of every store have time left",
        what: "the busy share of the write scheduler's threads",
        threads: "sched_",
        below: 0.85,
    },
];

const CPU: &str = "tikv_thread_cpu_seconds_total";
const HOLD_MS: u64 = 120_000;

/// One check for each pool.
pub(crate) fn checks() -> Vec<Check> {
    POOLS.iter().map(check).collect()
}

fn check(pool: &'static Pool) -> Check {
    Check::new(pool.id, pool.claim)
        .hold_ms(HOLD_MS)
        .reads(&["stores"])
        .by(|snapshot| judge(snapshot, pool))
}

fn judge(snapshot: &Snapshot, pool: &Pool) -> Result<Outcome, PluginError> {
    let limit = threshold::Limit {
        what: pool.what,
        query: format!(
            "avg by (store) (rate({CPU}{{name=~\"{}.*\"}}[1m]))",
            pool.threads
        ),
        unit: "1",
        below: pool.below,
    };
    threshold::judge(snapshot, &limit, shares(pool.threads))
}

/// Average share over the threads of a pool, by store. Threads are counted by name: a pool numbers them.
fn shares(threads: &str) -> Result<BTreeMap<String, f64>, MetricsError> {
    let table = series(CPU)
        .starting("name", threads)
        .by("store")
        .by("name")
        .rate(metrics::WINDOW_MS)?;
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for count in metrics::counts(&table, "name") {
        let (busy, threads) = sums.entry(count.store).or_default();
        *busy += count.value;
        *threads += 1.0;
    }
    Ok(sums
        .into_iter()
        .map(|(store, (busy, threads))| (store, busy / threads))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(rows: &[(&[&str], f64)]) -> Vec<Outcome> {
        Series::none()
            .values(CPU, &["store", "name"], rows)
            .install();
        checks()
            .iter()
            .map(|check| {
                check
                    .evaluate(&Cluster::healthy().snapshot(), None)
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn a_pool_is_busy_when_its_average_thread_is() {
        let one_of_two = [
            (&["1", "x_0"][..], 0.1),
            (&["4", "x_0"], 0.95),
            (&["4", "x_1"], 0.1),
            (&["5", "x_0"], 0.1),
        ];
        assert!(
            judge_with(&one_of_two)
                .iter()
                .all(|outcome| outcome.status == Status::Pass)
        );
        let both = [
            (&["1", "x_0"][..], 0.1),
            (&["4", "x_0"], 0.95),
            (&["4", "x_1"], 0.9),
            (&["5", "x_0"], 0.1),
        ];
        assert!(
            judge_with(&both)
                .iter()
                .all(|outcome| outcome.violations[0].entity == "store/4")
        );
    }

    #[test]
    fn a_store_whose_threads_are_not_seen_is_open() {
        let outcomes = judge_with(&[(&["1", "x_0"], 0.1)]);
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.status == Status::Inconclusive)
        );
        Series::none().install();
        let outcome = checks()[0]
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(outcome.status, Status::Inconclusive);
    }
}
