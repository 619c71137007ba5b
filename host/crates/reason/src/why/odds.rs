//! The odds of all hypotheses of a ticket, when some observations come out otherwise.

use super::key_of;
use operator_model::{AssessedEvidence, Hypothesis};
use std::collections::{BTreeMap, BTreeSet};

/// Natural logarithm of the odds before any evidence. The unknown cause has no evidence, so all its odds are prior.
pub(super) fn prior(hypothesis: &Hypothesis) -> f64 {
    let evidence: f64 = hypothesis.assessed().map(|rule| rule.ratio.ln()).sum();
    hypothesis.log_odds - evidence
}

/// All hypotheses, prepared for many questions.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    hypotheses: Vec<Weighed<'a>>,
    /// What can come out otherwise and would then weigh something else, sorted.
    observations: Vec<&'a str>,
}

#[derive(Debug)]
struct Weighed<'a> {
    hypothesis: &'a Hypothesis,
    prior: f64,
    /// One list of rules for each group, because only the strongest of a group contributes.
    groups: Vec<Vec<Rule>>,
}

#[derive(Debug)]
struct Rule {
    /// Place among the observations; absent if the opposite weighs the same.
    observation: Option<usize>,
    stated: f64,
    opposite: f64,
    /// It contributes as things are; decides between equals.
    counts: bool,
}

impl<'a> Standing<'a> {
    pub(super) fn new(hypotheses: &'a [Hypothesis]) -> Self {
        let rules = hypotheses.iter().flat_map(all_rules);
        let observations: BTreeSet<&str> =
            rules.filter(|rule| can_flip(rule)).map(key_of).collect();
        let observations: Vec<&str> = observations.into_iter().collect();
        let weighed = hypotheses
            .iter()
            .map(|one| Weighed::new(one, &observations))
            .collect();
        Self {
            hypotheses: weighed,
            observations,
        }
    }

    pub(super) fn observations(&self) -> &[&'a str] {
        &self.observations
    }

    /// By how much the log odds of `chosen` exceed those of every other hypothesis, when the observations at these
    /// places come out otherwise. Above zero, `chosen` is the likeliest.
    pub(super) fn margin(&self, chosen: &Hypothesis, flipped: &[usize]) -> f64 {
        let mut own = f64::NEG_INFINITY;
        let mut best = f64::NEG_INFINITY;
        for one in &self.hypotheses {
            let log_odds = one.log_odds(flipped);
            if std::ptr::eq(one.hypothesis, chosen) {
                own = log_odds;
            } else {
                best = best.max(log_odds);
            }
        }
        own - best
    }

    /// The share of a hypothesis when the observations at these places come out otherwise.
    pub(super) fn probability(&self, chosen: &Hypothesis, flipped: &[usize]) -> f64 {
        let odds = self.hypotheses.iter().map(|one| one.log_odds(flipped));
        let shares = crate::diagnose::shares(&odds.collect::<Vec<f64>>());
        let mut pairs = self.hypotheses.iter().zip(shares);
        pairs
            .find(|(one, _)| std::ptr::eq(one.hypothesis, chosen))
            .map_or(0.0, |(_, share)| share)
    }
}

impl<'a> Weighed<'a> {
    fn new(hypothesis: &'a Hypothesis, observations: &[&str]) -> Self {
        let mut groups: BTreeMap<&str, Vec<Rule>> = BTreeMap::new();
        for rule in all_rules(hypothesis) {
            let group = if rule.group.is_empty() {
                &rule.rule
            } else {
                &rule.group
            };
            let place = observations.binary_search(&key_of(rule)).ok();
            groups.entry(group).or_default().push(Rule {
                observation: place.filter(|_| can_flip(rule)),
                stated: stated(rule).ln(),
                opposite: opposite(rule).ln(),
                counts: (rule.ratio - 1.0).abs() > f64::EPSILON,
            });
        }
        Self {
            hypothesis,
            prior: prior(hypothesis),
            groups: groups.into_values().collect(),
        }
    }

    fn log_odds(&self, flipped: &[usize]) -> f64 {
        let strongest = |rules: &Vec<Rule>| {
            let weights = rules.iter().map(|rule| (rule.weight(flipped), rule.counts));
            weights
                .max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()).then(a.1.cmp(&b.1)))
                .map_or(0.0, |(weight, _)| weight)
        };
        self.prior + self.groups.iter().map(strongest).sum::<f64>()
    }
}

impl Rule {
    fn weight(&self, flipped: &[usize]) -> f64 {
        let is_flipped = self
            .observation
            .is_some_and(|place| flipped.contains(&place));
        if is_flipped {
            self.opposite
        } else {
            self.stated
        }
    }
}

fn all_rules(hypothesis: &Hypothesis) -> impl Iterator<Item = &AssessedEvidence> {
    hypothesis.assessed().chain(&hypothesis.neutral)
}

/// A ticket of an older operator records the contribution only.
fn stated(rule: &AssessedEvidence) -> f64 {
    if rule.observation.is_empty() {
        rule.ratio
    } else {
        rule.stated_ratio
    }
}

fn opposite(rule: &AssessedEvidence) -> f64 {
    if rule.observation.is_empty() {
        1.0
    } else {
        rule.opposite_ratio
    }
}

fn can_flip(rule: &AssessedEvidence) -> bool {
    (stated(rule).ln() - opposite(rule).ln()).abs() > f64::EPSILON
}
