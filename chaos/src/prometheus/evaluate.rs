//! The value of an expression at one moment.

use super::functions::{self, Window};
use super::history::{History, Labels, value_at, values_in};
use super::operators;
use promql_parser::label::{Labels as Names, Matchers};
use promql_parser::parser::{
    AggregateExpr, Call, Expr, LabelModifier, MatrixSelector, Offset, VectorSelector,
};
use std::collections::BTreeMap;

/// One series and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) labels: Labels,
    pub(super) value: f64,
}

/// What an expression is worth.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A number.
    Scalar(f64),
    /// A number of each series.
    Vector(Vec<Point>),
}

/// What this evaluator does not know, or what makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsupported(pub(super) String);

type Evaluated<T> = Result<T, Unsupported>;

pub(super) fn unsupported<T>(what: impl Into<String>) -> Evaluated<T> {
    Err(Unsupported(format!(
        "this simulated Prometheus does not support {}",
        what.into()
    )))
}

/// Evaluates at `at_ms`.
pub(super) fn evaluate(history: &History, expression: &Expr, at_ms: u64) -> Evaluated<Value> {
    match expression {
        Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
        Expr::Paren(paren) => evaluate(history, &paren.expr, at_ms),
        Expr::Unary(unary) => Ok(match evaluate(history, &unary.expr, at_ms)? {
            Value::Scalar(number) => Value::Scalar(-number),
            Value::Vector(points) => Value::Vector(
                points
                    .into_iter()
                    .map(|point| nameless(point, |v| -v))
                    .collect(),
            ),
        }),
        Expr::VectorSelector(selector) => select(history, selector, at_ms).map(Value::Vector),
        Expr::Call(call) => self::call(history, call, at_ms),
        Expr::Aggregate(aggregate) => self::aggregate(history, aggregate, at_ms).map(Value::Vector),
        Expr::Binary(binary) => {
            let (left, right) = (
                evaluate(history, &binary.lhs, at_ms)?,
                evaluate(history, &binary.rhs, at_ms)?,
            );
            operators::binary(
                &binary.op.to_string(),
                binary.modifier.as_ref(),
                left,
                right,
            )
        }
        Expr::MatrixSelector(_) => unsupported("a range outside a function"),
        Expr::Subquery(_) => unsupported("subqueries"),
        Expr::StringLiteral(_) => unsupported("texts as values"),
        Expr::Extension(_) => unsupported("extensions"),
    }
}

/// The window of a selector with a range, by series.
pub(super) fn windows(
    history: &History,
    matrix: &MatrixSelector,
    at_ms: u64,
) -> Evaluated<Vec<(Labels, Window)>> {
    let to_ms = moved(&matrix.vs, at_ms)?;
    let range_ms = u64::try_from(matrix.range.as_millis()).unwrap_or(u64::MAX);
    let from_ms = to_ms.saturating_sub(range_ms);
    let fits = fits(&matrix.vs)?;
    let series = history.matching(fits).map(|(labels, samples)| {
        (
            labels.clone(),
            Window {
                from_ms,
                to_ms,
                samples: values_in(samples, from_ms, to_ms),
            },
        )
    });
    Ok(series
        .filter(|(_, window)| !window.samples.is_empty())
        .collect())
}

/// The point without its name, and with another value.
pub(super) fn nameless(mut point: Point, change: impl Fn(f64) -> f64) -> Point {
    point.labels.remove("__name__");
    Point {
        value: change(point.value),
        ..point
    }
}

fn select(history: &History, selector: &VectorSelector, at_ms: u64) -> Evaluated<Vec<Point>> {
    let at_ms = moved(selector, at_ms)?;
    let fits = fits(selector)?;
    let point = |(labels, samples): (&Labels, _)| {
        Some(Point {
            labels: labels.clone(),
            value: value_at(samples, at_ms)?,
        })
    };
    Ok(history.matching(fits).filter_map(point).collect())
}

/// Takes the offset into account.
fn moved(selector: &VectorSelector, at_ms: u64) -> Evaluated<u64> {
    if selector.at.is_some() {
        return unsupported("the modifier @");
    }
    let ms =
        |duration: &std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Ok(match &selector.offset {
        None => at_ms,
        Some(Offset::Pos(duration)) => at_ms.saturating_sub(ms(duration)),
        Some(Offset::Neg(duration)) => at_ms.saturating_add(ms(duration)),
    })
}

fn fits(selector: &VectorSelector) -> Evaluated<impl Fn(&Labels) -> bool> {
    let Matchers {
        matchers,
        or_matchers,
    } = selector.matchers.clone();
    if !or_matchers.is_empty() {
        return unsupported("or between matchers");
    }
    let name = selector.name.clone();
    Ok(move |labels: &Labels| {
        let is_named = name
            .as_ref()
            .is_none_or(|name| labels.get("__name__") == Some(name));
        // A label that is not there counts as empty.
        is_named
            && matchers
                .iter()
                .all(|one| one.is_match(labels.get(&one.name).map_or("", String::as_str)))
    })
}

