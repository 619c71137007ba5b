//! Arithmetic on collected time series: ingest, rates, quantiles.
//!
//! [`SeriesStore`] is the data; what
//! can be done with it is here. Nothing here reads a clock: every time is given by the caller and
//! comes from the observed clock.

pub mod exposition;
mod plan_cache;
mod quantile;
mod reduce;
mod samples;
mod select;
mod store;
mod types;

pub use plan_cache::GroupKey;
pub use quantile::bucket_metric;
pub use samples::Series;
pub use select::SeriesSelection;
pub use store::{IngestSummary, SeriesLimits};
pub use types::{Sample, SeriesKey, SeriesStore};

/// Series of one answer. More would not fit the table that a plugin gets in one piece.
pub const SERIES_SELECTED_MAX: usize = 100_000;

/// Why a question on series has no answer. Mirrors `wit/metrics.wit`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// No series with this name is kept. A missing series is a finding, not a zero.
    #[error("no series of the metric {0:?} was collected")]
    NoSuchMetric(String),
    /// There are series, but too few samples in the window.
    #[error("too few samples in the window")]
    TooFewSamples,
    /// More series match than the limit allows.
    #[error("{0} series match, the limit is {SERIES_SELECTED_MAX}")]
    TooManySeries(u64),
    /// The question makes no sense, for example a quantile of 2.
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    /// No Prometheus is configured, or it did not answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
}
