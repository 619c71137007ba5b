//! What was observed, as data: columnar tables, time series, and the frozen snapshot of a tick.

pub mod freeze;
pub mod observed;
pub mod series;
pub mod snapshot;
pub mod tables;

pub use observed::Observed;
pub use series::{Sample, Series, SeriesKey, SeriesStore};
pub use snapshot::Snapshot;
pub use tables::{Field, Kind, Table};
