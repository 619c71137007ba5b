//! Failures in a row, and what follows from them: a plugin that keeps failing is left alone for a while.

use crate::{PluginFailure, PluginLimits};
use operator_model::Tick;
use std::collections::VecDeque;

/// What is remembered of the failures of a check or of a subject.
///
/// So many strikes within a window of ticks lead to a quarantine. Each quarantine in a row is twice as long as the one
/// before, up to a limit; the first call after it is on trial, and a failure then leads to the next one at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CircuitBreaker {
    ticks: VecDeque<Tick>,
    /// Quarantines in a row.
    level: u32,
    /// The last tick of the quarantine, and why. It stays until the plugin has answered on trial.
    quarantine: Option<(Tick, String)>,
}

impl CircuitBreaker {
    /// Why nothing is called in this tick, if it is in quarantine.
    #[must_use]
    pub fn quarantined(&self, tick: Tick) -> Option<String> {
        let (until, reason) = self.quarantine.as_ref()?;
        (tick <= *until).then(|| {
            format!(
                "in quarantine until tick {} because it kept failing: {reason}",
                until.0
            )
        })
    }

    /// Whether it has not answered since its last quarantine began.
    #[must_use]
    pub fn in_quarantine_or_on_trial(&self) -> bool {
        self.quarantine.is_some()
    }

    /// It answered. True when it was on trial.
    pub fn succeeded(&mut self, tick: Tick, limits: &PluginLimits) -> bool {
        let was_on_trial = self.quarantine.take().is_some();
        self.forget_old(tick, limits);
        if self.ticks.is_empty() {
            self.level = 0;
        }
        was_on_trial
    }

    /// It failed; gives the last tick of the quarantine if that leads to one. Failures that do not speak against the
    /// plugin are not counted.
    pub fn failed(
        &mut self,
        failure: &PluginFailure,
        tick: Tick,
        limits: &PluginLimits,
    ) -> Option<Tick> {
        if !failure.is_strike() {
            return None;
        }
        self.forget_old(tick, limits);
        self.ticks.push_back(tick);
        let is_trial = self.quarantine.is_some();
        if !is_trial && self.ticks.len() < limits.strikes_max as usize {
            return None;
        }
        let ticks = 1_u64
            .checked_shl(self.level)
            .unwrap_or(u64::MAX)
            .min(limits.quarantine_ticks_max);
        let until = Tick(tick.0.saturating_add(ticks));
        self.level = self.level.saturating_add(1);
        self.quarantine = Some((until, failure.to_string()));
        Some(until)
    }

    fn forget_old(&mut self, tick: Tick, limits: &PluginLimits) {
        self.ticks
            .retain(|strike| tick.0.saturating_sub(strike.0) < limits.strike_window_ticks);
    }
}
