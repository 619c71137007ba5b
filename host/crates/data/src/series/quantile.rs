//! Quantiles of histograms, as `histogram_quantile` of Prometheus computes them
//! (promql/quantile.go, `bucketQuantile`).

use super::SeriesError;
use super::reduce::reduce;
use super::select::{SeriesSelection, VALUE, label_table};
use crate::series::plan_cache::{GroupKey, Member};
use crate::tables::Column;
use crate::{SeriesStore, Table};
use operator_model::Timestamp;
use operator_model::knowledge::{Reduction, Selector};

/// Upper bound and cumulative count of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    upper: f64,
    count: f64,
}

impl SeriesStore {
    /// Quantile (0 to 1) of a histogram over `(now - window, now]`, a row for each group of `by`
    /// (one row in all when `by` is empty). Columns: `by`, `value`, and `samples` (observations
    /// counted in the window). Groups without observations have no row.
    ///
    /// # Errors
    /// A quantile outside 0 to 1, no such histogram, or no observation at all.
    pub fn quantile(
        &self,
        now: Timestamp,
        quantile: f64,
        selector: &Selector,
        window_ms: u64,
        by: &[String],
    ) -> Result<Table, SeriesError> {
        if !(0.0..=1.0).contains(&quantile) {
            return Err(SeriesError::InvalidQuery(format!(
                "quantile {quantile} is not between 0 and 1"
            )));
        }
        let picked = self.pick(&bucket_metric(selector), selector, by)?;
        let answers: Vec<(&GroupKey, (f64, f64))> =
            picked.quantiles(now, quantile, window_ms).collect();
        if answers.is_empty() {
            return Err(SeriesError::TooFewSamples);
        }
        let column = |pick: fn(&(f64, f64)) -> f64| {
            Column::Floats(
                answers
                    .iter()
                    .map(|(_, answer)| Some(pick(answer)))
                    .collect(),
            )
        };
        let numbers = vec![
            (VALUE, column(|answer| answer.0)),
            ("samples", column(|answer| answer.1)),
        ];
        label_table(
            &selector.metric,
            by,
            answers.iter().map(|(key, _)| *key),
            numbers,
        )
    }
}

/// The name under which the buckets of a histogram are exposed.
#[must_use]
pub fn bucket_metric(histogram: &Selector) -> String {
    format!("{}_bucket", histogram.metric)
}

impl SeriesSelection<'_> {
    /// Quantile and number of observations of each group that has any.
    pub fn quantiles(
        &self,
        now: Timestamp,
        quantile: f64,
        window_ms: u64,
    ) -> impl Iterator<Item = (&GroupKey, (f64, f64))> {
        let bucket = move |member: &Member| {
            let count = reduce(self.of(*member)?, now, window_ms, Reduction::Increase)?;
            (!member.upper.is_nan()).then_some(Bucket {
                upper: member.upper,
                count,
            })
        };
        self.groups().filter_map(move |(key, members)| {
            Some((
                key,
                bucket_quantile(quantile, members.iter().filter_map(bucket).collect())?,
            ))
        })
    }
}

/// The quantile and the number of observations; nothing without a `+Inf` bucket or observations.
fn bucket_quantile(quantile: f64, buckets: Vec<Bucket>) -> Option<(f64, f64)> {
    let buckets = coalesce(buckets);
    let (last, finite) = buckets.split_last()?;
    if last.upper != f64::INFINITY || finite.is_empty() || last.count <= 0.0 {
        return None;
    }
    let rank = quantile * last.count;
    let Some(index) = finite.iter().position(|bucket| bucket.count >= rank) else {
        // Beyond the last finite bound: that bound is the best estimate.
        return finite.last().map(|bucket| (bucket.upper, last.count));
    };
    let bucket = finite.get(index)?;
    let below = index.checked_sub(1).and_then(|index| finite.get(index));
    if below.is_none() && bucket.upper <= 0.0 {
        return Some((bucket.upper, last.count));
    }
    let (start, count_below) = below.map_or((0.0, 0.0), |below| (below.upper, below.count));
    let inside = bucket.count - count_below;
    let share = if inside > 0.0 {
        (rank - count_below) / inside
    } else {
        0.0
    };
    Some((start + (bucket.upper - start) * share, last.count))
}

