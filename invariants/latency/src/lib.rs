//! The stages of the request path, one check for each: which is slow, and on which store.
//!
//! client → gRPC → scheduler or read pool → Raft propose → append (disk) → commit (network, followers) → apply.

use judging::stage::{self, Stage};
use operator_plugin::{Check, Invariants, PluginInfo, Query, series};

mod commit;

/// The module.
pub struct Latency;

impl Invariants for Latency {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "latency".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "no stage of the request path is slow on one store, or stuck on any"
                .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        let mut checks: Vec<Check> = STAGES.iter().map(check).collect();
        checks.push(commit::followers());
        checks
    }
}

/// A stage and its check.
struct Entry {
    id: &'static str,
    claim: &'static str,
    what: &'static str,
    histogram: &'static str,
    /// A label that picks the stage out of its histogram.
    label: Option<(&'static str, &'static str)>,
    slow_s: f64,
    stuck_s: f64,
}

/// Limits of the catalogue: the slow one with the outlier rule, the stuck one as in upstream's alerts.
const STAGES: [Entry; 10] = [
    // I45.
    Entry {
        id: "append-latency",
        claim: "no store is slow to write its Raft log",
        what: "writing the Raft log",
        histogram: "tikv_raftstore_append_log_duration_seconds",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    // I46.
    Entry {
        id: "apply-latency",
        claim: "no store is slow to apply what was agreed",
        what: "applying",
        histogram: "tikv_raftstore_apply_log_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    Entry {
        id: "apply-wait",
        claim: "no store lets agreed writes wait for its apply threads",
        what: "waiting to apply",
        histogram: "tikv_raftstore_apply_wait_time_duration_secs",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    Entry {
        id: "propose-wait",
        claim: "no store lets proposals wait for its Raft threads",
        what: "waiting to propose",
        histogram: "tikv_raftstore_request_wait_time_duration_secs",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    // I52.
    Entry {
        id: "write-latency",
        claim: "no store is slow to write through Raft",
        what: "writes through Raft",
        histogram: "tikv_storage_engine_async_request_duration_seconds",
        label: Some(("type", "write")),
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    Entry {
        id: "read-index-latency",
        claim: "no store is slow to give a consistent view to read from",
        what: "getting a snapshot to read from",
        histogram: "tikv_storage_engine_async_request_duration_seconds",
        label: Some(("type", "snapshot")),
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    // I53.
    Entry {
        id: "scheduler-latency",
        claim: "no store is slow to run write commands",
        what: "write commands",
        histogram: "tikv_scheduler_command_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    // I54, the pool rather than the coprocessor alone: it exists in clusters without TiDB too.
    Entry {
        id: "read-pool-wait",
        claim: "no store lets reads wait for its read pool",
        what: "waiting for the read pool",
        histogram: "tikv_yatp_pool_schedule_wait_duration",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    // What users see. A large scan may take seconds by right: only a store that stands out is reported early.
    Entry {
        id: "request-latency",
        claim: "no store is slow to answer requests",
        what: "requests",
        histogram: "tikv_grpc_msg_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 10.0,
    },
    // I30, before the slow score: TiKV's own probes time out at 0.1 s.
    Entry {
        id: "disk-inspection",
        claim: "no store's own disk probes are slow",
        what: "its own disk probes",
        histogram: "tikv_raftstore_inspect_duration_seconds",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
];

/// The window of the quantile holds another minute: a violation has lasted about two.
const HOLD_MS: u64 = 60_000;

fn check(entry: &'static Entry) -> Check {
    Check::new(entry.id, entry.claim)
        .hold_ms(HOLD_MS)
        .reads(&["stores"])
        .by(|snapshot| {
            let histogram = with_label(series(entry.histogram), entry.label);
            stage::judge(
                snapshot,
                &Stage::p99(entry.what, histogram, entry.slow_s, entry.stuck_s),
            )
        })
}

fn with_label(query: Query, label: Option<(&str, &str)>) -> Query {
    match label {
        Some((key, value)) => query.with(key, value),
        None => query,
    }
}

operator_plugin::export_invariants!(Latency);

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::{Outcome, Severity, Status};

    fn judge(entry: &'static Entry, rows: &[(&str, f64, f64)]) -> Outcome {
        Series::none()
            .quantile(entry.histogram, "store", rows)
            .install();
        check(entry)
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn every_stage_names_the_one_slow_store() {
        for entry in &STAGES {
            let outcome = judge(
                entry,
                &[("1", 0.01, 900.0), ("4", 0.4, 900.0), ("5", 0.012, 900.0)],
            );
            assert_eq!(outcome.violations[0].entity, "store/4", "{}", entry.id);
            assert_eq!(
                outcome.violations[0].severity,
                Some(Severity::Warning),
                "{}",
                entry.id
            );
        }
    }

    #[test]
    fn a_small_machine_that_is_slow_everywhere_is_silent_until_it_is_stuck() {
        for entry in &STAGES {
            let alike = judge(
                entry,
                &[("1", 0.4, 900.0), ("4", 0.5, 900.0), ("5", 0.45, 900.0)],
            );
            assert_eq!(alike.status, Status::Pass, "{}", entry.id);
            let stuck = judge(
                entry,
                &[("1", 11.4, 900.0), ("4", 11.5, 900.0), ("5", 11.45, 900.0)],
            );
            assert_eq!(stuck.violations.len(), 3, "{}", entry.id);
            assert!(
                stuck
                    .violations
                    .iter()
                    .all(|violation| violation.severity == Some(Severity::Critical))
            );
        }
    }

    #[test]
    fn one_slow_call_of_an_idle_store_is_open() {
        let outcome = judge(
            &STAGES[0],
            &[("1", 0.01, 900.0), ("4", 0.4, 7.0), ("5", 0.012, 900.0)],
        );
        assert_eq!(outcome.status, Status::Inconclusive);
        assert_eq!(
            judge(
                &STAGES[0],
                &[("1", 0.01, 9.0), ("4", 0.02, 7.0), ("5", 0.01, 9.0)]
            )
            .status,
            Status::Pass
        );
    }

    #[test]
    fn a_store_without_measurements_is_open() {
        let rows = [("1", 0.01, 900.0), ("4", 0.01, 900.0)];
        assert_eq!(judge(&STAGES[0], &rows).status, Status::Inconclusive);
        let leads_nothing = Cluster::healthy().store("5", "leader_count", 0_i64);
        let outcome = check(&STAGES[0])
            .evaluate(&leads_nothing.snapshot(), None)
            .unwrap();
        assert_eq!(
            (outcome.status, outcome.passed.len()),
            (Status::Pass, 2),
            "nobody waits for it"
        );
        Series::none().install();
        let outcome = check(&STAGES[0])
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(outcome.status, Status::Inconclusive);
    }

    #[test]
    fn a_store_that_has_just_started_is_open() {
        Series::none()
            .quantile(
                STAGES[0].histogram,
                "store",
                &[("1", 0.01, 900.0), ("4", 0.4, 900.0), ("5", 0.01, 900.0)],
            )
            .install();
        let young = Cluster::healthy().store("4", "uptime_s", 20.0);
        assert_eq!(
            check(&STAGES[0])
                .evaluate(&young.snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }

    #[test]
    fn the_evidence_is_a_question_that_can_be_asked_again() {
        let outcome = judge(
            &STAGES[4],
            &[("1", 0.01, 900.0), ("4", 0.4, 900.0), ("5", 0.012, 900.0)],
        );
        let asked = &outcome.violations[0].evidence[0].column;
        assert_eq!(
            asked,
            "histogram_quantile(0.99, sum by (le, store) (rate(tikv_storage_engine_async_request_duration_seconds_bucket{store=\"4\",type=\"write\"}[1m])))"
        );
    }
}
