//! Time series: what they are and where they are kept. The arithmetic is in [`crate::series`].

use crate::model::Timestamp;
use std::collections::{BTreeMap, VecDeque};
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
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
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

/// A bounded ring of samples, oldest first, strictly increasing in time.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// The samples that are kept.
    pub samples: VecDeque<Sample>,
}

/// All kept series, by metric name and then by labels. Cloning is cheap enough for a snapshot:
/// series are shared, and copied only when a later tick appends to one that a snapshot still holds.
#[derive(Debug, Clone, Default)]
pub struct SeriesStore {
    /// Metric name → key → samples.
    pub by_metric: BTreeMap<String, BTreeMap<SeriesKey, Arc<Series>>>,
}
