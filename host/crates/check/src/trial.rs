//! Two versions of one check plugin on the same snapshot: one is active, the other is compared with
//! it.

use crate::CheckSet;
use crate::events::SwapEvent;
use crate::history::CheckHistory;
use crate::run::JobOutcome;
use crate::version::Version;
use operator_data::{Kind, Snapshot, Table};
use operator_model::verdict::Observed;
use operator_model::{CheckId, Scalar, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A candidate that uses more than this many times the fuel of the previous version, and more than
/// this part of the limit, is too expensive: the first is what a rewrite may cost, the second what
/// a tick can bear.
const FUEL_TIMES_MAX: u64 = 2;
const FUEL_PART_OF_LIMIT: u64 = 4;

type Tables = BTreeMap<String, Arc<Table>>;

/// Which of the two versions is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The old one; the other is the candidate.
    Shadow,
    /// The new one; the other is the previous version.
    Probation,
}

/// A version that runs next to the active one.
pub(super) struct Trial {
    pub(super) stage: Stage,
    pub(super) other: Arc<Version>,
    /// The memory of its checks.
    pub(super) history: CheckHistory,
    pub(super) ticks_left: u64,
    /// Checks whose state could not be carried over.
    pub(super) restarted: Vec<CheckId>,
    /// Checks that came to different verdicts in the shadow phase.
    pub(super) differs: BTreeSet<CheckId>,
    /// The verdicts of the new version in the previous tick.
    last: BTreeMap<CheckId, Status>,
}

/// Why a trial ends badly.
pub(super) struct Fault {
    pub(super) source: String,
    pub(super) reason: String,
}

impl Trial {
    pub(super) fn shadow(
        candidate: Arc<Version>,
        history: CheckHistory,
        restarted: Vec<CheckId>,
        ticks: u64,
    ) -> Self {
        let differs = BTreeSet::new();
        let last = BTreeMap::new();
        Self {
            stage: Stage::Shadow,
            other: candidate,
            history,
            ticks_left: ticks,
            restarted,
            differs,
            last,
        }
    }

    pub(super) fn probation(
        before: Arc<Version>,
        history: CheckHistory,
        ticks: u64,
        announced: Vec<CheckId>,
    ) -> Self {
        let differs = announced.into_iter().collect();
        let last = BTreeMap::new();
        Self {
            stage: Stage::Probation,
            other: before,
            history,
            ticks_left: ticks,
            restarted: Vec::new(),
            differs,
            last,
        }
    }
}

impl CheckSet {
    /// Compares both versions of every check plugin that is being rolled out; returns the faults of
    /// the new ones.
    pub(super) fn compare_trials(
        &self,
        counted: &[JobOutcome],
        others: &[JobOutcome],
        snapshot: &Snapshot,
    ) -> Vec<Fault> {
        let fuel_max = self.engine.limits().check.fuel / FUEL_PART_OF_LIMIT;
        let mut faults = Vec::new();
        for (source, trial) in &mut self.swaps().trials {
            let of = |ended: &[JobOutcome]| -> BTreeMap<CheckId, CheckResult> {
                ended
                    .iter()
                    .filter(|ended| &ended.job.source == source)
                    .filter_map(CheckResult::of)
                    .collect()
            };
            let (new, old) = match trial.stage {
                Stage::Shadow => (of(others), of(counted)),
                Stage::Probation => (of(counted), of(others)),
            };
            let fault = trial.fault(&new, &old, snapshot, fuel_max);
            if let Some(reason) = fault {
                faults.push(Fault {
                    source: source.clone(),
                    reason,
                });
            }
        }
        faults
    }

    /// Ends a trial: the version that proved itself last is active, from this tick on. Returns true when
    /// the verdicts of this tick must come from the other version.
    pub(super) fn end_trial(&self, fault: Fault) -> bool {
        let Fault { source, reason } = fault;
        let Some(trial) = self.swaps().trials.remove(&source) else {
            return false;
        };
        if trial.stage == Stage::Shadow {
            let to = Some(trial.other.digest().clone());
            let reason = format!("in shadow mode: {reason}");
            self.swaps().tell(SwapEvent::Refused { source, to, reason });
            return false;
        }
        let mut active = super::ActiveVersions::clone(&self.active.load());
        let Some(failed) = active.insert(source.clone(), Arc::clone(&trial.other)) else {
            return false;
        };
        {
            let mut history = self.history();
            history.take_out(&failed);
            history.records.extend(trial.history.records);
        }
        let mut swaps = self.swaps();
        swaps.before.remove(&source);
        swaps.tell(SwapEvent::RolledBack {
            source,
            module: trial.other.info().name.clone(),
            from: failed.digest().clone(),
            to: trial.other.digest().clone(),
            reason,
        });
        drop(swaps);
        self.active.store(Arc::new(active));
        true
    }

