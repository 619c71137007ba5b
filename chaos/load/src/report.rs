//! What came of a run, for people and for scripts.

use crate::latency::Latency;
use crate::mix::Operation;
use crate::options::{BackendKind, Options};
use crate::progress::milliseconds;
use crate::safety::SafetyReport;
use crate::worker::WorkerStats;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The report. Fields may be added, never renamed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    backend: &'static str,
    mode: &'static str,
    mix: String,
    seed: u64,
    workers: u32,
    duration_s: f64,
    /// The run was interrupted.
    interrupted: bool,
    /// Operations that succeeded.
    operations: u64,
    operations_per_s: f64,
    failed: u64,
    by_operation: BTreeMap<&'static str, OperationReport>,
    /// Failures by kind, with one text of each.
    failures: BTreeMap<&'static str, FailureReport>,
    safety: SafetyReport,
}

#[derive(Debug, Clone, Serialize)]
struct OperationReport {
    count: u64,
    failed: u64,
    mean_ms: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
}

#[derive(Debug, Clone, Serialize)]
struct FailureReport {
    count: u64,
    example: String,
}

impl Report {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run has far fewer than 2^53 operations"
    )]
    pub(crate) fn new(
        options: &Options,
        stats: &WorkerStats,
        took: Duration,
        interrupted: bool,
        safety: SafetyReport,
    ) -> Self {
        let operations: u64 = stats.latency.values().map(Latency::count).sum();
        let duration_s = took.as_secs_f64();
        Self {
            backend: match options.backend {
                BackendKind::Tikv => "tikv",
                BackendKind::Memory => "memory",
            },
            mode: options.mode.name(),
            mix: options.mix.to_string(),
            seed: options.seed,
            workers: options.workers,
            duration_s,
            interrupted,
            operations,
            operations_per_s: operations as f64 / duration_s.max(1e-9),
            failed: stats.failed.values().sum(),
            by_operation: Operation::ALL
                .into_iter()
                .filter_map(|one| Some((one.name(), of(one, stats)?)))
                .collect(),
            failures: failures(stats),
            safety,
        }
    }

    /// Safety held, and something was done.
    pub(crate) fn is_good(&self) -> bool {
        self.safety.violations.is_empty() && self.operations > 0
    }

    /// For people.
    pub(crate) fn human(&self) -> String {
        let mut text = format!(
            "{} operations in {:.1} s{}: {:.0} a second, {} failed{}\n\n",
            self.operations,
            self.duration_s,
            if self.interrupted {
                ", then interrupted"
            } else {
                ""
            },
            self.operations_per_s,
            self.failed,
            if self.operations == 0 {
                "\nNOTHING SUCCEEDED: the exit code is 1"
            } else {
                ""
            }
        );
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:<10}{:>10}{:>9}{:>10}{:>10}{:>10}{:>10}",
            "", "count", "failed", "p50 ms", "p99 ms", "p999 ms", "max ms"
        );
        for (name, one) in &self.by_operation {
            let _ = writeln!(
                text,
                "{name:<10}{:>10}{:>9}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                one.count, one.failed, one.p50_ms, one.p99_ms, one.p999_ms, one.max_ms
            );
        }
        for (kind, failure) in &self.failures {
            let _ = writeln!(
                text,
                "\n{} x {kind}, for example: {}",
                failure.count, failure.example
            );
        }
        let SafetyReport {
            bank_sums,
            counter_reads,
            unanswered,
            violations,
        } = &self.safety;
        let verdict = match (violations.is_empty(), self.safety.is_known()) {
            (false, _) => "VIOLATED",
            (true, true) => "held",
            (true, false) => "UNKNOWN, nothing could be checked",
        };
        let _ = write!(
            text,
            "\nsafety {verdict}: {bank_sums} sums of the bank, {counter_reads} reads of counters, {unanswered} without an answer"
        );
        for violation in violations {
            let _ = write!(text, "\n  {violation}");
        }
        text
    }
}

fn of(operation: Operation, stats: &WorkerStats) -> Option<OperationReport> {
    let failed: u64 = stats
        .failed
        .iter()
        .filter(|((one, _), _)| *one == operation)
        .map(|(_, count)| count)
        .sum();
    let latency = stats.latency.get(&operation).cloned().unwrap_or_default();
    let quantile = |per_million| milliseconds(latency.quantile_us(per_million));
    (latency.count() + failed > 0).then(|| OperationReport {
        count: latency.count(),
        failed,
        mean_ms: milliseconds(latency.mean_us()),
        p50_ms: quantile(500_000),
        p90_ms: quantile(900_000),
        p99_ms: quantile(990_000),
        p999_ms: quantile(999_000),
        max_ms: milliseconds(latency.max_us()),
    })
}

fn failures(stats: &WorkerStats) -> BTreeMap<&'static str, FailureReport> {
    let mut failures: BTreeMap<&'static str, FailureReport> = BTreeMap::new();
    for ((_, kind), count) in &stats.failed {
        let example = stats.examples.get(kind).cloned().unwrap_or_default();
        failures
            .entry(kind)
            .or_insert(FailureReport { count: 0, example })
            .count += count;
    }
    failures
}
