//! Two evaluations, run by run.

use super::simulated::{Run, key};
use super::summary::{Results, Summary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much worse a figure may be before a gate closes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tolerances {
    /// Loss of top-1, as a share.
    pub top1: f64,
    /// Loss of the mechanism, as a share.
    pub mechanism: f64,
    /// Growth of the median time to the ticket, as a share.
    pub detect_median: f64,
    /// Further missed runs.
    pub missed: usize,
    /// Further harmful recommendations.
    pub harmful: usize,
    /// Growth of false tickets a day.
    pub false_tickets_per_day: f64,
}

impl Default for Tolerances {
    /// Nothing may be worse but the time to the ticket, which a seed may move by a tenth.
    fn default() -> Self {
        Self {
            top1: 0.0,
            mechanism: 0.0,
            detect_median: 0.1,
            missed: 0,
            harmful: 0,
            false_tickets_per_day: 0.0,
        }
    }
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Figures, before and after.
    pub figures: Vec<Figure>,
    /// Runs that were right and are wrong, as sentences.
    pub worse: Vec<String>,
    /// Runs that were wrong and are right.
    pub better: Vec<String>,
    /// Runs that only one evaluation has.
    pub unpaired: usize,
    /// Figures beyond their tolerance.
    pub beyond: Vec<String>,
}

/// A figure of two evaluations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// Before.
    pub old: Option<f64>,
    /// After.
    pub new: Option<f64>,
}

/// Compares two evaluations. Figures are compared on the runs that both have.
#[must_use]
pub fn compare(old: &Results, new: &Results, tolerances: Tolerances) -> Comparison {
    let before: BTreeMap<String, &Run> = old.runs.iter().map(|run| (key(run), run)).collect();
    let after: BTreeMap<String, &Run> = new.runs.iter().map(|run| (key(run), run)).collect();
    let common: Vec<&String> = before
        .keys()
        .filter(|key| after.contains_key(*key))
        .collect();
    let of = |runs: &BTreeMap<String, &Run>| -> Summary {
        let runs: Vec<&Run> = common
            .iter()
            .filter_map(|key| runs.get(*key).copied())
            .collect();
        Summary::of(&runs)
    };
    let was = of(&before);
    let is = of(&after);
    let mut worse = Vec::new();
    let mut better = Vec::new();
    for &name in &common {
        if let (Some(was), Some(is)) = (before.get(name), after.get(name)) {
            let line = || format!("{name}: {} → {}", told(was), told(is));
            match (is_right(was), is_right(is)) {
                (true, false) => worse.push(line()),
                (false, true) => better.push(line()),
                _ => {}
            }
        }
    }
    Comparison {
        beyond: beyond(&was, &is, tolerances),
        figures: figures(&was, &is),
        worse,
        better,
        unpaired: before.len() + after.len() - 2 * common.len(),
    }
}

fn is_right(run: &Run) -> bool {
    if run.expected {
        run.component && run.mechanism && run.false_tickets == 0
    } else {
        run.false_tickets == 0
    }
}

fn told(run: &Run) -> String {
    let cause = run.named.as_deref().unwrap_or("no ticket");
    match run.detected_s {
        Some(after) => format!("{cause} after {after:.0} s"),
        None if run.false_tickets > 0 => format!("{} false tickets", run.false_tickets),
        None => cause.to_owned(),
    }
}

fn figures(was: &Summary, is: &Summary) -> Vec<Figure> {
    let figure = |name, old, new| Figure { name, old, new };
    let number = |count: usize| u32::try_from(count).ok().map(f64::from);
    vec![
        figure("top-1", Some(was.top1.value), Some(is.top1.value)),
        figure(
            "mechanism",
            Some(was.mechanism.value),
            Some(is.mechanism.value),
        ),
        figure(
            "appropriate action",
            Some(was.appropriate.value),
            Some(is.appropriate.value),
        ),
        figure(
            "suspected, median s",
            was.suspected_median_s,
            is.suspected_median_s,
        ),
        figure("ticket, median s", was.detect_median_s, is.detect_median_s),
        figure("missed", number(was.missed), number(is.missed)),
        figure("harmful", number(was.harmful), number(is.harmful)),
        figure(
            "false tickets a day",
            Some(was.false_tickets_per_day),
            Some(is.false_tickets_per_day),
        ),
        figure(
            "calibration error",
            was.calibration_error,
            is.calibration_error,
        ),
    ]
}

fn beyond(was: &Summary, is: &Summary, tolerances: Tolerances) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |is_beyond: bool, text: String| {
        if is_beyond {
            found.push(text);
        }
    };
    let loss = was.top1.value - is.top1.value;
    check(
        loss > tolerances.top1 + 1e-9,
        format!("top-1 lost {loss:.3}"),
    );
    let loss = was.mechanism.value - is.mechanism.value;
    check(
        loss > tolerances.mechanism + 1e-9,
        format!("mechanism lost {loss:.3}"),
    );
    if let (Some(was), Some(is)) = (was.detect_median_s, is.detect_median_s) {
        let limit = was * (1.0 + tolerances.detect_median);
        check(
            is > limit,
            format!("the median time to the ticket grew from {was:.0} s to {is:.0} s"),
        );
    }
    let further = is.missed.saturating_sub(was.missed);
    check(
        further > tolerances.missed,
        format!("{further} further faults were missed"),
    );
    let further = is.harmful.saturating_sub(was.harmful);
    check(
        further > tolerances.harmful,
        format!("{further} further harmful recommendations"),
    );
    let growth = is.false_tickets_per_day - was.false_tickets_per_day;
    check(
        growth > tolerances.false_tickets_per_day + 1e-9,
        format!("{growth:.2} further false tickets a day"),
    );
    found
}
