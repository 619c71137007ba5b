//! The operator's own metrics, in the text format that Prometheus reads.
//!
//! Names are stable, and docs/OPERATING.md lists them.

use crate::event::TickDone;
use crate::tick::TickReport;
use operator_model::{CheckId, Status, Timestamp};
use operator_net::egress::EgressCounters;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Upper bounds of the buckets of a tick's duration, in milliseconds. A tick usually takes tens of
/// them and must end before the next one is due, a second later.
const BUCKETS_MS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Ticks that may be missing before the operator calls itself unwell.
const TICKS_MISSED_MAX: u64 = 30;

/// Numbers of one operator, shared by the active one and the one that shows them.
#[derive(Debug, Clone)]
pub struct Metrics {
    numbers: Arc<Mutex<Numbers>>,
    unwell_after_ms: u64,
}

#[derive(Debug, Default)]
struct Numbers {
    ticks: u64,
    ticks_skipped: u64,
    /// Ticks that took at most as long as the bucket of the same place, and the sum of all.
    took: [u64; BUCKETS_MS.len()],
    took_ms: u64,
    last_tick: Option<Timestamp>,
    verdicts: BTreeMap<(CheckId, String), Status>,
    tickets_opened: u64,
    tickets_resolved: u64,
    tickets_open: usize,
    withheld: u64,
    blind: usize,
    /// By check plugin.
    fuel: BTreeMap<String, u64>,
    failures: BTreeMap<&'static str, u64>,
    egress: EgressCounters,
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(tick_interval_ms: u64) -> Self {
        Self {
            numbers: Arc::default(),
            unwell_after_ms: tick_interval_ms.saturating_mul(TICKS_MISSED_MAX),
        }
    }

    /// A tick is done.
    pub fn count(
        &self,
        report: &TickReport,
        done: &TickDone,
        now: Timestamp,
        egress: EgressCounters,
        failures: BTreeMap<&'static str, u64>,
    ) {
        let mut numbers = self.numbers.lock();
        numbers.ticks += 1;
        numbers.ticks_skipped += done.skipped;
        numbers.took_ms = numbers.took_ms.saturating_add(done.took_ms);
        for (bucket, bound_ms) in numbers.took.iter_mut().zip(BUCKETS_MS) {
            *bucket += u64::from(done.took_ms <= bound_ms);
        }
        numbers.last_tick = Some(now);
        numbers.verdicts.clear();
        for verdict in &report.verdicts {
            numbers.verdicts.insert(
                (verdict.check.clone(), verdict.module.clone()),
                verdict.status,
            );
            *numbers.fuel.entry(verdict.module.clone()).or_default() += verdict.fuel;
        }
        numbers.tickets_opened += report.opened;
        numbers.tickets_resolved += report.resolved;
        numbers.tickets_open = report.open_tickets;
        numbers.withheld += report.withheld;
        numbers.blind = report.snapshot.blind.len();
        (numbers.egress, numbers.failures) = (egress, failures);
    }

    /// Whether a tick ended lately. Before the first one that is not known, which is no fault:
    /// plugins are compiled.
    #[must_use]
    pub fn is_well(&self, now: Timestamp) -> bool {
        let numbers = self.numbers.lock();
        numbers
            .last_tick
            .is_none_or(|last| now.since_ms(last) <= self.unwell_after_ms)
    }

    /// The whole page.
    #[must_use]
    pub fn exposition(&self) -> String {
        let numbers = self.numbers.lock();
        let mut page = Page::default();
        page.family(
            "operator_build_info",
            "gauge",
            "The version of this operator, as a label.",
        );
        page.series(
            "operator_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        numbers.write_ticks(&mut page);
        numbers.write_verdicts(&mut page);
        numbers.write_tickets(&mut page);
        numbers.write_plugins(&mut page);
        numbers.write_egress(&mut page);
        page.text
    }
}

impl Numbers {
    fn write_ticks(&self, page: &mut Page) {
        page.single(
            "operator_ticks_total",
            "counter",
            "Ticks that were run.",
            self.ticks,
        );
        let help = "Ticks that were left out because the one before took too long.";
        page.single(
            "operator_ticks_skipped_total",
            "counter",
            help,
            self.ticks_skipped,
        );
        let name = "operator_tick_duration_seconds";
        page.family(
            name,
            "histogram",
            "How long a tick took, from the first request to the decision log on disk.",
        );
        for (bound_ms, count) in BUCKETS_MS.iter().zip(self.took) {
            page.series(
                &format!("{name}_bucket"),
                &[("le", &seconds(*bound_ms))],
                count,
            );
        }
        page.series(&format!("{name}_bucket"), &[("le", "+Inf")], self.ticks);
        page.series(&format!("{name}_sum"), &[], seconds(self.took_ms));
        page.series(&format!("{name}_count"), &[], self.ticks);
        if let Some(last) = self.last_tick {
            let help = "When the last tick ended, by the operator's clock.";
            page.family("operator_last_tick_timestamp_seconds", "gauge", help);
            page.series("operator_last_tick_timestamp_seconds", &[], seconds(last.0));
        }
    }

