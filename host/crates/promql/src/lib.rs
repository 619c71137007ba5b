//! An evaluator for a subset of PromQL, with the semantics of Prometheus 2.
//!
//! [`Query::parse`] accepts what Prometheus accepts; evaluation supports:
//!
//! - selectors with all four matchers and with `offset`, and range selectors as function arguments
//!   or as a whole instant query;
//! - `rate`, `increase`, `delta`, `irate`, `idelta`, `resets`, `changes`, and `sum`, `avg`, `min`, `max`,
//!   `count`, `last` with `_over_time`;
//! - `sum`, `avg`, `min`, `max`, `count`, `group`, `topk`, `bottomk` with `by` and `without`;
//! - arithmetic, comparison (also with `bool`), `and`, `or`, `unless`, with `on`, `ignoring`,
//!   `group_left` and `group_right`;
//! - `histogram_quantile` over classic buckets, `clamp_min`, `clamp_max`, `scalar`, `vector`, `time`,
//!   `abs`, `ceil`, `floor`, `round`, `exp`, `ln`, `log2`, `log10`, `sqrt`.
//!
//! Everything else is an [`EvaluationError`] that names it: subqueries, `@`, strings, native histograms,
//! `absent`, `label_replace`, `predict_linear` and others.
//!
//! Series come from a [`SeriesSource`]; [`MemorySource`] is one, and any other store of series can be
//! another: it lists series by name and answers two questions about each, see [`Samples`].
//! Times are milliseconds since the Unix epoch.
//!
//! ```
//! use operator_promql::{Labels, MemorySource, Query, Value};
//!
//! let mut source = MemorySource::default();
//! let labels = Labels::from([("__name__".to_owned(), "up".to_owned())]);
//! source.push(labels, 60_000, 1.0);
//! let query = Query::parse("sum(up) * 2")?;
//! let Value::Vector(points) = query.instant(&source, 60_000)? else { panic!("a vector") };
//! assert_eq!(points.first().map(|point| point.value), Some(2.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evaluate;
mod functions;
mod memory;
mod operators;
mod query;
mod source;
mod value;

pub use memory::MemorySource;
pub use query::{Query, SyntaxError};
pub use source::{Labels, METRIC_NAME, Samples, SeriesSource};
pub use value::{EvaluationError, Point, Series, Value};

#[cfg(test)]
mod tests;
