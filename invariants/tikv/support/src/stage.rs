//! Latency of one stage of the request path, by store.
//!
//! There are two limits. Above `slow_s` a store is reported only if it is an outlier, because an absolute limit would
//! report every small machine. Above `stuck_s` it is reported regardless of the others: clients have timed out by then.

use std::collections::BTreeMap;

use operator_plugin::series;
use operator_plugin::{
    Evidence, Findings, Outcome, PluginError, Query, SeriesError, Severity, Snapshot, Violation,
};

use crate::entities::Store;
use crate::metrics::{self, WINDOW};
use crate::outlier;

/// Fewer operations than one per second are too few for a tail latency: the P99 of an idle store is its one slow call.
pub const SAMPLES_MIN: f64 = 60.0;

/// The window of a younger store contains little but its start.
pub const UPTIME_MIN_S: f64 = 60.0;

/// A stage of the request path and its limits.
pub struct Stage {
    /// The operation, as it reads after "P99 of".
    pub what: &'static str,
    /// Histogram in seconds: base name and matchers.
    pub histogram: Query,
    /// The quantile to evaluate, 0 to 1.
    pub quantile: f64,
    /// At this many seconds and above, an outlier is a warning.
    pub slow_s: f64,
    /// At this many seconds and above, every store is critical.
    pub stuck_s: f64,
}

impl Stage {
    /// A stage evaluated by its P99.
    #[must_use]
    pub fn p99(what: &'static str, histogram: Query, slow_s: f64, stuck_s: f64) -> Self {
        Self {
            what,
            histogram,
            quantile: 0.99,
            slow_s,
            stuck_s,
        }
    }

    fn percentile(&self) -> String {
        format!("P{}", self.quantile * 100.0)
    }
}

/// The quantile of one store and the number of operations behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measurement {
    seconds: f64,
    samples: f64,
}

/// Evaluates the stage on every store that is up.
///
/// # Errors
/// If table `stores` is missing.
pub fn evaluate(snapshot: &Snapshot, stage: &Stage) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let measured = match measure(stage) {
        Ok(measured) => measured,
        Err(error) => {
            return Ok(Outcome::inconclusive(metrics::describe(
                &error,
                &stage.histogram.selector.metric,
            )));
        }
    };
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        evaluate_store(stage, store, &measured, &mut findings);
    }
    Ok(findings.conclude(format!(
        "{} of {} on {} stores",
        stage.percentile(),
        stage.what,
        stores.len()
    )))
}

fn evaluate_store(
    stage: &Stage,
    store: Store<'_>,
    measured: &BTreeMap<String, Measurement>,
    findings: &mut Findings,
) {
    let entity = store.entity();
    let Some(own) = measured.get(store.key) else {
        if store.row.integer("leader_count") == Some(0) {
            // It leads nothing, so no request passes through this stage.
            return;
        }
        return findings.unknown(&entity, "no operation of this stage in the last minute");
    };
    if store
        .row
        .number("uptime_s")
        .is_some_and(|uptime_s| uptime_s < UPTIME_MIN_S)
    {
        return findings.unknown(&entity, "it started within the last minute");
    }
    if own.seconds < stage.slow_s {
        return findings.pass(entity);
    }
    if own.samples < SAMPLES_MIN {
        return findings.unknown(
            &entity,
            &format!("only {:.0} operations in the last minute", own.samples),
        );
    }
    let others: Vec<f64> = others(measured, store.key);
    let stuck = own.seconds >= stage.stuck_s;
    if !stuck && !outlier::is_outlier(own.seconds, &others) {
        return findings.pass(entity);
    }
    let severity = if stuck {
        Severity::Critical
    } else {
        Severity::Warning
    };
    findings.fail(violation(stage, store, *own, &others).severity(severity));
}

fn others(measured: &BTreeMap<String, Measurement>, key: &str) -> Vec<f64> {
    measured
        .iter()
        .filter(|(other, _)| other.as_str() != key)
        .map(|(_, other)| other.seconds)
        .collect()
}

fn violation(stage: &Stage, store: Store<'_>, own: Measurement, others: &[f64]) -> Violation {
    let median = outlier::median(others);
    let comparison = median.map_or_else(String::new, |median| {
        format!(", the median of the other stores is {median:.3} s")
    });
    let summary = format!(
        "{} of {} on {} is {:.3} s{comparison}",
        stage.percentile(),
        stage.what,
        store.name(),
        own.seconds
    );
    let expected = format!(
        "below {} s, or at most {} times the median of the other stores and below {} s",
        stage.slow_s,
        outlier::FACTOR,
        stage.stuck_s
    );
    Violation::new(store.entity(), summary)
        .evidence(Evidence::metric(promql(stage, store.key), own.seconds, "s").expected(expected))
        .evidence(
            Evidence::metric(count_promql(stage, store.key), own.samples, "1")
                .expected("at least 60"),
        )
}

/// The query in PromQL, so a reader of the evidence can run it.
fn promql(stage: &Stage, store: &str) -> String {
    let buckets = renamed(stage, "_bucket", store);
    format!(
        "histogram_quantile({}, sum by (le, store) (rate({buckets}[1m])))",
        stage.quantile
    )
}

fn count_promql(stage: &Stage, store: &str) -> String {
    format!(
        "sum by (store) (increase({}[1m]))",
        renamed(stage, "_count", store)
    )
}

fn renamed(stage: &Stage, suffix: &str, store: &str) -> String {
    let mut query =
        series(format!("{}{suffix}", stage.histogram.selector.metric)).with("store", store);
    query
        .selector
        .all_of
        .extend(stage.histogram.selector.all_of.iter().cloned());
    query.describe()
}

fn measure(stage: &Stage) -> Result<BTreeMap<String, Measurement>, SeriesError> {
    let table = stage
        .histogram
        .clone()
        .by("store")
        .quantile(stage.quantile, WINDOW)?;
    let pair = |row: operator_plugin::Row<'_>| {
        let measured = Measurement {
            seconds: row.number("value")?,
            samples: row.number("samples")?,
        };
        Some((row.text("store")?.to_owned(), measured))
    };
    let usable =
        |(key, measured): &(String, Measurement)| !key.is_empty() && measured.seconds.is_finite();
    Ok(table.rows().filter_map(pair).filter(usable).collect())
}
