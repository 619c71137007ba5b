//! Weighs one failure mode of one suspect: prior odds times one likelihood ratio for each group of evidence.

use super::facts::{Facts, Finding, Observation, subject_of};
use super::limits::{PRIOR_MIN, RATIO_MAX, UNKNOWN_CAUSE_PRIOR};
use super::symptoms::{SymptomKey, SymptomSet};
use operator_model::EntityId;
use operator_model::knowledge::{EvidenceRule, FailureMode};
use std::collections::{BTreeMap, BTreeSet};

/// A failure mode of a suspect, with what the snapshot shows for its rules, before anything is explained away.
#[derive(Debug)]
pub(super) struct CandidateCause<'a> {
    pub(super) failure_mode: &'a FailureMode,
    pub(super) suspect: EntityId,
    /// In the order of the failure mode's rules.
    pub(super) findings: Vec<(&'a EvidenceRule, Finding)>,
    /// Symptoms that this failure would cause.
    pub(super) explains: SymptomSet<'a>,
}

/// One rule that was observed, and its weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct EvidenceWeight<'a> {
    pub(super) rule: &'a EvidenceRule,
    pub(super) observation: &'a Observation,
    /// The likelihood ratio that the rule states for this observation.
    pub(super) raw_ratio: f64,
    /// What it contributes: 1 when a stronger rule of its group does.
    pub(super) ratio: f64,
}

/// A candidate cause with its odds.
#[derive(Debug, Clone)]
pub(super) struct RankedCause<'a> {
    pub(super) cause: &'a CandidateCause<'a>,
    pub(super) evidence: Vec<EvidenceWeight<'a>>,
    pub(super) prior: f64,
    pub(super) log_odds: f64,
}

impl<'a> CandidateCause<'a> {
    /// Evaluates all rules of the failure mode on the snapshot.
    pub(super) fn new(
        facts: &Facts<'_>,
        failure_mode: &'a FailureMode,
        suspect: &EntityId,
        symptoms: &SymptomSet<'a>,
    ) -> Self {
        let findings = failure_mode
            .evidence
            .iter()
            .map(|rule| (rule, facts.evaluate(rule, suspect)))
            .collect();
        let explains = symptoms
            .iter()
            .copied()
            .filter(|ranked| {
                let symptom = ranked.symptom();
                failure_mode
                    .evidence
                    .iter()
                    .any(|rule| facts.explains(rule, suspect, &symptom.kind, &symptom.entity))
            })
            .collect();
        Self {
            failure_mode,
            suspect: suspect.clone(),
            findings,
            explains,
        }
    }

    /// The odds. Support that rests only on symptoms in `taken`, which another cause explains, is ignored.
    pub(super) fn weigh(&'a self, taken: &BTreeSet<SymptomKey>) -> RankedCause<'a> {
        let mut evidence: Vec<EvidenceWeight<'a>> = Vec::new();
        for (rule, finding) in &self.findings {
            let Finding::Known(observation) = finding else {
                continue;
            };
            let raw_ratio = stated_ratio(rule, observation.holds);
            let explained_away = raw_ratio > 1.0 && observation.rests_only_on(taken);
            if !explained_away {
                evidence.push(EvidenceWeight {
                    rule,
                    observation,
                    raw_ratio,
                    ratio: raw_ratio,
                });
            }
        }
        let strongest = strongest_of_each_group(&evidence);
        for (position, one) in evidence.iter_mut().enumerate() {
            if !strongest.contains(&position) {
                one.ratio = 1.0;
            }
        }
        let prior = if self.failure_mode.prior.is_nan() {
            PRIOR_MIN
        } else {
            self.failure_mode.prior.clamp(PRIOR_MIN, 1.0 - PRIOR_MIN)
        };
        let log_odds = evidence
            .iter()
            .fold(log_odds_of(prior), |sum, one| sum + one.ratio.ln());
        RankedCause {
            cause: self,
            evidence,
            prior,
            log_odds,
        }
    }

    /// What could not be observed, in words, with the rule it concerns.
    pub(super) fn missing(&self, facts: &Facts<'_>) -> Vec<(&'a EvidenceRule, String)> {
        let signals = &facts.input().knowledge.signals;
        let unknown = self
            .findings
            .iter()
            .filter_map(|(rule, finding)| match finding {
                Finding::Unknown(why) => Some((
                    *rule,
                    format!("{}: {why}", subject_of(rule, &self.suspect, signals)),
                )),
                Finding::Known(_) => None,
            });
        unknown.collect()
    }
}

impl RankedCause<'_> {
    /// Groups of evidence that support it.
    pub(super) fn supporting_groups(&self) -> usize {
        self.evidence.iter().filter(|one| one.ratio > 1.0).count()
    }
}

/// Evidence that shares a cause has one vote, the strongest; ties go to the earlier rule.
fn strongest_of_each_group(evidence: &[EvidenceWeight<'_>]) -> BTreeSet<usize> {
    let mut best: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (position, one) in evidence.iter().enumerate() {
        let group = if one.rule.group.is_empty() {
            one.rule.id.as_str()
        } else {
            one.rule.group.as_str()
        };
        let strength = one.raw_ratio.ln().abs();
        let entry = best.entry(group).or_insert((position, strength));
        if strength > entry.1 {
            *entry = (position, strength);
        }
    }
    best.into_values().map(|(position, _)| position).collect()
}

/// The likelihood ratio that the rule states for a test that holds, or does not.
pub(super) fn stated_ratio(rule: &EvidenceRule, holds: bool) -> f64 {
    bounded(if holds {
        rule.ratio_if_true
    } else {
        rule.ratio_if_false
    })
}

/// Likelihood ratios are an author's estimates: neither zero nor infinity nor an invalid number may decide alone.
pub(super) fn bounded(ratio: f64) -> f64 {
    if ratio.is_nan() {
        1.0
    } else {
        ratio.clamp(1.0 / RATIO_MAX, RATIO_MAX)
    }
}

/// Logarithm of the odds of a probability.
pub(super) fn log_odds_of(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// Log odds of a cause that no failure mode describes.
pub(super) fn unknown_cause_log_odds() -> f64 {
    log_odds_of(UNKNOWN_CAUSE_PRIOR)
}

/// Shares of the odds, in the order given.
pub(crate) fn normalise(log_odds: &[f64]) -> Vec<f64> {
    let largest = log_odds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_odds.iter().map(|one| (one - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}
