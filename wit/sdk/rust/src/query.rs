//! Questions to the series store: `series("process_cpu_seconds_total").by("node").rate(Duration::from_secs(60))`.

use std::time::Duration;

use crate::view::TableView;
use crate::{Label, Matcher, Reduction, Selector, SeriesError};

/// What answers on the component's side: the frozen series of a check, the scraped ones of a subject.
#[cfg(all(target_arch = "wasm32", feature = "check"))]
use crate::bindings::check::operator::check::frozen_series as host;
#[cfg(all(target_arch = "wasm32", not(feature = "check")))]
use crate::bindings::subject::operator::telemetry::scraped_series as host;

/// Starts a question about a metric.
pub fn series(metric: impl Into<String>) -> Query {
    Query {
        selector: Selector {
            metric: metric.into(),
            all_of: Vec::new(),
        },
        by: Vec::new(),
    }
}

/// A duration as the contract counts it: nanoseconds, at most 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A question that is being put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which series.
    pub selector: Selector,
    /// Labels to sum by; empty for one row a series.
    pub by: Vec<String>,
}

impl Query {
    /// Only series whose label has this value.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.selector
            .all_of
            .push(Matcher::Equals(crate::label(key, value)));
        self
    }

    /// Only series whose label has another value.
    #[must_use]
    pub fn without(mut self, key: &str, value: &str) -> Self {
        self.selector
            .all_of
            .push(Matcher::NotEquals(crate::label(key, value)));
        self
    }

    /// Only series whose label begins so.
    #[must_use]
    pub fn starting(mut self, key: &str, value: &str) -> Self {
        self.selector
            .all_of
            .push(Matcher::StartsWith(crate::label(key, value)));
        self
    }

    /// Sums the series of each value of this label.
    #[must_use]
    pub fn by(mut self, label: &str) -> Self {
        self.by.push(label.to_owned());
        self
    }

    /// The newest samples.
    ///
    /// # Errors
    /// When no such series was collected or too few samples lie in the window; so for all that follow.
    pub fn last(&self, window: Duration) -> Result<TableView, SeriesError> {
        self.reduce(Reduction::Last, window)
    }

    /// Growth of a counter per second.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn rate(&self, window: Duration) -> Result<TableView, SeriesError> {
        self.reduce(Reduction::Rate, window)
    }

    /// Growth of a counter over the window.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn increase(&self, window: Duration) -> Result<TableView, SeriesError> {
        self.reduce(Reduction::Increase, window)
    }

    /// One value from each series' samples, in column `value`.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn reduce(&self, reduction: Reduction, window: Duration) -> Result<TableView, SeriesError> {
        #[cfg(not(target_arch = "wasm32"))]
        return crate::testing::answer(&crate::testing::Question::Reduce(
            self.clone(),
            reduction,
            window,
        ));
        #[cfg(target_arch = "wasm32")]
        host::select(&self.selector, &reduction, nanoseconds(window), &self.by)
            .map(TableView::of_host)
    }

    /// A quantile of a histogram, in column `value`, with the number of observations in `samples`.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn quantile(&self, quantile: f64, window: Duration) -> Result<TableView, SeriesError> {
        #[cfg(not(target_arch = "wasm32"))]
        return crate::testing::answer(&crate::testing::Question::Quantile(
            self.clone(),
            quantile,
            window,
        ));
        #[cfg(target_arch = "wasm32")]
        host::quantile(quantile, &self.selector, nanoseconds(window), &self.by)
            .map(TableView::of_host)
    }

    /// The question in the notation of PromQL, for evidence and logs.
    #[must_use]
    pub fn describe(&self) -> String {
        let term = |matcher: &Matcher| match matcher {
            Matcher::Equals(label) => format!("{}=\"{}\"", label.key, label.value),
            Matcher::NotEquals(label) => format!("{}!=\"{}\"", label.key, label.value),
            Matcher::StartsWith(label) => format!("{}=~\"{}.*\"", label.key, label.value),
        };
        let terms: Vec<String> = self.selector.all_of.iter().map(term).collect();
        if terms.is_empty() {
            self.selector.metric.clone()
        } else {
            format!("{}{{{}}}", self.selector.metric, terms.join(","))
        }
    }
}

/// An instant PromQL query: in a check against the frozen snapshot, in a subject against the configured Prometheus.
///
/// # Errors
/// When the text is wrong or nothing can answer it.
pub fn promql(query: &str) -> Result<TableView, SeriesError> {
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::answer(&crate::testing::Question::Promql(query.to_owned()));
    #[cfg(all(target_arch = "wasm32", feature = "check"))]
    return host::query(query).map(TableView::of_host);
    #[cfg(all(target_arch = "wasm32", not(feature = "check")))]
    crate::bindings::subject::operator::telemetry::promql::query(query).map(TableView::of_host)
}

/// A label of a series, for selectors and scrapes.
pub fn label(key: impl Into<String>, value: impl Into<String>) -> Label {
    Label {
        key: key.into(),
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_describes_itself_in_promql() {
        let query = series("requests_total")
            .with("type", "write")
            .without("node", "a")
            .starting("name", "rs_")
            .by("node");
        assert_eq!(
            query.describe(),
            r#"requests_total{type="write",node!="a",name=~"rs_.*"}"#
        );
    }
}
