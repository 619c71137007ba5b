//! Hot swap at the tick boundary.
//!
//! A version of a check plugin goes through these states: prepared and rehearsed in the background
//! (`prepare.rs`), *shadowing* the active version for some ticks, then active and on *probation*
//! next to the previous version, then alone (`trial.rs`). Any fault on the way ends the trial,
//! within the tick, and the version that proved itself last is active again. Every tick has one
//! verdict for each check, from one version: the one that is active when the tick ends.

use crate::events::SwapEvent;
use crate::history::{CheckHistory, Record};
use crate::load::refuse_duplicates;
use crate::status::Outcome;
use crate::trial::{Stage, Trial};
use crate::version::Version;
use crate::{ActiveVersions, CheckSet, LoadedModule};
use operator_model::{CheckId, Digest};
use operator_plugin_host::LoadError;
use parking_lot::MutexGuard;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The result of preparing a file or a request.
pub(super) enum Candidate {
    /// A version that can be tried.
    Ready(Arc<Version>),
    /// The file is gone.
    Gone,
    /// The file cannot take part.
    Unfit {
        digest: Option<Digest>,
        reason: String,
    },
    /// A user requests the previous version.
    Back { reason: String },
}

/// Everything about versions that do not count, or not for long.
#[derive(Default)]
pub(super) struct Swaps {
    /// What arrives at the next tick boundary, by source.
    pub(super) candidates: BTreeMap<String, Candidate>,
    /// Versions next to the active one, by source.
    pub(super) trials: BTreeMap<String, Trial>,
    /// The version that was active before, kept for going back, by source.
    pub(super) before: BTreeMap<String, Arc<Version>>,
    /// What each file held when it was last acted on: not looked at again until it changes.
    pub(super) acted_on: BTreeMap<String, String>,
    /// Events within ticks that were not reported yet.
    pub(super) events: Vec<SwapEvent>,
    /// The last outcome of each source, with a rising number.
    pub(super) outcomes: BTreeMap<String, (u64, Outcome)>,
    pub(super) outcomes_heard: u64,
}

/// What changes at a tick boundary: journaled first, then put into effect.
#[derive(Default)]
pub struct Boundary {
    /// What to write into the log before [`CheckSet::commit`].
    pub events: Vec<SwapEvent>,
    /// What arrived, for a recording.
    pub arrived: Vec<Arrived>,
    active: Option<ActiveVersions>,
    exchanged: Vec<Exchange>,
    /// What to remember of it once it is in effect.
    outcomes: Vec<SwapEvent>,
}

/// Something that arrived at a tick boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// A version that is going to be tried.
    Ready(LoadedModule),
    /// The file of this source is gone.
    Gone(String),
    /// A file that cannot take part: source, digest, reason.
    Unfit(String, Option<String>, String),
    /// A user requests the previous version: source, reason.
    Back(String, String),
}

/// A version that takes the place of another, with the memory of its checks.
struct Exchange {
    source: String,
    now: Option<Arc<Version>>,
    before: Option<Arc<Version>>,
    records: CheckHistory,
    /// Ticks in which the one before is kept running; none when a person goes back.
    probation_ticks: u64,
    announced: Vec<CheckId>,
}

impl CheckSet {
    /// Takes in what arrived, and works out what changes between this tick and the last. Runs the
    /// code of candidates only to convert state. Nothing has changed before [`Self::commit`].
    pub async fn boundary(&self) -> Boundary {
        let arrivals = std::mem::take(&mut self.swaps().candidates);
        let mut boundary = Boundary::default();
        for (source, candidate) in arrivals {
            self.take_in(source, candidate, &mut boundary).await;
        }
        let finished: Vec<String> = self.swaps().shadows_over();
        for source in finished {
            if let Some(trial) = self.swaps().trials.remove(&source) {
                self.promote(source, trial, &mut boundary);
            }
        }
        boundary.outcomes.clone_from(&boundary.events);
        boundary.events.extend(self.take_events());
        boundary
    }

    /// What arrived at a recorded boundary arrives at the next one here; it was rehearsed when it
    /// was recorded.
    ///
    /// # Errors
    /// A version cannot be loaded here.
    pub async fn arrive_again(&self, arrived: Vec<Arrived>) -> Result<(), LoadError> {
        for arrived in arrived {
            let (source, candidate) = match arrived {
                Arrived::Gone(source) => (source, Candidate::Gone),
                Arrived::Back(source, reason) => (source, Candidate::Back { reason }),
                Arrived::Unfit(source, digest, reason) => (
                    source,
                    Candidate::Unfit {
                        digest: digest.map(Digest),
                        reason,
                    },
                ),
                Arrived::Ready(module) => {
                    let bytes = module.bytes.to_vec();
                    let config = &module.config;
                    let version =
                        Version::load(&self.engine, &module.source, bytes, config).await?;
                    (module.source.clone(), Candidate::Ready(Arc::new(version)))
                }
            };
            self.swaps().candidates.insert(source, candidate);
        }
        Ok(())
    }

