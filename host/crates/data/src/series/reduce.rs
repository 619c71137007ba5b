//! How the samples of a window become one value. As in Prometheus, but without extrapolation to the
//! borders of the window: a rate is what was seen between the first and the last sample.

use crate::{Sample, Series};
use operator_model::Timestamp;
use operator_model::knowledge::Reduction;

/// The value of a series over `(now - window, now]`, if it has enough samples. NaN samples
/// are no observations, and a result that is not a number is no answer.
pub(super) fn reduce(
    series: &Series,
    now: Timestamp,
    window_ms: u64,
    reduction: Reduction,
) -> Option<f64> {
    let samples = || window(series, now, window_ms);
    let values = || samples().map(|sample| sample.value);
    let value = match reduction {
        Reduction::Last => newest(series, now, window_ms),
        Reduction::Min => values().reduce(f64::min),
        Reduction::Max => values().reduce(f64::max),
        Reduction::Mean => mean(values()),
        Reduction::Count => counted(values()),
        Reduction::Delta => ends(samples()).map(|(first, last)| last.value - first.value),
        Reduction::Increase => grown(samples()).map(|(_, increase)| increase),
        Reduction::Rate => grown(samples()).map(|(seconds, increase)| increase / seconds),
    };
    value.filter(|value| !value.is_nan())
}

/// Samples of the window, oldest first, without NaN.
fn window(series: &Series, now: Timestamp, window_ms: u64) -> impl Iterator<Item = Sample> + Clone {
    let begin = now.0.checked_sub(window_ms).map(Timestamp);
    series
        .window(begin, now)
        .filter(|sample| !sample.value.is_nan())
}

/// The value of the youngest sample of the window, without reading the others: gauges are asked for
/// little else.
fn newest(series: &Series, now: Timestamp, window_ms: u64) -> Option<f64> {
    let is_inside = |sample: &Sample| {
        now.0
            .checked_sub(window_ms)
            .is_none_or(|begin| sample.at.0 > begin)
    };
    let mut young = series
        .iter()
        .rev()
        .skip_while(|sample| sample.at > now)
        .take_while(is_inside);
    young
        .find(|sample| !sample.value.is_nan())
        .map(|sample| sample.value)
}

/// First and last of at least two samples.
fn ends(mut samples: impl Iterator<Item = Sample>) -> Option<(Sample, Sample)> {
    Some((samples.next()?, samples.last()?))
}

/// Seconds between the first and the last of at least two samples, and the growth of a counter
/// between them: a value below the one before it means that the process began again at 0.
fn grown(mut samples: impl Iterator<Item = Sample>) -> Option<(f64, f64)> {
    let first = samples.next()?;
    let (last, increase) = samples.fold((first, 0.0), |(before, increase), sample| {
        let from = if sample.value < before.value {
            0.0
        } else {
            before.value
        };
        (sample, increase + (sample.value - from))
    });
    (last.at > first.at).then(|| (seconds(first.at, last.at), increase))
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let sum: f64 = values.clone().sum();
    counted(values).map(|count| sum / count)
}

/// How many there are, if there are any.
#[expect(
    clippy::cast_precision_loss,
    reason = "a ring holds a few hundred samples"
)]
fn counted(values: impl Iterator<Item = f64>) -> Option<f64> {
    let count = values.count();
    (count > 0).then_some(count as f64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a window is far shorter than 2^53 ms"
)]
fn seconds(first: Timestamp, last: Timestamp) -> f64 {
    last.since_ms(first) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(samples: &[(u64, f64)]) -> Series {
        samples
            .iter()
            .map(|(at, value)| Sample {
                at: Timestamp(*at),
                value: *value,
            })
            .collect()
    }

    fn check(samples: &[(u64, f64)], reduction: Reduction, expected: Option<f64>) {
        assert_eq!(
            reduce(&series(samples), Timestamp(60_000), 60_000, reduction),
            expected,
            "{reduction:?}"
        );
    }

    #[test]
    fn every_reduction_of_a_plain_window() {
        let samples = [(15_000, 10.0), (30_000, 40.0), (45_000, 25.0)];
        check(&samples, Reduction::Last, Some(25.0));
        check(&samples, Reduction::Min, Some(10.0));
        check(&samples, Reduction::Max, Some(40.0));
        check(&samples, Reduction::Mean, Some(25.0));
        check(&samples, Reduction::Count, Some(3.0));
        check(&samples, Reduction::Delta, Some(15.0));
    }

    #[test]
    fn a_counter_that_begins_again_loses_nothing_that_was_seen() {
        let samples = [
            (10_000, 100.0),
            (20_000, 110.0),
            (30_000, 5.0),
            (40_000, 8.0),
        ];
        check(&samples, Reduction::Increase, Some(18.0));
        check(&samples, Reduction::Rate, Some(0.6));
    }

    #[test]
    fn a_rate_is_not_stretched_to_the_borders_of_the_window() {
        check(&[(50_000, 0.0), (60_000, 10.0)], Reduction::Rate, Some(1.0));
    }

    #[test]
    fn the_window_is_open_at_its_beginning_and_closed_at_its_end() {
        let series = series(&[(1_000, 1.0), (2_000, 2.0), (3_000, 3.0), (4_000, 4.0)]);
        assert_eq!(
            reduce(&series, Timestamp(3_000), 2_000, Reduction::Count),
            Some(2.0)
        );
    }

    #[test]
    fn one_sample_tells_no_rate_and_none_tells_nothing() {
        check(&[(50_000, 1.0)], Reduction::Rate, None);
        check(&[(50_000, 1.0)], Reduction::Increase, None);
        check(&[(50_000, 1.0)], Reduction::Delta, None);
        check(&[(50_000, 1.0)], Reduction::Last, Some(1.0));
        check(&[], Reduction::Count, None);
    }

    #[test]
    fn nan_is_no_observation() {
        check(
            &[(10_000, 1.0), (20_000, f64::NAN)],
            Reduction::Last,
            Some(1.0),
        );
        check(&[(10_000, f64::NAN)], Reduction::Max, None);
        check(
            &[(10_000, f64::INFINITY), (20_000, f64::INFINITY)],
            Reduction::Delta,
            None,
        );
    }

    proptest! {
        #[test]
        fn the_rate_of_a_counter_is_never_negative(values in prop::collection::vec(0.0_f64..1e12, 2..40)) {
            let samples: Vec<(u64, f64)> = (1..).map(|n| n * 1_000).zip(values).collect();
            let rate = reduce(&series(&samples), Timestamp(60_000), 60_000, Reduction::Rate);
            prop_assert!(rate.is_some_and(|rate| rate >= 0.0));
        }

        #[test]
        fn the_increase_of_a_counter_without_resets_is_its_delta(steps in prop::collection::vec(0_u32..1_000_000, 2..40)) {
            let totals = steps.iter().scan(0_u32, |total, step| { *total += step; Some(f64::from(*total)) });
            let samples: Vec<(u64, f64)> = (1..).map(|n| n * 1_000).zip(totals).collect();
            let of = |reduction| reduce(&series(&samples), Timestamp(60_000), 60_000, reduction);
            prop_assert_eq!(of(Reduction::Increase), of(Reduction::Delta));
        }
    }
}
