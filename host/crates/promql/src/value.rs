//! What expressions evaluate to.

use super::source::{Labels, METRIC_NAME};

/// One series and its value at the moment of evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Labels, among them the metric name where the operation keeps it.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// One series and its values at several moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Labels, among them the metric name where the operation keeps it.
    pub labels: Labels,
    /// Times in milliseconds since the Unix epoch, and values; oldest first.
    pub samples: Vec<(u64, f64)>,
}

/// The result of an instant query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// One value for each series, in the order of labels unless the operation has another.
    Vector(Vec<Point>),
    /// The samples of a range selector.
    Matrix(Vec<Series>),
}

/// An expression that cannot be evaluated: it uses an unsupported feature, or its operands do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub(crate) String);

pub(crate) type Evaluated<T> = Result<T, EvaluationError>;

pub(crate) fn unsupported<T>(what: impl std::fmt::Display) -> Evaluated<T> {
    let message = format!("this PromQL evaluator does not support {what}");
    Err(EvaluationError(message))
}

impl Point {
    /// The point without its metric name, and with another value.
    pub(crate) fn renamed(mut self, change: impl Fn(f64) -> f64) -> Self {
        self.labels.remove(METRIC_NAME);
        Self {
            value: change(self.value),
            ..self
        }
    }
}

/// The samples of one series in a window of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    pub(crate) samples: Vec<(u64, f64)>,
}
