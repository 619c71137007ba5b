//! Ranks services by how likely they are the cause.

use std::collections::{BTreeMap, BTreeSet};

/// Every number of the method, the same for all data sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Configuration {
    /// The spread of a metric is at least this share of its median: two per cent is the noise of a steady meter.
    pub spread_min_share: f64,
    /// A callee explains its caller from this robust z on.
    pub explains_z: f64,
    /// Metrics of a service whose deviations are added up, the largest ones.
    pub metrics_max: usize,
    /// A service that is only seen by its callers is blamed this much less than one that reports itself.
    pub inferred_weight: f64,
    /// A cause is named when its score is above this share of what windows of normal operation get.
    pub null_share: f64,
    /// An alarm needs at least this score too: three metrics with a robust z of six.
    pub alarm_min: f64,
}

/// The one configuration.
pub const CONFIGURATION: Configuration = Configuration {
    spread_min_share: 0.02,
    explains_z: 3.0,
    metrics_max: 3,
    inferred_weight: 0.1,
    null_share: 0.95,
    alarm_min: 5.8,
};

/// A metric of a service, before and during the fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Which service.
    pub service: String,
    /// Which metric, with its aggregation.
    pub metric: String,
    /// Values of normal operation.
    pub normal: Vec<f64>,
    /// Values during the fault.
    pub anomalous: Vec<f64>,
}

/// Caller → callees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallGraph {
    calls: BTreeMap<String, BTreeSet<String>>,
    /// Services that report nothing themselves.
    inferred: BTreeSet<String>,
}

impl CallGraph {
    /// Adds a call.
    pub fn add(&mut self, caller: &str, callee: &str) {
        let callees = self.calls.entry(caller.to_owned()).or_default();
        callees.insert(callee.to_owned());
    }

    /// This service is only seen by others.
    pub fn mark_inferred(&mut self, service: &str) {
        self.inferred.insert(service.to_owned());
    }

    fn callees(&self, service: &str) -> impl Iterator<Item = &str> {
        let callees = self.calls.get(service).into_iter().flatten();
        callees.map(String::as_str)
    }

    /// The service and everything that it calls, directly or not.
    fn reachable<'a>(&'a self, from: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(service) = waiting.pop() {
            if found.insert(service) {
                waiting.extend(self.callees(service));
            }
        }
        found
    }
}

/// What alarmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service.
    pub service: String,
    /// Its metric, as observed.
    pub metric: String,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// All metrics.
    pub observed: &'a [Observed],
    /// Who calls whom; empty if unknown.
    pub calls: &'a CallGraph,
    /// What alarmed, if anything did.
    pub target: Option<&'a Target>,
}

/// A service and its blame.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Which service.
    pub service: String,
    /// Comparable within one question, and with the limits of [`Configuration`].
    pub score: f64,
}

/// Services by falling blame, ties by name.
#[must_use]
pub fn rank(question: Question<'_>) -> Vec<Ranked> {
    let usual = baselines(question);
    let mut ranked = blame(question, &usual, |baseline| {
        baseline.worst(&baseline.observed.anomalous)
    });
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.service.cmp(&b.service))
    });
    ranked
}

/// The first service, if its blame is above what normal operation gets by chance: the normal values are cut into
/// windows as long as the fault, and each is asked about as if it were one.
#[must_use]
pub fn answer(question: Question<'_>, ranked: &[Ranked]) -> Option<String> {
    let usual = baselines(question);
    let length = usual.iter().map(|one| one.observed.anomalous.len()).max()?;
    let samples = usual.iter().map(|one| one.observed.normal.len()).max()?;
    let mut null: Vec<f64> = (0..samples / length.max(1))
        .map(|window| {
            let from = window * length;
            let of_window = |baseline: &Baseline<'_>| {
                let normal = &baseline.observed.normal;
                let to = (from + length).min(normal.len());
                baseline.worst(normal.get(from..to).unwrap_or_default())
            };
            let scores = blame(question, &usual, of_window);
            scores.iter().map(|one| one.score).fold(0.0, f64::max)
        })
        .collect();
    null.sort_by(f64::total_cmp);
    let limit = quantile(&null, CONFIGURATION.null_share).unwrap_or(0.0);
    let first = ranked.first().filter(|first| first.score > limit)?;
    Some(first.service.clone())
}

