//! One value per store compared with a limit.

use std::collections::BTreeMap;

use operator_plugin::{Evidence, Findings, Outcome, PluginError, SeriesError, Snapshot, Violation};

use crate::entities::Store;
use crate::metrics;

/// A value of each store and the limit that it must stay below.
pub struct Limit<'query> {
    /// What the value is, for example `Raft thread utilization`.
    pub what: &'static str,
    /// The query for one store in PromQL, given its id; for evidence.
    pub query: &'query dyn Fn(&str) -> String,
    /// Its unit.
    pub unit: &'static str,
    /// The value must stay below.
    pub below: f64,
}

/// Compares every store that is up with the limit.
///
/// # Errors
/// If table `stores` is missing.
pub fn evaluate(
    snapshot: &Snapshot,
    limit: &Limit<'_>,
    values: Result<BTreeMap<String, f64>, SeriesError>,
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let values = match values {
        Ok(values) => values,
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, limit.what))),
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

fn violation(limit: &Limit<'_>, store: Store<'_>, value: f64) -> Violation {
    let expected = expected(limit.below);
    let summary = format!(
        "{} of {} is {value:.2}, expected {expected}",
        limit.what,
        store.name()
    );
    Violation::new(store.entity(), summary)
        .evidence(Evidence::metric((limit.query)(store.key), value, limit.unit).expected(expected))
}

/// A limit that is smaller than what a summary shows admits nothing but zero.
fn expected(below: f64) -> String {
    if below < 0.01 {
        "0".to_owned()
    } else {
        format!("below {below}")
    }
}