    /// Puts a boundary into effect: one pointer for all changes.
    pub fn commit(&self, boundary: Boundary) {
        let Boundary {
            active,
            exchanged,
            outcomes,
            ..
        } = boundary;
        let mut history = self.history();
        let mut swaps = self.swaps();
        outcomes.iter().for_each(|event| swaps.remember(event));
        let Some(active) = active else { return };
        for exchange in exchanged {
            exchange.perform(&mut history, &mut swaps);
        }
        self.active.store(Arc::new(active));
    }

    /// Both steps, for callers without a log.
    pub async fn commit_pending(&self) -> Vec<SwapEvent> {
        let mut boundary = self.boundary().await;
        let events = std::mem::take(&mut boundary.events);
        self.commit(boundary);
        events
    }

    /// What happened within ticks since the last call: roll-backs, and candidates that failed.
    #[must_use]
    pub fn take_events(&self) -> Vec<SwapEvent> {
        std::mem::take(&mut self.swaps().events)
    }

    pub(super) fn swaps(&self) -> MutexGuard<'_, Swaps> {
        self.swaps.lock()
    }

    async fn take_in(&self, source: String, candidate: Candidate, boundary: &mut Boundary) {
        let active = boundary
            .active
            .clone()
            .unwrap_or_else(|| ActiveVersions::clone(&self.active.load()));
        match candidate {
            Candidate::Ready(version) => {
                if self
                    .swaps()
                    .is_busy(&source, self.engine.limits().shadow_ticks)
                {
                    self.swaps()
                        .candidates
                        .entry(source)
                        .or_insert(Candidate::Ready(version));
                    return;
                }
                boundary
                    .arrived
                    .push(Arrived::Ready(version.parts(&source)));
                self.try_out(source, version, &active, boundary).await;
            }
            Candidate::Gone => {
                boundary.arrived.push(Arrived::Gone(source.clone()));
                self.remove(source, active, boundary);
            }
            Candidate::Unfit { digest, reason } => {
                let shown = digest.as_ref().map(|digest| digest.0.clone());
                boundary
                    .arrived
                    .push(Arrived::Unfit(source.clone(), shown, reason.clone()));
                boundary.events.push(SwapEvent::Refused {
                    source,
                    to: digest,
                    reason,
                });
            }
            Candidate::Back { reason } => {
                boundary
                    .arrived
                    .push(Arrived::Back(source.clone(), reason.clone()));
                self.go_back(source, reason, active, boundary).await;
            }
        }
    }

    /// A new version: into the shadow of the active one, or into its place when no shadow is
    /// wanted.
    async fn try_out(
        &self,
        source: String,
        version: Arc<Version>,
        active: &ActiveVersions,
        boundary: &mut Boundary,
    ) {
        let refused = |reason| SwapEvent::Refused {
            source: source.clone(),
            to: Some(version.digest().clone()),
            reason,
        };
        let mut with = active.clone();
        let active = with.insert(source.clone(), Arc::clone(&version));
        if let Err(error) = refuse_duplicates(&with) {
            boundary.events.push(refused(error.to_string()));
            return;
        }
        let Some(active) = active else {
            let module = version.info().name.clone();
            let to = version.digest().clone();
            boundary.events.push(SwapEvent::Added {
                source: source.clone(),
                module,
                to,
            });
            boundary.active = Some(with);
            boundary
                .exchanged
                .push(Exchange::simple(source, Some(version), None));
            return;
        };
        match self.migrated(&active, &version).await {
            Err(reason) => boundary.events.push(refused(reason)),
            Ok((history, restarted)) => {
                let ticks = self.engine.limits().shadow_ticks;
                let trial = Trial::shadow(version, history, restarted, ticks);
                if ticks == 0 {
                    self.promote(source, trial, boundary);
                } else {
                    self.swaps().trials.insert(source, trial);
                }
            }
        }
    }

    /// A candidate that kept up in the shadow takes over.
    fn promote(&self, source: String, trial: Trial, boundary: &mut Boundary) {
        let mut active = boundary
            .active
            .take()
            .unwrap_or_else(|| ActiveVersions::clone(&self.active.load()));
        let now = trial.other;
        let Some(before) = active.insert(source.clone(), Arc::clone(&now)) else {
            return;
        };
        boundary.events.push(SwapEvent::Swapped {
            source: source.clone(),
            module: now.info().name.clone(),
            from: before.digest().clone(),
            to: now.digest().clone(),
            versions: (before.info().version.clone(), now.info().version.clone()),
            restarted: trial.restarted,
            differs: trial.differs.iter().cloned().collect(),
        });
        boundary.active = Some(active);
        boundary.exchanged.push(Exchange {
            source,
            now: Some(now),
            before: Some(before),
            records: trial.history,
            probation_ticks: self.engine.limits().probation_ticks,
            announced: trial.differs.into_iter().collect(),
        });
    }

    /// A user requests the previous version. What it does wrong now is a strike like any other.
    async fn go_back(
        &self,
        source: String,
        reason: String,
        mut active: ActiveVersions,
        boundary: &mut Boundary,
    ) {
        let previous = self.swaps().previous(&source);
        let Some((target, replaced)) = previous.zip(active.get(&source).cloned()) else {
            let reason = "there is no previous version to roll back to".to_owned();
            boundary.events.push(SwapEvent::Refused {
                source,
                to: None,
                reason,
            });
            return;
        };
        let records = match self.migrated(&replaced, &target).await {
            Ok((history, _)) => history,
            // It starts without state rather than not at all: the user decided.
            Err(_) => CheckHistory::default(),
        };
        active.insert(source.clone(), Arc::clone(&target));
        boundary.events.push(SwapEvent::RolledBack {
            source: source.clone(),
            module: target.info().name.clone(),
            from: replaced.digest().clone(),
            to: target.digest().clone(),
            reason,
        });
        boundary.active = Some(active);
        let exchange = Exchange {
            records,
            ..Exchange::simple(source, Some(target), Some(replaced))
        };
        boundary.exchanged.push(exchange);
    }

    fn remove(&self, source: String, mut active: ActiveVersions, boundary: &mut Boundary) {
        let Some(removed) = active.remove(&source) else {
            return;
        };
        let module = removed.info().name.clone();
        let from = removed.digest().clone();
        boundary.events.push(SwapEvent::Removed {
            source: source.clone(),
            module,
            from,
        });
        boundary.active = Some(active);
        boundary
            .exchanged
            .push(Exchange::simple(source, None, Some(removed)));
    }

    /// The states of the checks that both versions have, converted by the new one.
    async fn migrated(
        &self,
        previous: &Version,
        version: &Version,
    ) -> Result<(CheckHistory, Vec<CheckId>), String> {
        let mut history = CheckHistory::default();
        let mut restarted = Vec::new();
        for check in version.checks() {
            let Some(state) = self.history().record(&check.id).state else {
                continue;
            };
            let migrated = version
                .migrate(check, &previous.info().version, &state)
                .await;
            let migrated = match migrated {
                Err(failure) if failure.is_strike() => {
                    return Err(format!(
                        "it cannot take over the state of {}: it {failure}",
                        check.id
                    ));
                }
                // It reports that it cannot read the old state, and starts without it.
                Err(_) => None,
                Ok(state) => state,
            };
            if migrated.is_none() {
                restarted.push(check.id.clone());
            }
            history
                .records
                .insert(check.id.clone(), Record::with_state(migrated));
        }
        Ok((history, restarted))
    }
}

