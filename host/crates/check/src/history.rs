//! What is remembered of each check between ticks: its state, its failures, its quarantine.

use crate::events::Quarantine;
use crate::verdict_cache::VerdictCache;
use operator_model::{CheckId, PluginFault, Tick};
use operator_plugin_host::{CircuitBreaker, PluginFailure, PluginLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is remembered.
#[derive(Default)]
pub(super) struct CheckHistory {
    /// By check.
    pub(super) records: BTreeMap<CheckId, Record>,
    memos: BTreeMap<CheckId, Arc<VerdictCache>>,
    quarantines: Vec<Quarantine>,
    /// Failed calls since the start, by the word for how they failed.
    pub(super) failures: BTreeMap<&'static str, u64>,
}

/// One check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// What it handed to its next call.
    pub(super) state: Option<Vec<u8>>,
    circuit_breaker: CircuitBreaker,
    /// How it failed last.
    fault: Option<PluginFault>,
}

impl CheckHistory {
    pub(super) fn record(&self, check: &CheckId) -> Record {
        self.records.get(check).cloned().unwrap_or_default()
    }

    /// What the check answered last.
    pub(super) fn verdict_cache(&self, check: &CheckId) -> Option<Arc<VerdictCache>> {
        self.memos.get(check).map(Arc::clone)
    }

    /// Keeps an answer in the place of the one before.
    pub(super) fn remember(&mut self, check: &CheckId, verdict_cache: Option<VerdictCache>) {
        if let Some(verdict_cache) = verdict_cache {
            self.memos.insert(check.clone(), Arc::new(verdict_cache));
        }
    }

    /// The check answered. True when it was half-open after a quarantine: its next result is used
    /// again.
    pub(super) fn succeeded(
        &mut self,
        check: &CheckId,
        state: Option<Vec<u8>>,
        tick: Tick,
        limits: &PluginLimits,
    ) -> bool {
        let record = self.records.entry(check.clone()).or_default();
        record.state = state;
        record.fault = None;
        record.circuit_breaker.succeeded(tick, limits)
    }

    /// Remembers how the check failed, for its author.
    pub(super) fn explain(&mut self, fault: PluginFault) {
        let record = self.records.entry(fault.check.clone()).or_default();
        record.fault = Some(fault);
    }

    /// How the check failed last, if it is in quarantine or half-open.
    pub(super) fn trouble(&self, check: &CheckId) -> Option<PluginFault> {
        let record = self.records.get(check)?;
        record
            .fault
            .clone()
            .filter(|_| record.circuit_breaker.in_quarantine_or_on_trial())
    }

    /// The check did not answer. Its old state stays.
    pub(super) fn failed(
        &mut self,
        check: &CheckId,
        module: &str,
        failure: &PluginFailure,
        tick: Tick,
        limits: &PluginLimits,
    ) {
        *self.failures.entry(failure.label()).or_default() += 1;
        let record = self.records.entry(check.clone()).or_default();
        if let Some(until) = record.circuit_breaker.failed(failure, tick, limits) {
            let fault = record.fault.clone();
            let reason = failure.to_string();
            let check = check.clone();
            let module = module.to_owned();
            self.quarantines.push(Quarantine {
                check,
                module,
                until,
                reason,
                fault,
            });
        }
    }

    pub(super) fn take_quarantines(&mut self) -> Vec<Quarantine> {
        std::mem::take(&mut self.quarantines)
    }
}

impl Record {
    /// A check that starts with this state and no past.
    pub(super) fn with_state(state: Option<Vec<u8>>) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// Why the check is not run in this tick, if it is in quarantine.
    pub(super) fn quarantined(&self, tick: Tick) -> Option<String> {
        self.circuit_breaker.quarantined(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failure() -> PluginFailure {
        PluginFailure::Nonsense("x".to_owned())
    }

    /// Ticks in which a check that fails at every call is called.
    fn calls_of_a_broken_check(ticks: u64) -> Vec<u64> {
        let (mut history, limits, check) = (
            CheckHistory::default(),
            PluginLimits::default(),
            CheckId::from("c"),
        );
        let mut calls = Vec::new();
        for tick in (1..=ticks).map(Tick) {
            if history.record(&check).quarantined(tick).is_none() {
                calls.push(tick.0);
                history.failed(&check, "m", &failure(), tick, &limits);
            }
        }
        calls
    }

    #[test]
    fn three_strikes_lead_to_quarantines_that_double_up_to_the_limit() {
        // After tick 3: 1 tick of pause, then 2, 4, … 64, 64.
        assert_eq!(
            calls_of_a_broken_check(400),
            [1, 2, 3, 5, 8, 13, 22, 39, 72, 137, 202, 267, 332, 397]
        );
    }

    #[test]
    fn strikes_that_are_ten_ticks_apart_do_not_add_up() {
        let (mut history, limits, check) = (
            CheckHistory::default(),
            PluginLimits::default(),
            CheckId::from("c"),
        );
        for tick in [1, 5, 11, 16, 21].map(Tick) {
            history.failed(&check, "m", &failure(), tick, &limits);
        }
        assert_eq!(history.record(&check).quarantined(Tick(22)), None);
        assert!(history.take_quarantines().is_empty());
    }

    #[test]
    fn a_check_that_answers_after_its_quarantine_is_as_good_as_new() {
        let (mut history, limits, check) = (
            CheckHistory::default(),
            PluginLimits::default(),
            CheckId::from("c"),
        );
        for tick in [1, 2, 3].map(Tick) {
            history.failed(&check, "m", &failure(), tick, &limits);
        }
        assert_eq!(history.take_quarantines().len(), 1);
        for tick in (5..20).map(Tick) {
            history.succeeded(&check, None, tick, &limits);
        }
        assert_eq!(history.record(&check), Record::default());
    }

    #[test]
    fn an_observed_system_that_does_not_answer_is_no_strike() {
        let (mut history, limits, check) = (
            CheckHistory::default(),
            PluginLimits::default(),
            CheckId::from("c"),
        );
        let unavailable = PluginFailure::Answered {
            kind: operator_plugin_host::ErrorKind::Unavailable,
            message: String::new(),
        };
        for tick in (1..10).map(Tick) {
            history.failed(&check, "m", &unavailable, tick, &limits);
        }
        assert_eq!(history.record(&check), Record::default());
    }

    proptest! {
        /// Whatever a check does, it is never locked out for longer than the limit.
        #[test]
        fn no_quarantine_is_longer_than_its_limit(fails in proptest::collection::vec(any::<bool>(), 1..400)) {
            let mut history = CheckHistory::default();
            let limits = PluginLimits::default();
            let check = CheckId::from("c");
            let mut last_call = 0;
            for (tick, fails) in (1..).map(Tick).zip(fails) {
                if history.record(&check).quarantined(tick).is_none() {
                    last_call = tick.0;
                    if fails {
                        history.failed(&check, "m", &failure(), tick, &limits);
                    } else {
                        history.succeeded(&check, None, tick, &limits);
                    }
                }
                prop_assert!(tick.0 - last_call <= limits.quarantine_ticks_max);
            }
        }
    }
}