    fn write_verdicts(&self, page: &mut Page) {
        page.family(
            "operator_verdicts",
            "gauge",
            "Checks by status in the last tick.",
        );
        for (status, word) in STATUSES {
            let count = self
                .verdicts
                .values()
                .filter(|found| **found == status)
                .count();
            page.series("operator_verdicts", &[("status", word)], count);
        }
        page.family(
            "operator_check_failing",
            "gauge",
            "Whether a check failed in the last tick: 0 or 1.",
        );
        for ((check, module), status) in &self.verdicts {
            let labels = [("check", check.as_str()), ("module", module.as_str())];
            page.series(
                "operator_check_failing",
                &labels,
                u8::from(*status == Status::Fail),
            );
        }
        let help = "Sources that could not be seen in the last tick.";
        page.single("operator_blind_spots", "gauge", help, self.blind);
    }

    fn write_tickets(&self, page: &mut Page) {
        page.single(
            "operator_tickets_open",
            "gauge",
            "Tickets that are open.",
            self.tickets_open,
        );
        page.single(
            "operator_tickets_opened_total",
            "counter",
            "Tickets that were opened.",
            self.tickets_opened,
        );
        page.single(
            "operator_tickets_resolved_total",
            "counter",
            "Tickets that were resolved.",
            self.tickets_resolved,
        );
        let help = "Explanations that could not be verified and were left out of their ticket.";
        page.single(
            "operator_explanations_withheld_total",
            "counter",
            help,
            self.withheld,
        );
    }

    fn write_plugins(&self, page: &mut Page) {
        page.family(
            "operator_check_fuel_total",
            "counter",
            "Fuel that the checks of a module used.",
        );
        for (module, fuel) in &self.fuel {
            page.series("operator_check_fuel_total", &[("module", module)], fuel);
        }
        let help = "Calls of checks that returned no result, by kind: trap, out-of-fuel, deadline, memory and others.";
        page.family("operator_check_failures_total", "counter", help);
        for kind in ["deadline", "memory", "out-of-fuel", "trap"] {
            let count = self.failures.get(kind).copied().unwrap_or_default();
            page.series("operator_check_failures_total", &[("kind", kind)], count);
        }
        let usual = ["deadline", "memory", "out-of-fuel", "trap"];
        for (kind, count) in self
            .failures
            .iter()
            .filter(|(kind, _)| !usual.contains(kind))
        {
            page.series("operator_check_failures_total", &[("kind", kind)], count);
        }
    }

    fn write_egress(&self, page: &mut Page) {
        let EgressCounters {
            sent,
            bytes,
            truncated,
            refused,
        } = &self.egress;
        page.single(
            "operator_egress_requests_total",
            "counter",
            "Requests that were sent for plugins.",
            sent,
        );
        page.single(
            "operator_egress_received_bytes_total",
            "counter",
            "Bytes of bodies that came back.",
            bytes,
        );
        page.single(
            "operator_egress_truncated_total",
            "counter",
            "Bodies that were cut at their limit.",
            truncated,
        );
        let help = "Requests of plugins that the policy refused, by reason.";
        page.family("operator_egress_refused_total", "counter", help);
        for (reason, count) in refused {
            page.series(
                "operator_egress_refused_total",
                &[("reason", reason.as_str())],
                count,
            );
        }
    }
}

const STATUSES: [(Status, &str); 3] = [
    (Status::Pass, "pass"),
    (Status::Fail, "fail"),
    (Status::Inconclusive, "inconclusive"),
];

/// Exact, without the way through a float.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// A page that grows. Writing to a text cannot fail, so results of `write!` are dropped here.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.series(name, &[], value);
    }

    fn series(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let pair = |(key, value): &(&str, &str)| format!("{key}=\"{}\"", escaped(value));
        let labels: Vec<String> = labels.iter().map(pair).collect();
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.text, "{name}{braces} {value}");
    }
}

/// Names of check plugins and checks are validated, but they come from a plugin.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