/// The blame of each service, if `shift` is how far its metrics are from normal.
fn blame(
    question: Question<'_>,
    usual: &[Baseline<'_>],
    shift: impl Fn(&Baseline<'_>) -> Option<f64>,
) -> Vec<Ranked> {
    let deviations = usual.iter().filter_map(|baseline| {
        let shift = shift(baseline)?;
        let z = shift / baseline.spread;
        Some((baseline.observed, Deviation { z, shift }))
    });
    match question.target {
        Some(target) => along_calls(question, target, deviations.collect()),
        None => by_deviation(deviations.collect()),
    }
}

/// A metric and its deviation.
type Deviating<'a> = (&'a Observed, Deviation);

/// Blame along the call graph: a caller is blamed for the part of its deviation that no callee explains.
fn along_calls(
    question: Question<'_>,
    target: &Target,
    deviating: Vec<Deviating<'_>>,
) -> Vec<Ranked> {
    let reachable = question.calls.reachable(&target.service);
    let deviations: BTreeMap<&str, Deviation> = deviating
        .into_iter()
        .filter(|(one, _)| one.metric == target.metric && reachable.contains(one.service.as_str()))
        .map(|(one, deviation)| (one.service.as_str(), deviation))
        .collect();
    let ranked = deviations.iter().map(|(&service, own)| {
        let explained = question
            .calls
            .callees(service)
            .filter_map(|callee| deviations.get(callee))
            .filter(|callee| callee.z > CONFIGURATION.explains_z)
            .map(|callee| callee.shift)
            .fold(0.0, f64::max);
        let share = if own.shift > 0.0 {
            ((own.shift - explained) / own.shift).max(0.0)
        } else {
            0.0
        };
        let weight = if question.calls.inferred.contains(service) {
            CONFIGURATION.inferred_weight
        } else {
            1.0
        };
        Ranked {
            service: service.to_owned(),
            score: share * own.z.max(0.0) * weight,
        }
    });
    ranked.collect()
}

/// Blame by deviation alone: the logarithms of the largest deviations of a service, added up, so that one wild meter
/// does not outweigh three that agree.
fn by_deviation(deviating: Vec<Deviating<'_>>) -> Vec<Ranked> {
    let mut of_service: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (one, deviation) in deviating {
        let deviations = of_service.entry(&one.service).or_default();
        if Class::of(&one.metric).is_own() {
            deviations.push(deviation.z.max(0.0));
        }
    }
    let ranked = of_service.into_iter().map(|(service, mut deviations)| {
        deviations.sort_by(|a, b| b.total_cmp(a));
        let largest = deviations.iter().take(CONFIGURATION.metrics_max);
        Ranked {
            service: service.to_owned(),
            score: largest.map(|z| z.ln_1p()).sum(),
        }
    });
    ranked.collect()
}

/// What a metric says, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// More is worse.
    Load,
    /// Less is worse.
    Health,
    /// What its clients see: their network, and whatever it waits for.
    ClientSide,
    /// Of the machine, which others share.
    Machine,
    /// Follows the load and not the fault.
    Volume,
}

impl Class {
    fn of(metric: &str) -> Self {
        let name = metric.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["availability", "success"]) => Self::Health,
            () if name.starts_with("node") => Self::Machine,
            () if has(&["client"]) => Self::ClientSide,
            () if has(&["syscall", "workload"]) => Self::Volume,
            () => Self::Load,
        }
    }

    /// Whether a deviation speaks against the service itself.
    fn is_own(self) -> bool {
        matches!(self, Self::Load | Self::Health)
    }
}

/// How far a metric is from normal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Deviation {
    /// In robust standard deviations, in the bad direction.
    z: f64,
    /// In the unit of the metric, in the bad direction.
    shift: f64,
}

/// Fewer normal values are no baseline.
const NORMAL_MIN: usize = 5;

/// The interquartile range of a normal distribution is 1.349 standard deviations.
const IQR_PER_SIGMA: f64 = 1.349;

/// A metric with its usual value.
struct Baseline<'a> {
    observed: &'a Observed,
    /// 1 if more is worse, -1 if less is.
    sign: f64,
    /// Of the signed values.
    median: f64,
    spread: f64,
}

impl<'a> Baseline<'a> {
    fn of(observed: &'a Observed) -> Option<Self> {
        let sign = if Class::of(&observed.metric) == Class::Health {
            -1.0
        } else {
            1.0
        };
        let finite = observed.normal.iter().filter(|value| value.is_finite());
        let mut normal: Vec<f64> = finite.map(|value| sign * value).collect();
        if normal.len() < NORMAL_MIN {
            return None;
        }
        normal.sort_by(f64::total_cmp);
        let median = quantile(&normal, 0.5)?;
        let iqr = quantile(&normal, 0.75)? - quantile(&normal, 0.25)?;
        // A meter that never moved has no spread; one step away from it is not infinitely far.
        let least = (CONFIGURATION.spread_min_share * median.abs()).max(SPREAD_MIN);
        Some(Self {
            observed,
            sign,
            median,
            spread: (iqr / IQR_PER_SIGMA).max(least),
        })
    }

    /// How far the worst of these values is from the median, in the bad direction.
    fn worst(&self, values: &[f64]) -> Option<f64> {
        let finite = values.iter().filter(|value| value.is_finite());
        let worst = finite
            .map(|value| self.sign * value)
            .max_by(f64::total_cmp)?;
        Some(worst - self.median)
    }
}

/// The least spread of a meter that rests at zero.
const SPREAD_MIN: f64 = 1e-9;

fn baselines<'a>(question: Question<'a>) -> Vec<Baseline<'a>> {
    question.observed.iter().filter_map(Baseline::of).collect()
}

/// Linear interpolation between the closest ranks of sorted values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = u32::try_from(sorted.len().checked_sub(1)?).ok()?;
    let place = f64::from(last) * share;
    let below = (0..=last).rev().find(|rank| f64::from(*rank) <= place)?;
    let low = *sorted.get(usize::try_from(below).ok()?)?;
    let high = sorted
        .get(usize::try_from(below).ok()? + 1)
        .copied()
        .unwrap_or(low);
    Some(low + (high - low) * (place - f64::from(below)))
}