impl Swaps {
    /// Something happened within a tick.
    pub(super) fn tell(&mut self, event: SwapEvent) {
        self.remember(&event);
        self.events.push(event);
    }

    /// Candidates that kept up for as long as they had to.
    fn shadows_over(&self) -> Vec<String> {
        let over = |trial: &Trial| trial.stage == Stage::Shadow && trial.ticks_left == 0;
        self.trials
            .iter()
            .filter(|(_, trial)| over(trial))
            .map(|(source, _)| source.clone())
            .collect()
    }

    /// A check plugin on probation runs next to the previous version; a third one would have to
    /// wait.
    fn is_busy(&self, source: &str, shadow_ticks: u64) -> bool {
        shadow_ticks > 0
            && self
                .trials
                .get(source)
                .is_some_and(|trial| trial.stage == Stage::Probation)
    }

    /// The version to go back to.
    pub(super) fn previous(&self, source: &str) -> Option<Arc<Version>> {
        let on_trial = self
            .trials
            .get(source)
            .filter(|trial| trial.stage == Stage::Probation);
        on_trial
            .map(|trial| Arc::clone(&trial.other))
            .or_else(|| self.before.get(source).cloned())
    }
}

impl Exchange {
    /// Without memory and without probation.
    fn simple(source: String, now: Option<Arc<Version>>, before: Option<Arc<Version>>) -> Self {
        Self {
            source,
            now,
            before,
            records: CheckHistory::default(),
            probation_ticks: 0,
            announced: Vec::new(),
        }
    }

    fn perform(self, history: &mut CheckHistory, swaps: &mut Swaps) {
        let Self {
            source,
            now,
            before,
            records,
            probation_ticks,
            announced,
        } = self;
        let mut old = CheckHistory::default();
        if let Some(before) = &before {
            old = history.take_out(before);
        }
        history.records.extend(records.records);
        let Some(before) = before else { return };
        // A check plugin that is swapped on probation keeps the version that proved itself last.
        let proved = swaps.trials.remove(&source);
        let proved = proved.filter(|trial| trial.stage == Stage::Probation && probation_ticks > 0);
        let (before, old) = proved.map_or((before, old), |trial| (trial.other, trial.history));
        swaps.before.insert(source.clone(), Arc::clone(&before));
        if now.is_some() && probation_ticks > 0 {
            swaps.trials.insert(
                source,
                Trial::probation(before, old, probation_ticks, announced),
            );
        }
    }
}

impl CheckHistory {
    /// The memory of the checks of a check plugin, out of this history.
    pub(super) fn take_out(&mut self, module: &Version) -> Self {
        let mut taken = Self::default();
        for check in module.checks() {
            if let Some(record) = self.records.remove(&check.id) {
                taken.records.insert(check.id.clone(), record);
            }
        }
        taken
    }
}
