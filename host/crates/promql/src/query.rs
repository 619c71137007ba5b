//! Queries: one expression, evaluated at a moment or over a range of time.

use super::evaluate::{evaluate, is_selected, matrix};
use super::source::{Labels, SeriesSource};
use super::value::{EvaluationError, Point, Series, Value};
use promql_parser::parser::{self, Expr};
use std::collections::BTreeMap;

/// A query that was parsed.
#[derive(Debug, Clone)]
pub struct Query {
    expression: Expr,
}

/// A text that is not PromQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(String);

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// The text is not PromQL.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let expression = parser::parse(text).map_err(SyntaxError)?;
        Ok(Self { expression })
    }

    /// Evaluates at one moment.
    ///
    /// # Errors
    /// The query uses an unsupported feature, or its operands do not fit.
    pub fn instant(&self, source: &dyn SeriesSource, at_ms: u64) -> Result<Value, EvaluationError> {
        match &self.expression {
            Expr::MatrixSelector(selector) => matrix(source, selector, at_ms).map(Value::Matrix),
            expression => evaluate(source, expression, at_ms),
        }
    }

    /// Evaluates from `from_ms` to `to_ms`, both included, in steps of `step_ms` (at least 1).
    /// The caller bounds the number of steps.
    ///
    /// # Errors
    /// As [`Query::instant`].
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        (from_ms, to_ms): (u64, u64),
        step_ms: u64,
    ) -> Result<Vec<Series>, EvaluationError> {
        let mut series: BTreeMap<Labels, Vec<(u64, f64)>> = BTreeMap::new();
        let mut at_ms = from_ms;
        while at_ms <= to_ms {
            for Point { labels, value } in self.points(source, at_ms)? {
                series.entry(labels).or_default().push((at_ms, value));
            }
            at_ms = at_ms.saturating_add(step_ms.max(1));
        }
        let series = series.into_iter();
        Ok(series
            .map(|(labels, samples)| Series { labels, samples })
            .collect())
    }

    fn points(&self, source: &dyn SeriesSource, at_ms: u64) -> Result<Vec<Point>, EvaluationError> {
        Ok(match evaluate(source, &self.expression, at_ms)? {
            Value::Scalar(value) => vec![Point {
                labels: Labels::new(),
                value,
            }],
            Value::Vector(points) => points,
            Value::Matrix(_) => Vec::new(),
        })
    }

    /// Whether the query, which must be an instant selector such as `up{job="api"}`, selects a series
    /// with these labels; `None` when it is another expression.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> Option<bool> {
        match &self.expression {
            Expr::VectorSelector(selector) => Some(is_selected(selector, labels)),
            _ => None,
        }
    }
}
