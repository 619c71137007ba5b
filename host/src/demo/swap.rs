//! A module is changed in the middle of an incident, and what that changes in the verdicts is shown.

use operator_check::{CheckSet, SwapRefused};
use operator_engine::event::EventKind;
use operator_engine::tick::TickReport;
use operator_model::{CheckId, Status, Tick, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Virtual time between the first ticket and the swap: long enough to see the verdicts of the incident.
const AFTER_TICKET_MS: u64 = 5_000;

/// Which module is changed, and how. It is the same component with another limit, a variant for the demo: no
/// one should run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapPlan {
    /// Name of the module.
    pub module: String,
    /// Its other configuration.
    pub config: String,
}

/// What the swap changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swapped {
    /// Always `swap-shown`.
    pub event: &'static str,
    /// Which module.
    pub module: String,
    /// Its version and sha256 before.
    pub from: (String, String),
    /// And after; the same when only the configuration is another one.
    pub to: (String, String),
    /// Its configuration before and after.
    pub config: (String, String),
    /// The first tick in which the new version counts.
    pub tick: Tick,
    /// How long that tick waited for the swap, in microseconds.
    pub pause_us: u64,
    /// The verdicts of the module in the tick before and in this one.
    pub verdicts: Vec<(CheckId, Status, Status)>,
}

/// The swap of one demo.
pub(super) struct Swapping {
    plan: SwapPlan,
    due: Option<Timestamp>,
    asked: Option<Swapped>,
    before: BTreeMap<CheckId, Status>,
}

impl Swapping {
    pub(super) fn new(plan: SwapPlan) -> Self {
        Self {
            plan,
            due: None,
            asked: None,
            before: BTreeMap::new(),
        }
    }

    /// After every tick: asks for the swap when it is time, and gives what it changed when it is done.
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
        // It is shown once.
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
    /// For people, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let short = |(version, digest): &(String, String)| {
            format!("{version} ({})", digest.get(..12).unwrap_or(digest))
        };
        let mut lines = vec![
            format!(
                "{} was swapped in tick {}: {} to {}",
                self.module,
                self.tick.0,
                short(&self.from),
                short(&self.to)
            ),
            format!(
                "configuration {} to {} (a variant for this demo)",
                self.config.0, self.config.1
            ),
            format!("the tick waited {} µs for it", self.pause_us),
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
