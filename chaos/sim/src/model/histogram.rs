//! Histograms that are fed with whole distributions instead of single samples.
//!
//! In each step a stage serves some number of requests whose latencies are log-normal. Their share of each bucket
//! is added at once, so that a second of load costs the same however many requests it holds.

use super::number::real_len;
use operator_exposition::Buckets;
use std::sync::OnceLock;

/// The upper bounds of a histogram's buckets, without `+Inf`.
#[derive(Debug)]
pub(crate) struct Layout {
    bounds: Vec<f64>,
    /// Natural logarithms of the bounds.
    logs: Vec<f64>,
    /// The bounds as the exposition writes them, `+Inf` last.
    labels: Vec<String>,
}

impl Layout {
    /// Bounds that grow by a factor, as both client libraries build them: by repeated multiplication.
    pub(crate) fn exponential(first: f64, factor: f64, count: usize) -> Self {
        Self::of(
            std::iter::successors(Some(first), |bound| Some(bound * factor))
                .take(count)
                .collect(),
        )
    }

    /// These bounds.
    pub(crate) fn of(bounds: Vec<f64>) -> Self {
        let logs = bounds.iter().map(|bound| bound.ln()).collect();
        let labels = bounds
            .iter()
            .map(f64::to_string)
            .chain([String::from("+Inf")])
            .collect();
        Self {
            bounds,
            logs,
            labels,
        }
    }
}

/// A cumulative histogram. Its counts are expectations: real numbers, shown as their whole part.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    layout: &'static Layout,
    /// Samples in each bucket alone; the last one is above all bounds.
    buckets: Vec<f64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram.
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            buckets: vec![0.0; layout.bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Adds `count` samples with this median, log-normal with this sigma.
    pub(crate) fn observe(&mut self, count: f64, median: f64, sigma: f64) {
        if count <= 0.0 || median <= 0.0 {
            return;
        }
        let log_median = median.ln();
        let low = log_median - SIGMAS * sigma;
        let high = log_median + SIGMAS * sigma;
        let mut below = 0.0;
        // `zip` ends before the last bucket, which has no bound; buckets that get nothing are passed over quickly.
        for (bucket, log_bound) in self.buckets.iter_mut().zip(&self.layout.logs) {
            if *log_bound <= low {
                continue;
            }
            let share = if *log_bound >= high {
                1.0
            } else {
                normal_share((log_bound - log_median) / sigma)
            };
            *bucket += count * (share - below);
            below = share;
            if *log_bound >= high {
                break;
            }
        }
        if let Some(last) = self.buckets.last_mut() {
            *last += count * (1.0 - below);
        }
        self.sum += count * median * (sigma * sigma / 2.0).exp();
    }

    /// Adds `count` samples of exactly this value.
    pub(crate) fn observe_exactly(&mut self, count: f64, value: f64) {
        let index = self.layout.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket += count;
        }
        self.sum += count * value;
    }

    /// How many samples were added: the count that the exposition shows.
    pub(crate) fn samples(&self) -> f64 {
        self.cumulative().last().map_or(0.0, |(_, count)| count)
    }
}

impl Buckets for Histogram {
    /// Whole parts, so that the last one is also the count.
    fn cumulative(&self) -> impl Iterator<Item = (&str, f64)> {
        let mut total = 0.0;
        let counts = self.buckets.iter().map(move |bucket| {
            total += bucket;
            // Sums of shares lose about 1e-12 of a sample; a whole one must not vanish by that.
            (total + 1e-6_f64).floor()
        });
        self.layout.labels.iter().map(String::as_str).zip(counts)
    }

    fn sum(&self) -> f64 {
        self.sum
    }
}

/// Steps of the table for one standard deviation.
const STEPS_PER_SIGMA: f64 = 64.0;
/// Beyond this many standard deviations less than one sample in 30 000 is left.
const SIGMAS: f64 = 4.0;

/// The share of a normal distribution below `z` standard deviations.
pub(crate) fn normal_share(z: f64) -> f64 {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table = TABLE.get_or_init(normal_table);
    let position = (z + SIGMAS) * STEPS_PER_SIGMA;
    if position <= 0.0 {
        return 0.0;
    }
    let index = usize::try_from(super::number::whole(position)).unwrap_or(usize::MAX);
    let (Some(low), Some(high)) = (table.get(index), table.get(index.saturating_add(1))) else {
        return 1.0;
    };
    low + (high - low) * (position - real_len(index))
}

/// The normal distribution by numerical integration (Simpson), scaled to end at exactly 1.
fn normal_table() -> Vec<f64> {
    let step = 1.0 / STEPS_PER_SIGMA;
    let density = |z: f64| (-z * z / 2.0).exp();
    let mut table = vec![0.0];
    let mut total = 0.0;
    let mut z = -SIGMAS;
    while z < SIGMAS - step / 2.0 {
        total += step / 6.0 * (density(z) + 4.0 * density(z + step / 2.0) + density(z + step));
        table.push(total);
        z += step;
    }
    table.iter().map(|share| share / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> &'static Layout {
        static LAYOUT: OnceLock<Layout> = OnceLock::new();
        LAYOUT.get_or_init(|| Layout::exponential(0.001, 2.0, 8))
    }

    #[test]
    fn the_normal_table_matches_known_quantiles() {
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.841_34),
            (-1.644_85, 0.05),
            (2.326_35, 0.99),
        ] {
            assert!(
                (normal_share(z) - share).abs() < 2e-4,
                "{z} {}",
                normal_share(z)
            );
        }
        assert_eq!(
            (normal_share(-9.0).to_bits(), normal_share(9.0).to_bits()),
            (0.0_f64.to_bits(), 1.0_f64.to_bits())
        );
    }

    #[test]
    fn half_of_the_samples_lie_below_the_median() {
        let mut histogram = Histogram::new(layout());
        histogram.observe(1_000.0, 0.004, 0.6);
        let below = histogram
            .cumulative()
            .find(|(label, _)| *label == "0.004")
            .unwrap()
            .1;
        assert!((499.0..=501.0).contains(&below), "{below}");
        assert!((histogram.samples() - 1_000.0).abs() < 0.5);
    }

    #[test]
    fn buckets_are_cumulative_and_end_at_the_count() {
        let mut histogram = Histogram::new(layout());
        histogram.observe(33.3, 0.01, 1.0);
        histogram.observe_exactly(4.0, 0.002);
        let counts: Vec<f64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert!(counts.is_sorted(), "{counts:?}");
        assert!((counts.last().unwrap() - 37.0).abs() < 0.5, "{counts:?}");
    }
}
