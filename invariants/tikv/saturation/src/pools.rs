//! Thread pools: the share of time in which their threads are busy, averaged over the threads.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, SeriesError, Snapshot, series};
use tikv_check_support::{metrics, threshold};

/// A thread pool, identified by the prefix of its thread names.
struct Pool {
    id: &'static str,
    claim: &'static str,
    what: &'static str,
    threads: &'static str,
    below: f64,
}

/// Thread names are truncated to 15 characters, with underscores for hyphens.
const POOLS: [Pool; 6] = [
    Pool {
        id: "raftstore-cpu",
        claim: "the Raft threads of every store have spare capacity",
        what: "Raft thread utilization",
        threads: "raftstore_",
        below: 0.8,
    },
    Pool {
        id: "store-writer-cpu",
        claim: "the Raft log writers of every store have spare capacity",
        what: "Raft log writer utilization",
        threads: "store_writer",
        below: 0.85,
    },
    Pool {
        id: "apply-cpu",
        claim: "the apply threads of every store have spare capacity",
        what: "apply thread utilization",
        threads: "apply_",
        below: 0.85,
    },
    Pool {
        id: "grpc-cpu",
        claim: "the gRPC threads of every store have spare capacity",
        what: "gRPC thread utilization",
        threads: "grpc_server",
        below: 0.85,
    },
    Pool {
        id: "read-pool-cpu",
        claim: "the read threads of every store have spare capacity",
        what: "read thread utilization",
        threads: "unified_read_po",
        below: 0.85,
    },
    Pool {
        id: "scheduler-cpu",
        claim: "the scheduler threads of every store have spare capacity",
        what: "scheduler thread utilization",
        threads: "sched_",
        below: 0.85,
    },
];

const CPU: &str = "tikv_thread_cpu_seconds_total";
const PENDING: Duration = Duration::from_secs(120);

/// One check per pool.
pub(crate) fn checks() -> Vec<Check> {
    POOLS.iter().map(check).collect()
}

fn check(pool: &'static Pool) -> Check {
    Check::new(pool.id, pool.claim)
        .pending_for(PENDING)
        .reads(&["stores"])
        .by(|snapshot| evaluate(snapshot, pool))
}

fn evaluate(snapshot: &Snapshot, pool: &Pool) -> Result<Outcome, PluginError> {
    let limit = threshold::Limit {
        what: pool.what,
        query: &|store| {
            format!(
                "avg by (store) (rate({CPU}{{name=~\"{}.*\",store=\"{store}\"}}[1m]))",
                pool.threads
            )
        },
        unit: "1",
        below: pool.below,
    };
    threshold::evaluate(snapshot, &limit, shares(pool.threads))
}

/// Average over the threads of a pool, by store. A pool numbers its threads, so each name is one thread.
fn shares(threads: &str) -> Result<BTreeMap<String, f64>, SeriesError> {
    let table = series(CPU)
        .starting("name", threads)
        .by("store")
        .by("name")
        .rate(metrics::WINDOW)?;
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
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate_with(rows: &[(&[&str], f64)]) -> Vec<Outcome> {
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
    fn a_pool_is_busy_if_its_average_thread_is() {
        let one_of_two = [
            (&["1", "x_0"][..], 0.1),
            (&["4", "x_0"], 0.95),
            (&["4", "x_1"], 0.1),
            (&["5", "x_0"], 0.1),
        ];
        assert!(
            evaluate_with(&one_of_two)
                .iter()
                .all(|outcome| outcome.status() == Status::Pass)
        );
        let both = [
            (&["1", "x_0"][..], 0.1),
            (&["4", "x_0"], 0.95),
            (&["4", "x_1"], 0.9),
            (&["5", "x_0"], 0.1),
        ];
        assert!(
            evaluate_with(&both)
                .iter()
                .all(|outcome| outcome.violations()[0].entity == "store/4")
        );
    }

    #[test]
    fn a_store_without_thread_metrics_is_inconclusive() {
        let outcomes = evaluate_with(&[(&["1", "x_0"], 0.1)]);
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.status() == Status::Inconclusive)
        );
        Series::none().install();
        let outcome = checks()[0]
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(outcome.status(), Status::Inconclusive);
    }
}
