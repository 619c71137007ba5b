//! How often the engine is right, with the uncertainty that the number of cases leaves.

use crate::detect::{Detection, detect};
use crate::engine::{Ranked, answer, rank};
use crate::formats::{Case, DataSet};
use serde::{Deserialize, Serialize};

/// Ranks that are counted: AC@1 to AC@5, and Avg@5 is their mean.
const RANKS: usize = 5;

/// Services that a case lists.
const RANKING_MAX: usize = 10;

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseResult {
    /// Its place in the data set.
    pub case: String,
    /// The service at fault.
    pub root: String,
    /// Services by falling blame, the first ten.
    pub ranking: Vec<String>,
    /// The service that is named; absent when none is.
    pub answer: Option<String>,
    /// Place of the true one, from 1; absent when it was not ranked.
    pub rank: Option<usize>,
    /// Time that the engine took, in milliseconds. Reading is not part of it.
    pub ms: f64,
}

/// A share of the cases, with its 95 % interval (Wilson, 1927).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Of how many.
    pub of: usize,
}

/// All scores of a data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Every case.
    pub cases: Vec<CaseResult>,
    /// The true service is first.
    pub top1: f64,
    /// It is among the first three.
    pub top3: f64,
    /// AC@1 to AC@5.
    pub ac: Vec<Share>,
    /// Mean of AC@1 to AC@5.
    pub avg5: f64,
    /// Healthy cases in which no service is named; absent without healthy cases.
    pub specificity: Option<Share>,
    /// Healthy cases.
    pub healthy: usize,
    /// What a random order would get as top-1.
    pub chance: f64,
    /// Mean time of a case, in milliseconds.
    pub ms_per_case: f64,
    /// On continuous hours.
    pub detection: Vec<Detection>,
}

/// Asks about every case. `elapsed_ms` is a monotonic clock.
#[must_use]
pub fn score(set: &DataSet, elapsed_ms: &dyn Fn() -> f64) -> Report {
    let mut chance = 0.0;
    let mut cases = Vec::new();
    for case in &set.cases {
        let begun = elapsed_ms();
        let question = case.question(&set.calls);
        let ranked = rank(question);
        let named = answer(question, &ranked);
        let ms = elapsed_ms() - begun;
        chance += 1.0 / count(ranked.len().max(1));
        cases.push(result(case, &ranked, named, ms));
    }
    let within = |places: usize| {
        let right = cases
            .iter()
            .filter(|case| case.rank.is_some_and(|rank| rank <= places));
        share(right.count(), cases.len())
    };
    let ac: Vec<Share> = (1..=RANKS).map(within).collect();
    let value = |places: usize| ac.get(places - 1).map_or(0.0, |share| share.value);
    let silent = set.healthy.iter().filter(|case| {
        let question = case.question(&set.calls);
        answer(question, &rank(question)).is_none()
    });
    let specificity = (!set.healthy.is_empty()).then(|| share(silent.count(), set.healthy.len()));
    Report {
        top1: value(1),
        top3: value(3),
        avg5: ac.iter().map(|share| share.value).sum::<f64>() / count(RANKS),
        ac,
        specificity,
        healthy: set.healthy.len(),
        chance: chance / count(cases.len().max(1)),
        ms_per_case: cases.iter().map(|case| case.ms).sum::<f64>() / count(cases.len().max(1)),
        detection: set.continuous.iter().map(detect).collect(),
        cases,
    }
}

fn result(case: &Case, ranked: &[Ranked], named: Option<String>, ms: f64) -> CaseResult {
    let root = case.root.clone().unwrap_or_default();
    let place = ranked.iter().position(|one| one.service == root);
    CaseResult {
        case: case.name.clone(),
        ranking: ranked
            .iter()
            .take(RANKING_MAX)
            .map(|one| one.service.clone())
            .collect(),
        answer: named,
        rank: place.map(|place| place + 1),
        root,
        ms,
    }
}

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.96;

/// A share of so many, with its interval.
#[must_use]
pub fn share(hits: usize, all: usize) -> Share {
    let n = count(all.max(1));
    let p = count(hits) / n;
    let center = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Share {
        value: p,
        low: (center - half).max(0.0),
        high: (center + half).min(1.0),
        of: all,
    }
}

/// Cases are far fewer than the 2^32 that a float counts exactly.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
