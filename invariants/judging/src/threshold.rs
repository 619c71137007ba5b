//! One number for each store against a limit.

use std::collections::BTreeMap;

use operator_plugin::{
    Evidence, Findings, MetricsError, Outcome, PluginError, Snapshot, Violation,
};

use crate::entities::Store;

/// A number of each store and the limit that it must stay below.
pub struct Limit {
    /// What the number is, for example `the share of the Raft threads that is busy`.
    pub what: &'static str,
    /// How it was asked for, in PromQL, for evidence.
    pub query: String,
    /// Its unit.
    pub unit: &'static str,
    /// It must stay below.
    pub below: f64,
}

/// Judges every store that is up by its number.
///
/// # Errors
/// When the table of stores is missing.
pub fn judge(
    snapshot: &Snapshot,
    limit: &Limit,
    values: Result<BTreeMap<String, f64>, MetricsError>,
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let values = match values {
        Ok(values) => values,
        Err(error) => return Ok(Outcome::inconclusive(describe(&error, limit))),
    };
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        match values.get(store.key) {
            None => findings.unknown(&store.entity(), "its metrics were not collected"),
            Some(value) if *value < limit.below => findings.pass(store.entity()),
            Some(value) => findings.fail(violation(limit, store, *value)),
        }
    }
    Ok(findings.conclude(format!("{} on {} stores", limit.what, stores.len())))
}

fn violation(limit: &Limit, store: Store<'_>, value: f64) -> Violation {
    let summary = format!(
        "{} on {} is {value:.2}, the limit is {}",
        limit.what,
        store.name(),
        limit.below
    );
    let expected = format!("below {}", limit.below);
    Violation::new(store.entity(), summary).evidence(
        Evidence::metric(
            format!("{} for store {}", limit.query, store.key),
            value,
            limit.unit,
        )
        .expected(expected),
    )
}

fn describe(error: &MetricsError, limit: &Limit) -> String {
    match error {
        MetricsError::NoSuchMetric(metric) => format!("no store's {metric} was collected"),
        MetricsError::TooFewSamples => {
            format!("{} was not collected twice within a minute yet", limit.what)
        }
        other => format!("{} cannot be read: {other:?}", limit.what),
    }
}
