//! Weighs one card on one suspect: prior odds times one likelihood ratio for each group of evidence.

use super::facts::{Facts, Finding, Seen, subject_of};
use super::limits::{NONE_OF_THESE_PRIOR, PRIOR_MIN, RATIO_MAX};
use super::symptoms::SymptomKey;
use operator_model::knowledge::{EvidenceRule, FailureMode};
use operator_model::{EntityId, Symptom};
use std::collections::{BTreeMap, BTreeSet};

/// What the snapshot says to a card about a suspect, before anything is explained away.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) card: &'a FailureMode,
    pub(super) suspect: EntityId,
    /// In the order of the card's rules.
    pub(super) findings: Vec<(&'a EvidenceRule, Finding)>,
    /// Symptoms that this failure would bring with it, by position.
    pub(super) explains: BTreeSet<usize>,
}

/// One rule whose answer is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) rule: &'a EvidenceRule,
    pub(super) seen: &'a Seen,
    /// The ratio of the card for this answer.
    pub(super) raw_ratio: f64,
    /// What it contributes: 1 when another of its group counts.
    pub(super) ratio: f64,
}

/// A case with its odds.
#[derive(Debug, Clone)]
pub(super) struct Weighed<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) counted: Vec<Counted<'a>>,
    pub(super) prior: f64,
    pub(super) log_odds: f64,
}

impl<'a> Case<'a> {
    /// Puts all rules of the card to the snapshot.
    pub(super) fn new(
        facts: &Facts<'_>,
        card: &'a FailureMode,
        suspect: &EntityId,
        symptoms: &[&Symptom],
    ) -> Self {
        let findings = card
            .evidence
            .iter()
            .map(|rule| (rule, facts.ask(rule, suspect)))
            .collect();
        let explains = symptoms
            .iter()
            .enumerate()
            .filter(|(_, s)| {
                card.evidence
                    .iter()
                    .any(|rule| facts.explains(rule, suspect, &s.kind, &s.entity))
            })
            .map(|(position, _)| position)
            .collect();
        Self {
            card,
            suspect: suspect.clone(),
            findings,
            explains,
        }
    }

    /// The odds. Support that rests only on symptoms in `taken`, which another cause explains, counts for nothing.
    pub(super) fn weigh(&'a self, taken: &BTreeSet<SymptomKey>) -> Weighed<'a> {
        let mut counted: Vec<Counted<'a>> = Vec::new();
        for (rule, finding) in &self.findings {
            let Finding::Known(seen) = finding else {
                continue;
            };
            let raw_ratio = bounded(if seen.holds {
                rule.ratio_if_true
            } else {
                rule.ratio_if_false
            });
            let explained_away =
                raw_ratio > 1.0 && !seen.rests_on.is_empty() && seen.rests_on.is_subset(taken);
            if !explained_away {
                counted.push(Counted {
                    rule,
                    seen,
                    raw_ratio,
                    ratio: raw_ratio,
                });
            }
        }
        let strongest = strongest_of_each_group(&counted);
        for (position, one) in counted.iter_mut().enumerate() {
            if !strongest.contains(&position) {
                one.ratio = 1.0;
            }
        }
        let prior = if self.card.prior.is_nan() {
            PRIOR_MIN
        } else {
            self.card.prior.clamp(PRIOR_MIN, 1.0 - PRIOR_MIN)
        };
        let log_odds = counted
            .iter()
            .fold(log_odds_of(prior), |sum, one| sum + one.ratio.ln());
        Weighed {
            case: self,
            counted,
            prior,
            log_odds,
        }
    }

    /// What could not be looked at, in words; with the rule it concerns.
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

impl Weighed<'_> {
    /// Groups of evidence that speak for it.
    pub(super) fn supporting_groups(&self) -> usize {
        self.counted.iter().filter(|one| one.ratio > 1.0).count()
    }
}

/// Evidence that shares a cause has one vote, the strongest; ties go to the earlier rule.
fn strongest_of_each_group(counted: &[Counted<'_>]) -> BTreeSet<usize> {
    let mut best: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (position, one) in counted.iter().enumerate() {
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

/// Ratios of a card are an author's numbers: neither zero nor infinity nor nonsense may decide alone.
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

/// Log odds of a cause that no card describes.
pub(super) fn none_log_odds() -> f64 {
    log_odds_of(NONE_OF_THESE_PRIOR)
}

/// Shares of the odds, in the order given.
pub(super) fn normalise(log_odds: &[f64]) -> Vec<f64> {
    let largest = log_odds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_odds.iter().map(|one| (one - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}
