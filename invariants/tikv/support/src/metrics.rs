//! Series of the store or member that exposes them.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Query, SeriesError, TableView, series};

/// Window of rates and quantiles: four scrapes at the usual 15 s, which is also the shortest window in TiKV's own
/// alert rules.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Values by label; rows without the label or with a value that is not finite are left out.
#[must_use]
pub fn by_key(table: &TableView, label: &str) -> BTreeMap<String, f64> {
    let pair =
        |row: operator_plugin::Row<'_>| Some((row.text(label)?.to_owned(), row.number("value")?));
    table
        .rows()
        .filter_map(pair)
        .filter(|(key, value)| !key.is_empty() && value.is_finite())
        .collect()
}

/// A counter with one more label, which TiKV exposes only after its first increment.
///
/// # Errors
/// If no metrics of any store were collected. If other metrics were, an absent counter means zero: an empty list.
pub fn rare_counter(
    query: &Query,
    label: &str,
    window: Duration,
) -> Result<Vec<Count>, SeriesError> {
    let grouped = query.clone().by("store").by(label);
    match grouped.last(window) {
        Ok(table) => Ok(counts(&table, label)),
        Err(SeriesError::NoSuchMetric(_) | SeriesError::TooFewSamples) => {
            collected(window).map(|_| Vec::new())
        }
        Err(other) => Err(other),
    }
}

/// A gauge that TiKV exposes only after it was first set: by store, zero where other metrics were collected.
///
/// # Errors
/// If no metrics of any store were collected.
pub fn rare_gauge(query: &Query, window: Duration) -> Result<BTreeMap<String, f64>, SeriesError> {
    let mut values = match query.clone().by("store").last(window) {
        Ok(table) => by_key(&table, "store"),
        Err(SeriesError::NoSuchMetric(_) | SeriesError::TooFewSamples) => BTreeMap::new(),
        Err(other) => return Err(other),
    };
    for store in collected(window)?.into_keys() {
        values.entry(store).or_insert(0.0);
    }
    Ok(values)
}

/// The value of a counter for one store and one label value.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Store id.
    pub store: String,
    /// Label value.
    pub label: String,
    /// Value of the counter.
    pub value: f64,
}

/// Rows of a table grouped by `store` and `label`.
#[must_use]
pub fn counts(table: &TableView, label: &str) -> Vec<Count> {
    let count = |row: operator_plugin::Row<'_>| {
        Some(Count {
            store: row.text("store")?.to_owned(),
            label: row.text(label).unwrap_or_default().to_owned(),
            value: row.number("value")?,
        })
    };
    table
        .rows()
        .filter_map(count)
        .filter(|count| !count.store.is_empty() && count.value.is_finite())
        .collect()
}

/// The stores whose metrics were collected.
fn collected(window: Duration) -> Result<BTreeMap<String, f64>, SeriesError> {
    series(COLLECTED)
        .by("store")
        .last(window)
        .map(|table| by_key(&table, "store"))
}

/// Why a metric could not be read; `what` is its name or what it measures.
#[must_use]
pub fn describe(error: &SeriesError, what: &str) -> String {
    match error {
        SeriesError::NoSuchMetric(metric) => {
            format!("{metric} was not collected from any process")
        }
        SeriesError::TooFewSamples => format!("{what}: fewer than two samples in the window"),
        SeriesError::TooManySeries(limit) => format!("{what}: more than {limit} series match"),
        SeriesError::InvalidQuery(reason) => {
            format!("internal error: invalid query for {what}: {reason}")
        }
        SeriesError::Unavailable(reason) | SeriesError::Other(reason) => {
            format!("{what} is unavailable: {reason}")
        }
    }
}

/// Exposed by every version of TiKV from its start.
pub const COLLECTED: &str = "tikv_thread_cpu_seconds_total";
