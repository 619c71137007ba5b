//! Latency of the request path, one check per stage: which stage is slow, and on which store.
//!
//! client → gRPC → scheduler or read pool → Raft propose → append (disk) → commit (network, followers) → apply.

use std::time::Duration;

use operator_plugin::{Check, Checks, PluginInfo, Query, series};
use tikv_check_support::stage::{self, Stage};

mod commit;

/// The check plugin.
pub struct Latency;

impl Checks for Latency {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "latency",
            env!("CARGO_PKG_VERSION"),
            "no stage of the request path is slow on one store or stuck on any",
        )
    }

    fn checks() -> Vec<Check> {
        let mut checks: Vec<Check> = STAGES.iter().map(check).collect();
        checks.push(commit::followers());
        checks
    }
}

/// A stage and its check.
struct StageCheck {
    id: &'static str,
    claim: &'static str,
    what: &'static str,
    histogram: &'static str,
    /// The label that selects the stage in its histogram.
    label: Option<(&'static str, &'static str)>,
    slow_s: f64,
    stuck_s: f64,
}

/// The lower limit applies with the outlier rule, so it can be strict. The upper one is that of TiKV's own alert rules.
const STAGES: [StageCheck; 10] = [
    StageCheck {
        id: "append-latency",
        claim: "no store is slow at appending to its Raft log",
        what: "appends to the Raft log",
        histogram: "tikv_raftstore_append_log_duration_seconds",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "apply-latency",
        claim: "no store is slow at applying committed entries",
        what: "applying entries",
        histogram: "tikv_raftstore_apply_log_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "apply-wait",
        claim: "no committed entry waits long for the apply threads of a store",
        what: "waiting for the apply threads",
        histogram: "tikv_raftstore_apply_wait_time_duration_secs",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "propose-wait",
        claim: "no proposal waits long for the Raft threads of a store",
        what: "waiting for the Raft threads",
        histogram: "tikv_raftstore_request_wait_time_duration_secs",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "write-latency",
        claim: "no store is slow at writing through Raft",
        what: "writes through Raft",
        histogram: "tikv_storage_engine_async_request_duration_seconds",
        label: Some(("type", "write")),
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "read-index-latency",
        claim: "no store is slow at providing snapshots for reads",
        what: "getting a snapshot for a read",
        histogram: "tikv_storage_engine_async_request_duration_seconds",
        label: Some(("type", "snapshot")),
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    StageCheck {
        id: "scheduler-latency",
        claim: "no store is slow at executing write commands",
        what: "write commands",
        histogram: "tikv_scheduler_command_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 1.0,
    },
    // The read pool rather than the coprocessor alone: it is used in clusters without TiDB too.
    StageCheck {
        id: "read-pool-wait",
        claim: "no read waits long for the read pool of a store",
        what: "waiting for the read pool",
        histogram: "tikv_yatp_pool_schedule_wait_duration",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
    // What users notice. A large scan may legitimately take seconds, so only an outlier is reported early.
    StageCheck {
        id: "request-latency",
        claim: "no store is slow at serving requests",
        what: "requests",
        histogram: "tikv_grpc_msg_duration_seconds",
        label: None,
        slow_s: 0.2,
        stuck_s: 10.0,
    },
    // Earlier than the slow score: TiKV's own disk probes time out at 0.1 s.
    StageCheck {
        id: "disk-inspection",
        claim: "no store's own disk probes are slow",
        what: "its own disk probes",
        histogram: "tikv_raftstore_inspect_duration_seconds",
        label: None,
        slow_s: 0.1,
        stuck_s: 1.0,
    },
];

/// The window of the quantile adds another minute, so a violation has lasted about 2 min.
const PENDING: Duration = Duration::from_secs(60);

fn check(entry: &'static StageCheck) -> Check {
    Check::new(entry.id, entry.claim)
        .pending_for(PENDING)
        .reads(&["stores"])
        .by(|snapshot| {
            let histogram = with_label(series(entry.histogram), entry.label);
            stage::evaluate(
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

operator_plugin::export_checks!(Latency);

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Outcome, Severity, Status};
    use tikv_check_support::examples::{Cluster, Series, cited_query};

    fn evaluate(entry: &'static StageCheck, rows: &[(&str, f64, f64)]) -> Outcome {
        Series::none()
            .quantile(entry.histogram, "store", rows)
            .install();
        check(entry)
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn every_stage_reports_the_one_slow_store() {
        for entry in &STAGES {
            let outcome = evaluate(
                entry,
                &[("1", 0.01, 900.0), ("4", 0.4, 900.0), ("5", 0.012, 900.0)],
            );
            assert_eq!(outcome.violations()[0].entity, "store/4", "{}", entry.id);
            assert_eq!(
                outcome.violations()[0].severity,
                Some(Severity::Warning),
                "{}",
                entry.id
            );
        }
    }

    #[test]
    fn a_cluster_that_is_slow_as_a_whole_passes_until_it_is_stuck() {
        for entry in &STAGES {
            let alike = evaluate(
                entry,
                &[("1", 0.4, 900.0), ("4", 0.5, 900.0), ("5", 0.45, 900.0)],
            );
            assert_eq!(alike.status(), Status::Pass, "{}", entry.id);
            let stuck = evaluate(
                entry,
                &[("1", 11.4, 900.0), ("4", 11.5, 900.0), ("5", 11.45, 900.0)],
            );
            assert_eq!(stuck.violations().len(), 3, "{}", entry.id);
            assert!(
                stuck
                    .violations()
                    .iter()
                    .all(|violation| violation.severity == Some(Severity::Critical))
            );
        }
    }

    #[test]
    fn one_slow_call_of_an_idle_store_is_inconclusive() {
        let outcome = evaluate(
            &STAGES[0],
            &[("1", 0.01, 900.0), ("4", 0.4, 7.0), ("5", 0.012, 900.0)],
        );
        assert_eq!(outcome.status(), Status::Inconclusive);
        assert_eq!(
            evaluate(
                &STAGES[0],
                &[("1", 0.01, 9.0), ("4", 0.02, 7.0), ("5", 0.01, 9.0)]
            )
            .status(),
            Status::Pass
        );
    }

    #[test]
    fn a_store_without_measurements_is_inconclusive() {
        let rows = [("1", 0.01, 900.0), ("4", 0.01, 900.0)];
        assert_eq!(evaluate(&STAGES[0], &rows).status(), Status::Inconclusive);
        let leads_nothing = Cluster::healthy().store("5", "leader_count", 0_i64);
        let outcome = check(&STAGES[0])
            .evaluate(&leads_nothing.snapshot(), None)
            .unwrap();
        assert_eq!(
            (outcome.status(), outcome.passed().len()),
            (Status::Pass, 2),
            "no request passes through it"
        );
        Series::none().install();
        let outcome = check(&STAGES[0])
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        assert_eq!(outcome.status(), Status::Inconclusive);
    }

    #[test]
    fn a_store_that_has_just_started_is_inconclusive() {
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
                .status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn the_evidence_is_a_query_that_can_be_run_again() {
        let outcome = evaluate(
            &STAGES[4],
            &[("1", 0.01, 900.0), ("4", 0.4, 900.0), ("5", 0.012, 900.0)],
        );
        let query = cited_query(&outcome.violations()[0].evidence[0]);
        assert_eq!(
            query,
            Some(
                "histogram_quantile(0.99, sum by (le, store) (rate(tikv_storage_engine_async_request_duration_seconds_bucket{store=\"4\",type=\"write\"}[1m])))"
            )
        );
    }
}
