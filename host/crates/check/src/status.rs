//! Which versions of check plugins there are, and the outcome of the last one that was tried.

use crate::CheckSet;
use crate::events::SwapEvent;
use crate::swap::Swaps;
use crate::trial::Stage;
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// One version of a check plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleStatus {
    /// Path or name under which it was loaded.
    pub source: String,
    /// Name that it declares.
    pub name: String,
    /// Version that it declares.
    pub version: String,
    /// sha256 of its component.
    pub digest: String,
    /// Number of its checks.
    pub checks: usize,
    /// What it does now.
    pub role: Role,
    /// Whether it is called in every tick, or only ready to be.
    pub temperature: Temperature,
    /// Instances that were made of it so far.
    #[serde(default)]
    pub instances: u64,
}

/// What a version does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Its verdicts are used.
    Judges,
    /// Its verdicts are used, and the previous version runs next to it.
    OnProbation,
    /// It runs next to the active version.
    Shadow,
    /// It was active before, and can be restored.
    Before,
}

/// How far away the next call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Temperature {
    /// Called in every tick; instances come from the pool.
    Hot,
    /// Compiled and linked.
    Warm,
}

/// The outcome for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This version is active now.
    Counts {
        /// sha256 of its component.
        digest: String,
        /// In words.
        reason: String,
    },
    /// It does not.
    Refused {
        /// Why.
        reason: String,
    },
}

impl CheckSet {
    /// All versions, sorted by source.
    #[must_use]
    pub fn status(&self) -> Vec<ModuleStatus> {
        let active = self.active.load_full();
        let swaps = self.swaps();
        let mut all = Vec::new();
        for (source, version) in active.iter() {
            let trial = swaps.trials.get(source);
            let on_probation = trial.is_some_and(|trial| trial.stage == Stage::Probation);
            let role = if on_probation {
                Role::OnProbation
            } else {
                Role::Judges
            };
            all.push(status(source, version, role, Temperature::Hot));
            if let Some(trial) = trial {
                let role = if on_probation {
                    Role::Before
                } else {
                    Role::Shadow
                };
                all.push(status(source, &trial.other, role, Temperature::Hot));
            }
            if let Some(before) = swaps.before.get(source).filter(|_| !on_probation) {
                all.push(status(source, before, Role::Before, Temperature::Warm));
            }
        }
        all
    }

    /// A number that rises with every outcome.
    #[must_use]
    pub fn outcomes_heard(&self) -> u64 {
        self.swaps().outcomes_heard
    }

    /// The outcome of the last version of this source that was tried, if that was after `heard`.
    #[must_use]
    pub fn outcome_after(&self, source: &str, heard: u64) -> Option<Outcome> {
        let swaps = self.swaps();
        swaps
            .outcomes
            .get(source)
            .filter(|(number, _)| *number > heard)
            .map(|(_, outcome)| outcome.clone())
    }
}

fn status(source: &str, version: &Version, role: Role, temperature: Temperature) -> ModuleStatus {
    ModuleStatus {
        source: source.to_owned(),
        name: version.info().name.clone(),
        version: version.info().version.clone(),
        digest: version.digest().0.clone(),
        checks: version.checks().len(),
        role,
        temperature,
        instances: version.instances(),
    }
}

impl Swaps {
    /// Remembers the outcome that an event reports for its source.
    pub(super) fn remember(&mut self, event: &SwapEvent) {
        let counts = |digest: &operator_model::Digest, reason: String| Outcome::Counts {
            digest: digest.0.clone(),
            reason,
        };
        let (source, outcome) = match event {
            SwapEvent::Added { source, to, .. } => (source, counts(to, "newly added".to_owned())),
            SwapEvent::Swapped {
                source,
                to,
                differs,
                ..
            } if differs.is_empty() => (
                source,
                counts(
                    to,
                    "verdicts match those of the previous version".to_owned(),
                ),
            ),
            SwapEvent::Swapped {
                source,
                to,
                differs,
                ..
            } => {
                let checks: Vec<&str> = differs
                    .iter()
                    .map(operator_model::CheckId::as_str)
                    .collect();
                (
                    source,
                    counts(
                        to,
                        format!(
                            "verdicts differ from those of the previous version: {}",
                            checks.join(", ")
                        ),
                    ),
                )
            }
            SwapEvent::RolledBack {
                source, to, reason, ..
            } => (source, counts(to, reason.clone())),
            SwapEvent::Removed { source, .. } => (
                source,
                Outcome::Refused {
                    reason: "its file was removed".to_owned(),
                },
            ),
            SwapEvent::Refused { source, reason, .. } => (
                source,
                Outcome::Refused {
                    reason: reason.clone(),
                },
            ),
        };
        self.outcomes_heard += 1;
        self.outcomes
            .insert(source.clone(), (self.outcomes_heard, outcome));
    }
}
