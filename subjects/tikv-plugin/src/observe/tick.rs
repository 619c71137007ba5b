//! The limits of one tick.

use operator_plugin::ObserveContext;

use crate::configuration::Configuration;

/// A shorter timeout would only produce noise.
const MIN_TIMEOUT_MS: u64 = 50;

/// The context and limits of one tick.
pub(super) struct Tick<'tick> {
    pub(super) configuration: &'tick Configuration,
    pub(super) granted: &'tick [String],
    pub(super) now: u64,
    pub(super) now_ms: u64,
    budget_ms: u64,
}

impl<'tick> Tick<'tick> {
    pub(super) fn new(
        configuration: &'tick Configuration,
        context: &'tick ObserveContext,
        now: u64,
    ) -> Self {
        let budget_ms = context.deadline.saturating_sub(now) / 1_000_000;
        Self {
            configuration,
            granted: &context.targets,
            now,
            now_ms: now / 1_000_000,
            budget_ms,
        }
    }

    /// A timeout that leaves later rounds their share of the tick.
    pub(super) fn timeout_ms(&self, wanted_ms: u64, percent: u64) -> u64 {
        wanted_ms
            .min(self.budget_ms.saturating_mul(percent) / 100)
            .max(MIN_TIMEOUT_MS)
    }
}

/// Granted targets that are PD members by name or by configuration.
pub(super) fn pd_targets<'tick>(tick: &Tick<'tick>) -> impl Iterator<Item = &'tick String> {
    let granted = tick.granted;
    let named = &tick.configuration.pd_targets;
    granted.iter().filter(move |target| {
        let is_pd = target.strip_prefix("pd").is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with(['-', '_', '.'])
                || rest.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_pd || named.contains(*target)
    })
}