/// Sorted by bound, equal bounds summed (several series of one group), counts made to rise: buckets
/// that were read while they changed may be out of step by a few observations.
fn coalesce(mut sorted: Vec<Bucket>) -> Vec<Bucket> {
    sorted.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    let mut merged: Vec<Bucket> = Vec::with_capacity(sorted.len());
    for bucket in sorted {
        match merged.last_mut() {
            Some(last) if last.upper.total_cmp(&bucket.upper).is_eq() => last.count += bucket.count,
            _ => merged.push(bucket),
        }
    }
    let mut highest = 0.0_f64;
    for bucket in &mut merged {
        highest = highest.max(bucket.count);
        bucket.count = highest;
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::select::tests::{by, selector, store};

    const NOW: Timestamp = Timestamp(15_000);

    fn buckets(counts: &[(f64, f64)]) -> Vec<Bucket> {
        counts
            .iter()
            .map(|(upper, count)| Bucket {
                upper: *upper,
                count: *count,
            })
            .collect()
    }

    #[test]
    fn the_quantile_is_interpolated_inside_its_bucket() {
        let counts = buckets(&[(1.0, 10.0), (2.0, 30.0), (4.0, 40.0), (f64::INFINITY, 40.0)]);
        assert_eq!(bucket_quantile(0.5, counts.clone()), Some((1.5, 40.0)));
        assert_eq!(bucket_quantile(0.125, counts.clone()), Some((0.5, 40.0)));
        assert_eq!(bucket_quantile(1.0, counts), Some((4.0, 40.0)));
    }

    #[test]
    fn beyond_the_last_bound_that_bound_is_the_answer() {
        assert_eq!(
            bucket_quantile(0.9, buckets(&[(1.0, 1.0), (f64::INFINITY, 10.0)])),
            Some((1.0, 10.0))
        );
    }

    #[test]
    fn a_first_bucket_below_zero_is_not_interpolated_from_zero() {
        let counts = buckets(&[(-1.0, 5.0), (1.0, 10.0), (f64::INFINITY, 10.0)]);
        assert_eq!(bucket_quantile(0.2, counts), Some((-1.0, 10.0)));
    }

    #[test]
    fn histograms_without_observations_or_without_an_end_say_nothing() {
        assert_eq!(
            bucket_quantile(0.5, buckets(&[(1.0, 0.0), (f64::INFINITY, 0.0)])),
            None
        );
        assert_eq!(
            bucket_quantile(0.5, buckets(&[(1.0, 3.0), (2.0, 4.0)])),
            None
        );
        assert_eq!(bucket_quantile(0.5, buckets(&[(f64::INFINITY, 4.0)])), None);
    }

    #[test]
    fn groups_sum_their_series_and_silent_groups_are_left_out() {
        let store = store(&[
            ("h_bucket", &[("node", "1"), ("le", "1")], &[0.0, 4.0]),
            ("h_bucket", &[("node", "1"), ("le", "+Inf")], &[0.0, 8.0]),
            (
                "h_bucket",
                &[("node", "1"), ("op", "x"), ("le", "1.0")],
                &[0.0, 4.0],
            ),
            (
                "h_bucket",
                &[("node", "1"), ("op", "x"), ("le", "+Inf")],
                &[0.0, 0.0],
            ),
            ("h_bucket", &[("node", "2"), ("le", "1")], &[7.0, 7.0]),
            ("h_bucket", &[("node", "2"), ("le", "+Inf")], &[9.0, 9.0]),
        ]);
        let table = store
            .quantile(NOW, 0.5, &selector("h", vec![]), 60_000, &by(&["node"]))
            .unwrap();
        assert_eq!((table.rows, table.text(0, "node")), (1, Some("1")));
        assert_eq!(table.floats("value", 0, 1).unwrap(), [0.5]);
        assert_eq!(table.floats("samples", 0, 1).unwrap(), [8.0]);
    }

    #[test]
    fn wrong_questions_are_told_apart_from_missing_data() {
        let store = store(&[("h_bucket", &[("le", "+Inf")], &[1.0])]);
        let ask = |metric: &str, quantile| {
            store.quantile(NOW, quantile, &selector(metric, vec![]), 60_000, &[])
        };
        assert!(matches!(ask("h", 2.0), Err(SeriesError::InvalidQuery(_))));
        assert_eq!(
            ask("x", 0.5).unwrap_err(),
            SeriesError::NoSuchMetric("x".to_owned())
        );
        assert_eq!(ask("h", 0.5).unwrap_err(), SeriesError::TooFewSamples);
    }
}
