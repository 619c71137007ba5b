//! Where series come from.

use std::collections::BTreeMap;

/// Label names and values of one series; the metric name is the label [`METRIC_NAME`].
pub type Labels = BTreeMap<String, String>;

/// The label that holds the name of the metric.
pub const METRIC_NAME: &str = "__name__";

/// A store of series that can be queried.
pub trait SeriesSource {
    /// Calls `visit` once for each series, in the order of their labels.
    ///
    /// With `metric`, series of other metrics may be left out: the evaluator discards them anyway.
    fn visit(&self, metric: Option<&str>, visit: &mut dyn FnMut(&Labels, &dyn Samples));
}

/// The samples of one series.
pub trait Samples {
    /// The value that is current at `at_ms`: the newest sample up to then, unless the series has ended
    /// or that sample is too old. Prometheus looks back five minutes.
    fn value_at(&self, at_ms: u64) -> Option<f64>;

    /// Time and value of each sample from `from_ms` to `to_ms`, both included, oldest first.
    fn values_in(&self, from_ms: u64, to_ms: u64) -> Vec<(u64, f64)>;
}