fn call(history: &History, call: &Call, at_ms: u64) -> Evaluated<Value> {
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    match (call.func.name, arguments.as_slice()) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 fit a double for 200,000 years"
        )]
        ("time", []) => Ok(Value::Scalar(at_ms as f64 / 1_000.0)),
        ("vector", [inner]) => {
            let value = scalar(history, inner, at_ms)?;
            Ok(Value::Vector(vec![Point {
                labels: Labels::new(),
                value,
            }]))
        }
        ("scalar", [inner]) => {
            let points = vector(history, inner, at_ms)?;
            Ok(Value::Scalar(if let [one] = points.as_slice() {
                one.value
            } else {
                f64::NAN
            }))
        }
        ("histogram_quantile", [quantile, buckets]) => {
            let quantile = scalar(history, quantile, at_ms)?;
            Ok(Value::Vector(functions::histogram_quantile(
                quantile,
                vector(history, buckets, at_ms)?,
            )))
        }
        ("clamp_min" | "clamp_max", [inner, bound]) => {
            let bound = scalar(history, bound, at_ms)?;
            let least = call.func.name == "clamp_min";
            each(vector(history, inner, at_ms)?, |value| {
                if least {
                    value.max(bound)
                } else {
                    value.min(bound)
                }
            })
        }
        (name, [inner]) => match (
            functions::of_number(name),
            functions::of_window(name),
            inner,
        ) {
            (Some(function), ..) => each(vector(history, inner, at_ms)?, function),
            (_, Some(function), Expr::MatrixSelector(matrix)) => {
                over_windows(history, matrix, at_ms, name, function)
            }
            _ => unsupported(format!("the function {name}() in this form")),
        },
        (name, _) => unsupported(format!("the function {name}() in this form")),
    }
}

fn over_windows(
    history: &History,
    matrix: &MatrixSelector,
    at_ms: u64,
    name: &str,
    function: fn(&Window) -> Option<f64>,
) -> Evaluated<Value> {
    let mut points = Vec::new();
    for (mut labels, window) in windows(history, matrix, at_ms)? {
        if name != "last_over_time" {
            labels.remove("__name__");
        }
        points.extend(function(&window).map(|value| Point { labels, value }));
    }
    Ok(Value::Vector(points))
}

fn each(points: Vec<Point>, function: impl Fn(f64) -> f64) -> Evaluated<Value> {
    Ok(Value::Vector(
        points
            .into_iter()
            .map(|point| nameless(point, &function))
            .collect(),
    ))
}

fn vector(history: &History, expression: &Expr, at_ms: u64) -> Evaluated<Vec<Point>> {
    match evaluate(history, expression, at_ms)? {
        Value::Vector(points) => Ok(points),
        Value::Scalar(_) => unsupported("a number where series are expected"),
    }
}

fn scalar(history: &History, expression: &Expr, at_ms: u64) -> Evaluated<f64> {
    match evaluate(history, expression, at_ms)? {
        Value::Scalar(number) => Ok(number),
        Value::Vector(_) => unsupported("series where a number is expected"),
    }
}

fn aggregate(history: &History, aggregate: &AggregateExpr, at_ms: u64) -> Evaluated<Vec<Point>> {
    let operation = aggregate.op.to_string();
    let points = vector(history, &aggregate.expr, at_ms)?;
    let mut groups: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    for point in points {
        groups
            .entry(group_of(&point.labels, aggregate.modifier.as_ref()))
            .or_default()
            .push(point);
    }
    if matches!(operation.as_str(), "topk" | "bottomk") {
        let Some(count) = &aggregate.param else {
            return unsupported(format!("{operation} without a number"));
        };
        let count = scalar(history, count, at_ms)?;
        return Ok(groups
            .into_values()
            .flat_map(|group| functions::extreme(group, count, operation == "topk"))
            .collect());
    }
    let Some(function) = functions::of_group(&operation) else {
        return unsupported(format!("the aggregation {operation}"));
    };
    let value =
        |group: &[Point]| function(&group.iter().map(|point| point.value).collect::<Vec<f64>>());
    Ok(groups
        .into_iter()
        .map(|(labels, group)| Point {
            value: value(&group),
            labels,
        })
        .collect())
}

fn group_of(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    let listed = |names: &Names, name: &String| names.labels.contains(name);
    let keep = |name: &String| match modifier {
        None => false,
        Some(LabelModifier::Include(names)) => listed(names, name),
        Some(LabelModifier::Exclude(names)) => name != "__name__" && !listed(names, name),
    };
    labels
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
