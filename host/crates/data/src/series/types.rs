//! Time series: what they are and where they are kept. The arithmetic is in [`crate::series`].

use crate::series::plan_cache::Plans;
use crate::series::samples::Series;
use operator_model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Metric name and sorted labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Name as exposed, suffixes such as `_bucket` included.
    pub metric: String,
    /// Label names and values, sorted by name.
    pub labels: Vec<(String, String)>,
}

impl SeriesKey {
    /// Value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One value at one time (of the observed clock).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was collected.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

/// All kept series, by metric name and then by labels.
///
/// Every snapshot holds a copy, and the next tick appends to every series, so copies share what
/// does not change: the keys of a metric, and the samples.
#[derive(Debug, Clone, Default)]
pub struct SeriesStore {
    pub(crate) by_metric: BTreeMap<Arc<str>, Arc<OfMetric>>,
    /// When series were last looked through for those that are too old.
    pub(crate) aged_at: Option<Timestamp>,
    pub(crate) plans: Arc<Plans>,
}

/// The series of one metric: a key and its samples stand at the same position.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfMetric {
    /// Sorted.
    pub(crate) keys: Arc<Vec<Arc<SeriesKey>>>,
    pub(crate) series: Vec<Series>,
}

impl SeriesStore {
    /// Names of all metrics, sorted.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.by_metric.keys().map(AsRef::as_ref)
    }

    /// All series, sorted by their keys.
    pub fn all(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        self.by_metric
            .values()
            .flat_map(|of_metric| of_metric.iter())
    }

    /// The series of this key.
    #[must_use]
    pub fn get(&self, key: &SeriesKey) -> Option<&Series> {
        let of_metric = self.by_metric.get(key.metric.as_str())?;
        of_metric.series.get(of_metric.position(key).ok()?)
    }

    /// Number of kept series.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.by_metric
            .values()
            .map(|of_metric| of_metric.series.len())
            .sum()
    }

    /// The series of this key, empty if there was none.
    pub fn entry(&mut self, key: &Arc<SeriesKey>) -> Option<&mut Series> {
        if !self.by_metric.contains_key(key.metric.as_str()) {
            self.by_metric
                .insert(key.metric.as_str().into(), Arc::default());
        }
        let of_metric = Arc::make_mut(self.by_metric.get_mut(key.metric.as_str())?);
        let position = of_metric.position(key).unwrap_or_else(|position| {
            Arc::make_mut(&mut of_metric.keys).insert(position, Arc::clone(key));
            of_metric.series.insert(position, Series::default());
            position
        });
        of_metric.series.get_mut(position)
    }

    /// Forgets the series of which `keep` does not hold, and names that have none left; returns
    /// their number.
    pub fn retain(&mut self, mut keep: impl FnMut(&SeriesKey, &Series) -> bool) -> usize {
        let before = self.series_count();
        for of_metric in self.by_metric.values_mut() {
            let kept: Vec<bool> = of_metric
                .iter()
                .map(|(key, series)| keep(key, series))
                .collect();
            if kept.iter().all(|kept| *kept) {
                continue;
            }
            let OfMetric { keys, series } = Arc::make_mut(of_metric);
            let mut of_keys = kept.iter();
            let mut of_series = kept.iter();
            Arc::make_mut(keys).retain(|_| of_keys.next().is_none_or(|kept| *kept));
            series.retain(|_| of_series.next().is_none_or(|kept| *kept));
        }
        self.by_metric
            .retain(|_, of_metric| !of_metric.series.is_empty());
        before - self.series_count()
    }
}

impl OfMetric {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        self.keys.iter().map(AsRef::as_ref).zip(&self.series)
    }

    /// Where the key is, or where it belongs.
    pub(crate) fn position(&self, key: &SeriesKey) -> Result<usize, usize> {
        self.keys
            .binary_search_by(|kept| kept.labels.cmp(&key.labels))
    }
}
