//! Scores of many runs, with the uncertainty that their number leaves.

use super::simulated::Run;
use crate::demo::ActionGrade;
use operator_rca::score::{Share, share};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Scores of a set of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Runs with a fault that deserves a ticket.
    pub runs: usize,
    /// Of them, those with a ticket.
    pub detected: usize,
    /// Of them, those without.
    pub missed: usize,
    /// Median time to suspicion, in seconds; a missed run counts as longer than any.
    pub suspected_median_s: Option<f64>,
    /// Its 95th percentile; absent when too many runs were missed.
    pub suspected_p95_s: Option<f64>,
    /// Median time to the ticket.
    pub detect_median_s: Option<f64>,
    /// Its 95th percentile.
    pub detect_p95_s: Option<f64>,
    /// Mean time to the ticket, a missed run counted with the time for which it was watched.
    pub detect_restricted_mean_s: Option<f64>,
    /// Tickets that are false, a simulated day.
    pub false_tickets_per_day: f64,
    /// With 95 % confidence there are no more than this.
    pub false_tickets_per_day_max: f64,
    /// Simulated days without a fault.
    pub healthy_days: f64,
    /// Further tickets beside the right one, a run.
    pub further_tickets: f64,
    /// The likeliest cause names the component.
    pub top1: Share,
    /// One of the three likeliest does.
    pub top3: Share,
    /// The likeliest cause names the mechanism.
    pub mechanism: Share,
    /// Recommended actions that make it worse.
    pub harmful: usize,
    /// Recommended actions that are the best or acceptable.
    pub appropriate: Share,
    /// Expected calibration error over ten bins of equal mass.
    pub calibration_error: Option<f64>,
    /// Brier score of the named cause.
    pub brier: Option<f64>,
    /// Tickets all claims of which were verified.
    pub claims_verified: Share,
    /// Mean explanation score.
    pub explanation: Option<f64>,
}

/// Everything about an evaluation; a third party derives it again from the seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Who wrote what: part of every report.
    pub independence: String,
    /// Version of the operator.
    pub operator: String,
    /// Virtual time between two ticks.
    pub tick_interval_ms: u64,
    /// Scores of all runs.
    pub summary: Summary,
    /// Scores by family.
    pub families: BTreeMap<String, Summary>,
    /// Every run.
    pub runs: Vec<Run>,
}

/// What must be known before a figure is quoted.
pub const INDEPENDENCE: &str = "Simulator, fault files, checks and failure modes were written by the same people: these \
    figures prove coverage, not skill. Recorded and public data count first.";

impl Results {
    /// Scores these runs.
    #[must_use]
    pub fn of(mut runs: Vec<Run>, tick_interval_ms: u64) -> Self {
        runs.sort_by(|a, b| (&a.fault, a.seed, &a.noise).cmp(&(&b.fault, b.seed, &b.noise)));
        let mut families: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
        for run in runs.iter().filter(|run| run.expected) {
            families.entry(run.family.clone()).or_default().push(run);
        }
        let families = families.into_iter();
        Self {
            independence: INDEPENDENCE.to_owned(),
            operator: env!("CARGO_PKG_VERSION").to_owned(),
            tick_interval_ms,
            summary: Summary::of(&runs.iter().collect::<Vec<_>>()),
            families: families
                .map(|(name, runs)| (name, Summary::of(&runs)))
                .collect(),
            runs,
        }
    }
}

impl Summary {
    /// Scores these runs.
    #[must_use]
    pub fn of(runs: &[&Run]) -> Self {
        let faults: Vec<&Run> = runs.iter().copied().filter(|run| run.expected).collect();
        let told: Vec<&Run> = faults
            .iter()
            .copied()
            .filter(|run| run.detected_s.is_some())
            .collect();
        let healthy_days = runs.iter().map(|run| quiet_s(run)).sum::<f64>() / 86_400.0;
        let false_tickets: usize = runs.iter().map(|run| run.false_tickets).sum();
        let count_of = |right: &dyn Fn(&Run) -> bool, of: &[&Run]| {
            share(of.iter().filter(|run| right(run)).count(), of.len())
        };
        let suspected: Vec<Option<f64>> = faults.iter().map(|run| run.suspected_s).collect();
        let detected: Vec<Option<f64>> = faults.iter().map(|run| run.detected_s).collect();
        let restricted = faults
            .iter()
            .map(|run| run.detected_s.unwrap_or(run.watched_s));
        let explained = told.iter().filter_map(|run| run.explanation).map(f64::from);
        Self {
            runs: faults.len(),
            detected: told.len(),
            missed: faults.len() - told.len(),
            suspected_median_s: quantile(&suspected, 0.5),
            suspected_p95_s: quantile(&suspected, 0.95),
            detect_median_s: quantile(&detected, 0.5),
            detect_p95_s: quantile(&detected, 0.95),
            detect_restricted_mean_s: mean(restricted),
            false_tickets_per_day: count(false_tickets) / healthy_days.max(f64::MIN_POSITIVE),
            false_tickets_per_day_max: poisson_upper(false_tickets)
                / healthy_days.max(f64::MIN_POSITIVE),
            healthy_days,
            further_tickets: mean(faults.iter().map(|run| count(run.further_tickets)))
                .unwrap_or(0.0),
            top1: count_of(&|run| run.component, &faults),
            top3: count_of(&|run| run.component_in_top3, &faults),
            mechanism: count_of(&|run| run.mechanism, &faults),
            harmful: faults
                .iter()
                .filter(|run| run.grade == Some(ActionGrade::Harmful))
                .count(),
            appropriate: count_of(
                &|run| matches!(run.grade, Some(ActionGrade::Best | ActionGrade::Acceptable)),
                &faults,
            ),
            calibration_error: calibration_error(&told),
            brier: mean(told.iter().filter_map(|run| {
                let right = if run.component && run.mechanism {
                    1.0
                } else {
                    0.0
                };
                run.probability
                    .map(|probability| (probability - right).powi(2))
            })),
            claims_verified: count_of(&|run| run.explanation.is_some_and(|score| score > 0), &told),
            explanation: mean(explained),
        }
    }
}

