//! Reading of series by entity.

use std::collections::BTreeMap;

use operator_plugin::{MetricsError, Query, TableView, series};

/// The window of rates and quantiles: four scrapes at the usual 15 s, the least that upstream's rules use too.
pub const WINDOW_MS: u64 = 60_000;

/// Values by the key of the entity; rows without one are left out.
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

/// A counter with one more label, which TiKV exposes only once it has counted something.
///
/// # Errors
/// When no store's metrics were collected at all. An absent counter beside collected metrics reads as an empty list:
/// it has counted nothing.
pub fn rare_counter(
    query: &Query,
    label: &str,
    window_ms: u64,
) -> Result<Vec<Count>, MetricsError> {
    let grouped = query.clone().by("store").by(label);
    match grouped.last(window_ms) {
        Ok(table) => Ok(counts(&table, label)),
        Err(MetricsError::NoSuchMetric(_) | MetricsError::TooFewSamples) => {
            collected(window_ms).map(|_| Vec::new())
        }
        Err(other) => Err(other),
    }
}

/// A gauge that TiKV exposes only once it was set: by store, zero where metrics were collected without it.
///
/// # Errors
/// When no store's metrics were collected at all.
pub fn rare_gauge(query: &Query, window_ms: u64) -> Result<BTreeMap<String, f64>, MetricsError> {
    let mut values = match query.clone().by("store").last(window_ms) {
        Ok(table) => by_key(&table, "store"),
        Err(MetricsError::NoSuchMetric(_) | MetricsError::TooFewSamples) => BTreeMap::new(),
        Err(other) => return Err(other),
    };
    for store in collected(window_ms)?.into_keys() {
        values.entry(store).or_insert(0.0);
    }
    Ok(values)
}

/// What a counter says of one store and one value of its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Key of the store.
    pub store: String,
    /// Value of the label.
    pub label: String,
    /// The number.
    pub value: f64,
}

/// Rows of a table that was grouped by `store` and `label`.
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

/// The stores whose metrics were collected: every TiKV of every version exposes this one.
fn collected(window_ms: u64) -> Result<BTreeMap<String, f64>, MetricsError> {
    series(COLLECTED)
        .by("store")
        .last(window_ms)
        .map(|table| by_key(&table, "store"))
}

/// Present in every exposition of a TiKV.
pub const COLLECTED: &str = "tikv_thread_cpu_seconds_total";
