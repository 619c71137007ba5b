//! Swaps a check plugin during an incident and reports which verdicts change.

use operator_check::{CheckSet, SwapRefused};
use operator_engine::event::EventKind;
use operator_engine::tick::TickReport;
use operator_model::{CheckId, Status, Tick, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Virtual time between the first ticket and the swap: long enough to see the verdicts of the incident.
const AFTER_TICKET_MS: u64 = 5_000;

/// The check plugin to swap. The new version is the same component with another limit, for the demo only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapPlan {
    /// Name of the check plugin.
    pub module: String,
    /// Its new configuration.
    pub config: String,
}

/// Effect of a swap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swapped {
    /// Always `swap-shown`.
    pub event: &'static str,
    /// Name of the check plugin.
    pub module: String,
    /// Version and sha256 before.
    pub from: (String, String),
    /// Version and sha256 after; unchanged when only the configuration differs.
    pub to: (String, String),
    /// Its configuration before and after.
    pub config: (String, String),
    /// First tick with the new version active.
    pub tick: Tick,
    /// Time that this tick waited for the swap, in microseconds.
    pub pause_us: u64,
    /// Its verdicts in the previous tick and in this one.
    pub verdicts: Vec<(CheckId, Status, Status)>,
}

/// Requests and observes the swap of one demo.
pub(super) struct SwapDriver {
    plan: SwapPlan,
    due: Option<Timestamp>,
    asked: Option<Swapped>,
    before: BTreeMap<CheckId, Status>,
}

impl SwapDriver {
    pub(super) fn new(plan: SwapPlan) -> Self {
        Self {
            plan,
            due: None,
            asked: None,
            before: BTreeMap::new(),
        }
    }

    /// Called after every tick: requests the swap when due and returns its effect once done.
    pub(super) async fn follow(
        &mut self,
        now: Timestamp,
        report: &TickReport,
        checks: &CheckSet,
    ) -> Result<Option<Swapped>, SwapRefused> {
        let done = self.done(report);
        self.before = statuses(report, &self.plan.module);
        if report.opened > 0 && self.due.is_none() {
            self.due = Some(now.plus_ms(AFTER_TICKET_MS));
        }
        if self.asked.is_none() && done.is_none() && self.due.is_some_and(|due| now >= due) {
            self.ask(checks).await?;
        }
        Ok(done)
    }

    async fn ask(&mut self, checks: &CheckSet) -> Result<(), SwapRefused> {
        let loaded = checks
            .loaded()
            .into_iter()
            .find(|loaded| loaded.name == self.plan.module);
        let new = checks
            .propose_config(&self.plan.module, &self.plan.config)
            .await?;
        let old = loaded.unwrap_or_else(|| new.clone());
        self.asked = Some(Swapped {
            event: "swap-shown",
            module: new.name,
            from: (old.version, old.digest),
            to: (new.version, new.digest),
            config: (old.config, new.config),
            tick: Tick(0),
            pause_us: 0,
            verdicts: Vec::new(),
        });
        // Never request it again.
        self.due = Some(Timestamp(u64::MAX));
        Ok(())
    }

    fn done(&mut self, report: &TickReport) -> Option<Swapped> {
        let module = &self.plan.module;
        let swap = report.events.iter().find_map(|event| match &event.what {
            EventKind::Plugin(change) if &change.plugin == module => {
                change.pause_us.map(|pause_us| (event.tick, pause_us))
            }
            _ => None,
        });
        let ((tick, pause_us), asked) = swap.zip(self.asked.take_if(|_| swap.is_some()))?;
        let now = statuses(report, module);
        let verdict = |(check, status): (CheckId, Status)| {
            let before = self
                .before
                .get(&check)
                .copied()
                .unwrap_or(Status::Inconclusive);
            (check, before, status)
        };
        Some(Swapped {
            tick,
            pause_us,
            verdicts: now.into_iter().map(verdict).collect(),
            ..asked
        })
    }
}

impl Swapped {
    /// Text output, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let short = |(version, digest): &(String, String)| {
            format!("{version} ({})", digest.get(..12).unwrap_or(digest))
        };
        let mut lines = vec![
            format!(
                "swapped {} in tick {}: {} to {}",
                self.module,
                self.tick.0,
                short(&self.from),
                short(&self.to)
            ),
            format!(
                "configuration {} to {} (for this demo only)",
                self.config.0, self.config.1
            ),
            format!("tick delayed by {} µs", self.pause_us),
        ];
        for (check, before, after) in &self.verdicts {
            let changed = if before == after { "" } else { "  <- changed" };
            lines.push(format!(
                "{check}: {} to {}{changed}",
                word(*before),
                word(*after)
            ));
        }
        lines
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
    }
}

fn statuses(report: &TickReport, module: &str) -> BTreeMap<CheckId, Status> {
    let of_module = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.module == module);
    of_module
        .map(|verdict| (verdict.check.clone(), verdict.status))
        .collect()
}