/// Time of a run in which no ticket is right.
fn quiet_s(run: &Run) -> f64 {
    if run.expected {
        run.length_s - run.watched_s
    } else {
        run.length_s
    }
}

/// Bins of equal mass.
const BINS: usize = 10;

/// The mean distance between probability and truth, by bins of equally many tickets.
fn calibration_error(told: &[&Run]) -> Option<f64> {
    let named = told.iter().filter(|run| !run.abstained);
    let mut pairs: Vec<(f64, f64)> = named
        .filter_map(|run| {
            let right = if run.component && run.mechanism {
                1.0
            } else {
                0.0
            };
            Some((run.probability?, right))
        })
        .collect();
    if pairs.is_empty() {
        return None;
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = pairs.len().div_ceil(BINS);
    let off = pairs.chunks(size).map(|bin| {
        let stated = mean(bin.iter().map(|pair| pair.0)).unwrap_or(0.0);
        let true_share = mean(bin.iter().map(|pair| pair.1)).unwrap_or(0.0);
        (stated - true_share).abs() * count(bin.len())
    });
    Some(off.sum::<f64>() / count(pairs.len()))
}

/// The quantile of times, where a missing one is longer than any; absent if it falls on a missing one.
fn quantile(times: &[Option<f64>], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = times
        .iter()
        .map(|time| time.unwrap_or(f64::INFINITY))
        .collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = (0..=last).find(|place| count(*place) >= count(last) * share)?;
    sorted.get(place).copied().filter(|time| time.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sum = 0.0;
    let mut number = 0_usize;
    for value in values {
        sum += value;
        number += 1;
    }
    (number > 0).then(|| sum / count(number))
}

/// The 95 % upper bound of a Poisson rate (Garwood, 1936, by the approximation of Byar); 3 for no event at all.
fn poisson_upper(events: usize) -> f64 {
    if events == 0 {
        return 3.0;
    }
    let next = count(events) + 1.0;
    next * (1.0 - 1.0 / (9.0 * next) + 1.645 / (3.0 * next.sqrt())).powi(3)
}

/// Counts of runs are far below the 2^32 that a float holds exactly.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(fault: &str, detected_s: Option<f64>, component: bool) -> Run {
        Run {
            build: String::new(),
            fault: fault.to_owned(),
            family: "stores".to_owned(),
            seed: 1,
            noise: "usual".to_owned(),
            expected: true,
            watched_s: 180.0,
            length_s: 300.0,
            suspected_s: detected_s,
            detected_s,
            component,
            component_in_top3: component,
            mechanism: component,
            named: None,
            probability: detected_s.map(|_| 0.9),
            abstained: false,
            action: None,
            grade: detected_s.map(|_| ActionGrade::Best),
            explanation: detected_s.map(|_| 100),
            false_tickets: 0,
            further_tickets: 0,
        }
    }

    #[test]
    fn a_missed_run_is_censored_and_not_dropped() {
        let runs = [
            run("a", Some(10.0), true),
            run("b", Some(20.0), true),
            run("c", None, false),
        ];
        let summary = Summary::of(&runs.iter().collect::<Vec<_>>());
        assert_eq!((summary.runs, summary.detected, summary.missed), (3, 2, 1));
        assert_eq!(summary.detect_median_s, Some(20.0));
        assert_eq!(summary.detect_p95_s, None);
        assert_eq!(summary.detect_restricted_mean_s, Some(70.0));
        assert!((summary.top1.value - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn calibration_compares_probabilities_with_the_truth() {
        let runs = [run("a", Some(1.0), true), run("b", Some(1.0), false)];
        let error = Summary::of(&runs.iter().collect::<Vec<_>>())
            .calibration_error
            .unwrap();
        assert!((error - 0.5).abs() < 1e-9, "{error}");
    }

    #[test]
    fn no_false_ticket_still_leaves_a_bound() {
        let mut healthy = run("none", None, false);
        healthy.expected = false;
        healthy.length_s = 86_400.0;
        let summary = Summary::of(&[&healthy]);
        assert!(summary.false_tickets_per_day.abs() < 1e-9);
        assert!((summary.false_tickets_per_day_max - 3.0).abs() < 1e-9);
        assert!((share(0, 40).high - 0.0876).abs() < 1e-3);
    }
}