    /// One tick of all trials is over.
    pub(super) fn end_trial_tick(&self) {
        let mut swaps = self.swaps();
        for trial in swaps.trials.values_mut() {
            trial.ticks_left = trial.ticks_left.saturating_sub(1);
        }
        swaps
            .trials
            .retain(|_, trial| trial.stage == Stage::Shadow || trial.ticks_left > 0);
    }
}

impl Trial {
    /// What the new version did wrong, if anything.
    fn fault(
        &mut self,
        new: &BTreeMap<CheckId, CheckResult>,
        old: &BTreeMap<CheckId, CheckResult>,
        snapshot: &Snapshot,
        fuel_max: u64,
    ) -> Option<String> {
        let mut fault = None;
        for (check, said) in new {
            let before = old.get(check);
            let wrong = said
                .strike
                .as_ref()
                .map(|strike| format!("{check}: {strike}"));
            let wrong = wrong
                .or_else(|| before.and_then(|before| too_expensive(check, said, before, fuel_max)));
            let wrong = wrong.or_else(|| {
                before.and_then(|before| self.unexplained(check, said, before, snapshot))
            });
            fault = fault.or(wrong);
            if before.is_some_and(|before| before.status != said.status)
                && self.stage == Stage::Shadow
            {
                self.differs.insert(check.clone());
            }
        }
        self.last = new
            .iter()
            .map(|(check, said)| (check.clone(), said.status))
            .collect();
        fault
    }

    /// A new version that begins to fail where the old one does not, though nothing that it names
    /// as evidence has changed since the previous tick, in which one of them passed. A version
    /// whose verdicts differ on purpose showed that in shadow mode, where it is reported before
    /// they are used.
    fn unexplained(
        &self,
        check: &CheckId,
        new: &CheckResult,
        old: &CheckResult,
        snapshot: &Snapshot,
    ) -> Option<String> {
        let flips = new.status == Status::Fail
            && old.status == Status::Pass
            && self.stage == Stage::Probation;
        if !flips || self.differs.contains(check) {
            return None;
        }
        let passed_before = self
            .last
            .get(check)
            .is_none_or(|status| *status == Status::Pass);
        let past = snapshot.past.first()?;
        let same = |observed: &Observed| is_unchanged(observed, &snapshot.tables, past);
        (passed_before && !new.evidence.is_empty() && new.evidence.iter().all(same)).then(|| {
            format!("{check}: fails where the previous version passes, although none of its evidence has changed")
        })
    }
}

fn too_expensive(
    check: &CheckId,
    new: &CheckResult,
    old: &CheckResult,
    fuel_max: u64,
) -> Option<String> {
    let limit = old.fuel.saturating_mul(FUEL_TIMES_MAX).max(fuel_max);
    (new.fuel > limit && old.fuel > 0).then(|| {
        format!(
            "{check}: used {} fuel, the previous version {}",
            new.fuel, old.fuel
        )
    })
}

/// Whether this very value was there in the previous tick. Times are excluded: they change with
/// every tick.
fn is_unchanged(observed: &Observed, now: &Tables, past: &Tables) -> bool {
    let cell = |tables: &Tables| -> Option<Scalar> {
        let table = tables.get(&observed.table)?;
        let field = table.fields.get(table.column_index(&observed.column)?)?;
        let value = table.scalar(observed.row? as usize, &observed.column);
        (field.kind != Kind::Instant && value != Scalar::Null).then_some(value)
    };
    cell(now).is_some_and(|value| cell(past) == Some(value))
}

/// The result of one check in one version.
struct CheckResult {
    status: Status,
    strike: Option<String>,
    evidence: Vec<Observed>,
    fuel: u64,
}

impl CheckResult {
    fn of(ended: &JobOutcome) -> Option<(CheckId, Self)> {
        let check = ended.job.check.id.clone();
        let Some(evaluated) = &ended.evaluated else {
            let none = Self {
                status: Status::Inconclusive,
                strike: None,
                evidence: Vec::new(),
                fuel: 0,
            };
            return ended.job.blocked.is_some().then_some((check, none));
        };
        let (status, strike, evidence) = match &evaluated.result {
            Ok(outcome) => {
                let evidence = outcome
                    .violations
                    .iter()
                    .flat_map(|violation| violation.evidence.clone())
                    .collect();
                (outcome.status, None, evidence)
            }
            Err(failure) => (
                Status::Inconclusive,
                failure.is_strike().then(|| failure.to_string()),
                Vec::new(),
            ),
        };
        Some((
            check,
            Self {
                status,
                strike,
                evidence,
                fuel: evaluated.fuel,
            },
        ))
    }
}
