//! How slow a stage of the request path is on each store.
//!
//! Two limits. Above `slow_s` a store must also stand out from the others: an absolute limit alone would call every
//! small machine sick. Above `stuck_s` a store is reported whatever the others do: nobody is served in that time.

use std::collections::BTreeMap;

use operator_plugin::{
    Evidence, Findings, MetricsError, Outcome, PluginError, Query, Severity, Snapshot, Violation,
};
use operator_plugin::{Matcher, series};

use crate::entities::Store;
use crate::locus;
use crate::metrics::WINDOW_MS;

/// Fewer operations than one a second say nothing about a tail (guard G5): one slow call in an idle store would be
/// its P99.
pub const SAMPLES_MIN: f64 = 60.0;

/// A store that is younger than the window has only its start in it.
pub const UPTIME_MIN_S: f64 = 60.0;

/// A stage of the request path and what is slow for it.
pub struct Stage {
    /// What is done there, after "P99 of".
    pub what: &'static str,
    /// Its histogram in seconds, by base name, with matchers.
    pub histogram: Query,
    /// Which quantile, 0 to 1.
    pub quantile: f64,
    /// From here on a store must not stand out.
    pub slow_s: f64,
    /// From here on nobody is served.
    pub stuck_s: f64,
}

impl Stage {
    /// A stage judged by its P99.
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

/// One store's quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    seconds: f64,
    samples: f64,
}

/// Judges the stage on every store that is up.
///
/// # Errors
/// When the table of stores is missing.
pub fn judge(snapshot: &Snapshot, stage: &Stage) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let measured = match measure(stage) {
        Ok(measured) => measured,
        Err(error) => return Ok(Outcome::inconclusive(describe(&error, stage))),
    };
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        judge_store(stage, store, &measured, &mut findings);
    }
    Ok(findings.conclude(format!(
        "{} of {} on {} stores",
        stage.percentile(),
        stage.what,
        stores.len()
    )))
}

fn judge_store(
    stage: &Stage,
    store: Store<'_>,
    measured: &BTreeMap<String, Measured>,
    findings: &mut Findings,
) {
    let entity = store.entity();
    let Some(own) = measured.get(store.key) else {
        if store.row.integer("leader_count") == Some(0) {
            // It serves nobody, so that nobody waits for it.
            return;
        }
        return findings.unknown(
            &entity,
            "no operation of this stage was measured in the last minute",
        );
    };
    if store
        .row
        .number("uptime_s")
        .is_some_and(|uptime_s| uptime_s < UPTIME_MIN_S)
    {
        return findings.unknown(&entity, "it started within the window");
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
    if !stuck && !locus::is_outlier(own.seconds, &others) {
        return findings.pass(entity);
    }
    let severity = if stuck {
        Severity::Critical
    } else {
        Severity::Warning
    };
    findings.fail(violation(stage, store, *own, &others).severity(severity));
}

fn others(measured: &BTreeMap<String, Measured>, key: &str) -> Vec<f64> {
    measured
        .iter()
        .filter(|(other, _)| other.as_str() != key)
        .map(|(_, other)| other.seconds)
        .collect()
}

fn violation(stage: &Stage, store: Store<'_>, own: Measured, others: &[f64]) -> Violation {
    let median = locus::median(others);
    let beside = median.map_or_else(String::new, |median| {
        format!(", on the others {median:.3} s")
    });
    let summary = format!(
        "{} of {} on {} is {:.3} s{beside}",
        stage.percentile(),
        stage.what,
        store.name(),
        own.seconds
    );
    let expected = format!(
        "below {} s, or no more than {} times the median of the other stores, and below {} s",
        stage.slow_s,
        locus::FACTOR,
        stage.stuck_s
    );
    Violation::new(store.entity(), summary)
        .evidence(Evidence::metric(promql(stage, store.key), own.seconds, "s").expected(expected))
        .evidence(
            Evidence::metric(count_promql(stage, store.key), own.samples, "1")
                .expected("at least 60"),
        )
}

/// The question in PromQL, so that a person can ask it again.
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
        .extend(stage.histogram.selector.all_of.iter().map(clone_of));
    query.describe()
}

fn clone_of(matcher: &Matcher) -> Matcher {
    matcher.clone()
}

fn measure(stage: &Stage) -> Result<BTreeMap<String, Measured>, MetricsError> {
    let table = stage
        .histogram
        .clone()
        .by("store")
        .quantile(stage.quantile, WINDOW_MS)?;
    let pair = |row: operator_plugin::Row<'_>| {
        let measured = Measured {
            seconds: row.number("value")?,
            samples: row.number("samples")?,
        };
        Some((row.text("store")?.to_owned(), measured))
    };
    let usable =
        |(key, measured): &(String, Measured)| !key.is_empty() && measured.seconds.is_finite();
    Ok(table.rows().filter_map(pair).filter(usable).collect())
}

fn describe(error: &MetricsError, stage: &Stage) -> String {
    let metric = &stage.histogram.selector.metric;
    match error {
        MetricsError::NoSuchMetric(_) => format!("no store's {metric} was collected"),
        MetricsError::TooFewSamples => {
            format!("{metric} was not collected twice within a minute yet")
        }
        other => format!("{metric} cannot be read: {other:?}"),
    }
}
