//! Functions of windows, groups, numbers and histograms, as Prometheus 2 computes them.

use super::source::{Labels, METRIC_NAME};
use super::value::{Point, Window};
use std::collections::BTreeMap;

/// A function of one number.
pub(crate) fn of_number(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "round" => |value| (value + 0.5).floor(),
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        _ => return None,
    })
}

/// A function of a window; its result is `None` where there are too few samples.
pub(crate) fn of_window(name: &str) -> Option<fn(&Window) -> Option<f64>> {
    Some(match name {
        "rate" => |window| Some(extrapolated(window, true)? / window.seconds()),
        "increase" => |window| extrapolated(window, true),
        "delta" => |window| extrapolated(window, false),
        "irate" => |window| {
            let [before, last] = window.last_two()?;
            let grown = if last.1 < before.1 {
                last.1
            } else {
                last.1 - before.1
            };
            Some(grown / seconds(last.0 - before.0))
        },
        "idelta" => |window| window.last_two().map(|[before, last]| last.1 - before.1),
        "resets" => |window| {
            Some(count(
                window
                    .pairs()
                    .filter(|(before, after)| after < before)
                    .count(),
            ))
        },
        "changes" => |window| {
            Some(count(
                window
                    .pairs()
                    .filter(|(before, after)| !same(*before, *after))
                    .count(),
            ))
        },
        "sum_over_time" => |window| Some(sum(&window.values())),
        "avg_over_time" => |window| Some(sum(&window.values()) / count(window.samples.len())),
        "min_over_time" => |window| window.values().into_iter().reduce(f64::min),
        "max_over_time" => |window| window.values().into_iter().reduce(f64::max),
        "count_over_time" => |window| Some(count(window.samples.len())),
        "last_over_time" => |window| window.samples.last().map(|(_, value)| *value),
        _ => return None,
    })
}

/// An aggregation of values, of which there is at least one.
pub(crate) fn of_group(name: &str) -> Option<fn(&[f64]) -> f64> {
    Some(match name {
        "sum" => sum,
        "avg" => |values| sum(values) / count(values.len()),
        "min" => |values| values.iter().copied().fold(f64::NAN, f64::min),
        "max" => |values| values.iter().copied().fold(f64::NAN, f64::max),
        "count" => |values| count(values.len()),
        "group" => |_| 1.0,
        _ => return None,
    })
}

/// The largest or smallest points of a group.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate"
)]
pub(crate) fn extreme(mut group: Vec<Point>, wanted: f64, largest: bool) -> Vec<Point> {
    group.sort_by(|a, b| {
        if largest {
            b.value.total_cmp(&a.value)
        } else {
            a.value.total_cmp(&b.value)
        }
    });
    group.truncate(wanted.max(0.0) as usize);
    group
}

/// `histogram_quantile`: buckets of the same labels but `le` are one histogram.
pub(crate) fn histogram_quantile(quantile: f64, buckets: Vec<Point>) -> Vec<Point> {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for Point { mut labels, value } in buckets {
        labels.remove(METRIC_NAME);
        let Some(bound) = labels.remove("le").and_then(|bound| bound.parse().ok()) else {
            continue;
        };
        histograms.entry(labels).or_default().push((bound, value));
    }
    let value = |mut buckets: Vec<(f64, f64)>| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        quantile_of(quantile, &buckets)
    };
    histograms
        .into_iter()
        .map(|(labels, buckets)| Point {
            labels,
            value: value(buckets),
        })
        .collect()
}

/// Linear within the bucket, as Prometheus does it.
fn quantile_of(quantile: f64, buckets: &[(f64, f64)]) -> f64 {
    let [inner @ .., (last, total)] = buckets else {
        return f64::NAN;
    };
    if inner.is_empty() || *last != f64::INFINITY || *total <= 0.0 || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    let rank = quantile * total;
    let mut low = 0.0;
    let mut below = 0.0;
    for (index, (bound, count)) in inner.iter().enumerate() {
        if *count >= rank {
            if index == 0 && *bound <= 0.0 {
                return *bound;
            }
            let within = count - below;
            return if within > 0.0 {
                low + (bound - low) * (rank - below) / within
            } else {
                *bound
            };
        }
        low = *bound;
        below = *count;
    }
    // The quantile lies above the last finite bound.
    low
}

/// The growth over a whole window, extrapolated from its samples.
///
/// Prometheus extrapolates beyond the first and last sample as far as the usual distance of samples allows,
/// and a counter never below zero (`promql/functions.go`, `extrapolatedRate`).
fn extrapolated(window: &Window, is_counter: bool) -> Option<f64> {
    let [first, .., last] = window.samples.as_slice() else {
        return None;
    };
    let lost: f64 = window
        .pairs()
        .filter(|(before, after)| is_counter && after < before)
        .map(|(before, _)| before)
        .sum();
    let grown = last.1 - first.1 + lost;
    let sampled_s = seconds(last.0 - first.0);
    let usual_s = sampled_s / count(window.samples.len() - 1);
    let extrapolate = |gap_s: f64| {
        if gap_s >= usual_s * 1.1 {
            usual_s / 2.0
        } else {
            gap_s
        }
    };
    let mut before_s = extrapolate(seconds(first.0 - window.from_ms));
    let after_s = extrapolate(seconds(window.to_ms - last.0));
    if is_counter && grown > 0.0 && first.1 >= 0.0 {
        before_s = before_s.min(sampled_s * (first.1 / grown));
    }
    Some(grown * (sampled_s + before_s + after_s) / sampled_s)
}

impl Window {
    fn values(&self) -> Vec<f64> {
        self.samples.iter().map(|(_, value)| *value).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.samples
            .iter()
            .zip(self.samples.iter().skip(1))
            .map(|((_, before), (_, after))| (*before, *after))
    }

    fn last_two(&self) -> Option<[(u64, f64); 2]> {
        self.samples.last_chunk().copied()
    }

    fn seconds(&self) -> f64 {
        seconds(self.to_ms - self.from_ms)
    }
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

#[expect(
    clippy::float_cmp,
    reason = "any difference is a change, as in Prometheus"
)]
fn same(before: f64, after: f64) -> bool {
    before == after || (before.is_nan() && after.is_nan())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "windows hold hundreds of samples"
)]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "windows are hours long")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
