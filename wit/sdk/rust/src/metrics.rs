//! Questions to the series store: `series("process_cpu_seconds_total").by("node").rate(60_000)`.

#[cfg(target_arch = "wasm32")]
use crate::bindings::shared::metrics as host;
use crate::view::TableView;
use crate::{Label, Matcher, MetricsError, Reduction, Selector};

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
        self.selector.all_of.push(Matcher::Equals(Label {
            key: key.to_owned(),
            value: value.to_owned(),
        }));
        self
    }

    /// Only series whose label has another value.
    #[must_use]
    pub fn without(mut self, key: &str, value: &str) -> Self {
        self.selector.all_of.push(Matcher::NotEquals(Label {
            key: key.to_owned(),
            value: value.to_owned(),
        }));
        self
    }

    /// Only series whose label begins so.
    #[must_use]
    pub fn starting(mut self, key: &str, value: &str) -> Self {
        self.selector.all_of.push(Matcher::StartsWith(Label {
            key: key.to_owned(),
            value: value.to_owned(),
        }));
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
    pub fn last(&self, window_ms: u64) -> Result<TableView, MetricsError> {
        self.reduce(Reduction::Last, window_ms)
    }

    /// Growth of a counter a second.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn rate(&self, window_ms: u64) -> Result<TableView, MetricsError> {
        self.reduce(Reduction::Rate, window_ms)
    }

    /// Growth of a counter over the window.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn increase(&self, window_ms: u64) -> Result<TableView, MetricsError> {
        self.reduce(Reduction::Increase, window_ms)
    }

    /// One value from each series' samples, in column `value`.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn reduce(&self, reduction: Reduction, window_ms: u64) -> Result<TableView, MetricsError> {
        #[cfg(not(target_arch = "wasm32"))]
        return crate::testing::answer(&crate::testing::Asked::Reduce(
            self.clone(),
            reduction,
            window_ms,
        ));
        #[cfg(target_arch = "wasm32")]
        host::select(&self.selector, reduction, window_ms, &self.by).map(TableView::of_host)
    }

    /// A quantile of a histogram, in column `value`, with the number of observations in `samples`.
    ///
    /// # Errors
    /// As [`Query::last`].
    pub fn quantile(&self, quantile: f64, window_ms: u64) -> Result<TableView, MetricsError> {
        #[cfg(not(target_arch = "wasm32"))]
        return crate::testing::answer(&crate::testing::Asked::Quantile(
            self.clone(),
            quantile,
            window_ms,
        ));
        #[cfg(target_arch = "wasm32")]
        host::quantile(quantile, &self.selector, window_ms, &self.by).map(TableView::of_host)
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

/// An instant PromQL query, answered from the frozen snapshot in a check and by the configured Prometheus in a subject.
///
/// # Errors
/// When the text is wrong or nothing can answer it.
pub fn promql(query: &str) -> Result<TableView, MetricsError> {
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::answer(&crate::testing::Asked::Promql(query.to_owned()));
    #[cfg(target_arch = "wasm32")]
    host::query(query).map(TableView::of_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_itself_in_promql() {
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
