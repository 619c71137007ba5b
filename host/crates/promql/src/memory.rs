//! Series in memory.

use super::source::{Labels, METRIC_NAME, Samples, SeriesSource};
use std::collections::{BTreeMap, VecDeque};

/// How old the newest sample of a current series may be: Prometheus' default.
const LOOKBACK_MS: u64 = 300_000;

/// Series in memory, in the order of their labels. Samples must be pushed in the order of time.
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    series: BTreeMap<Labels, Recent>,
}

/// Samples with their times; a sample without a value marks the end of the series, as in Prometheus.
#[derive(Debug, Clone, Default)]
struct Recent(VecDeque<(u64, Option<f64>)>);

impl MemorySource {
    /// Appends a sample.
    pub fn push(&mut self, labels: Labels, at_ms: u64, value: f64) {
        let samples = &mut self.series.entry(labels).or_default().0;
        samples.push_back((at_ms, Some(value)));
    }

    /// Marks series as ended that `is_affected` accepts and that got no sample at `at_ms`.
    pub fn mark_ended(&mut self, at_ms: u64, is_affected: impl Fn(&Labels) -> bool) {
        let series = self.series.iter_mut();
        for (_, Recent(samples)) in series.filter(|(labels, _)| is_affected(labels)) {
            let is_open =
                |(last_ms, value): &(u64, Option<f64>)| *last_ms < at_ms && value.is_some();
            if samples.back().is_some_and(is_open) {
                samples.push_back((at_ms, None));
            }
        }
    }

    /// Drops samples from before `ms`, and series without samples.
    pub fn drop_before(&mut self, ms: u64) {
        self.series.retain(|_, Recent(samples)| {
            while samples.front().is_some_and(|(at_ms, _)| *at_ms < ms) {
                samples.pop_front();
            }
            !samples.is_empty()
        });
    }

    /// The labels of every series that has a sample, ended or not.
    pub fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.keys()
    }
}

impl SeriesSource for MemorySource {
    fn visit(&self, metric: Option<&str>, visit: &mut dyn FnMut(&Labels, &dyn Samples)) {
        let is_named = |labels: &Labels| {
            metric.is_none_or(|metric| labels.get(METRIC_NAME).is_some_and(|name| name == metric))
        };
        for (labels, samples) in self.series.iter().filter(|(labels, _)| is_named(labels)) {
            visit(labels, samples);
        }
    }
}

impl Samples for Recent {
    fn value_at(&self, at_ms: u64) -> Option<f64> {
        let newest = self.0.iter().rev();
        let (last_ms, value) = newest.into_iter().find(|(ms, _)| *ms <= at_ms)?;
        value.filter(|_| at_ms - last_ms < LOOKBACK_MS)
    }

    fn values_in(&self, from_ms: u64, to_ms: u64) -> Vec<(u64, f64)> {
        let inside = self.0.iter();
        let inside = inside.filter(|(at_ms, _)| (from_ms..=to_ms).contains(at_ms));
        inside
            .filter_map(|(at_ms, value)| Some((*at_ms, (*value)?)))
            .collect()
    }
}
