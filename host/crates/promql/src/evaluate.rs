//! Evaluates an expression at one moment.

use super::source::{Labels, METRIC_NAME, Samples, SeriesSource};
use super::value::{Evaluated, Point, Series, Value, Window, unsupported};
use super::{functions, operators};
use promql_parser::label::Labels as Names;
use promql_parser::parser::{
    AggregateExpr, Call, Expr, LabelModifier, MatrixSelector, Offset, VectorSelector,
};
use std::collections::BTreeMap;

/// Evaluates at `at_ms`, in milliseconds since the Unix epoch.
pub(crate) fn evaluate(
    source: &dyn SeriesSource,
    expression: &Expr,
    at_ms: u64,
) -> Evaluated<Value> {
    match expression {
        Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
        Expr::Paren(paren) => evaluate(source, &paren.expr, at_ms),
        Expr::Unary(unary) => Ok(match evaluate(source, &unary.expr, at_ms)? {
            Value::Scalar(number) => Value::Scalar(-number),
            Value::Vector(points) => Value::Vector(
                points
                    .into_iter()
                    .map(|point| point.renamed(|value| -value))
                    .collect(),
            ),
            Value::Matrix(_) => return unsupported("a range as an operand"),
        }),
        Expr::VectorSelector(selector) => select(source, selector, at_ms).map(Value::Vector),
        Expr::Call(call) => self::call(source, call, at_ms),
        Expr::Aggregate(aggregate) => self::aggregate(source, aggregate, at_ms).map(Value::Vector),
        Expr::Binary(binary) => {
            let left = evaluate(source, &binary.lhs, at_ms)?;
            let right = evaluate(source, &binary.rhs, at_ms)?;
            operators::binary(
                &binary.op.to_string(),
                binary.modifier.as_ref(),
                left,
                right,
            )
        }
        Expr::MatrixSelector(_) => unsupported("a range outside a function"),
        Expr::Subquery(_) => unsupported("subqueries"),
        Expr::StringLiteral(_) => unsupported("strings as values"),
        Expr::Extension(_) => unsupported("extensions"),
    }
}

/// The samples of a range selector, as a query of its own.
pub(crate) fn matrix(
    source: &dyn SeriesSource,
    matrix: &MatrixSelector,
    at_ms: u64,
) -> Evaluated<Vec<Series>> {
    let windows = windows(source, matrix, at_ms)?.into_iter();
    Ok(windows
        .map(|(labels, window)| Series {
            labels,
            samples: window.samples,
        })
        .collect())
}

/// The window of a range selector for each series that has samples in it.
fn windows(
    source: &dyn SeriesSource,
    matrix: &MatrixSelector,
    at_ms: u64,
) -> Evaluated<Vec<(Labels, Window)>> {
    let to_ms = moved(&matrix.vs, at_ms)?;
    let from_ms = to_ms.saturating_sub(milliseconds(&matrix.range));
    let mut found = Vec::new();
    each_selected(source, &matrix.vs, |labels, samples| {
        let samples = samples.values_in(from_ms, to_ms);
        if !samples.is_empty() {
            let window = Window {
                from_ms,
                to_ms,
                samples,
            };
            found.push((labels.clone(), window));
        }
    })?;
    Ok(found)
}

fn select(
    source: &dyn SeriesSource,
    selector: &VectorSelector,
    at_ms: u64,
) -> Evaluated<Vec<Point>> {
    let at_ms = moved(selector, at_ms)?;
    let mut points = Vec::new();
    each_selected(source, selector, |labels, samples| {
        points.extend(samples.value_at(at_ms).map(|value| Point {
            labels: labels.clone(),
            value,
        }));
    })?;
    Ok(points)
}

fn each_selected(
    source: &dyn SeriesSource,
    selector: &VectorSelector,
    mut act: impl FnMut(&Labels, &dyn Samples),
) -> Evaluated<()> {
    if !selector.matchers.or_matchers.is_empty() {
        return unsupported("or between matchers");
    }
    source.visit(selector.name.as_deref(), &mut |labels, samples| {
        if is_selected(selector, labels) {
            act(labels, samples);
        }
    });
    Ok(())
}

/// Whether name and matchers accept the labels. A missing label equals the empty value.
pub(crate) fn is_selected(selector: &VectorSelector, labels: &Labels) -> bool {
    let name = selector.name.as_ref();
    let mut matchers = selector.matchers.matchers.iter();
    name.is_none_or(|name| labels.get(METRIC_NAME) == Some(name))
        && matchers.all(|one| one.is_match(labels.get(&one.name).map_or("", String::as_str)))
}

/// The moment of evaluation after the selector's offset.
fn moved(selector: &VectorSelector, at_ms: u64) -> Evaluated<u64> {
    if selector.at.is_some() {
        return unsupported("the modifier @");
    }
    Ok(match &selector.offset {
        None => at_ms,
        Some(Offset::Pos(duration)) => at_ms.saturating_sub(milliseconds(duration)),
        Some(Offset::Neg(duration)) => at_ms.saturating_add(milliseconds(duration)),
    })
}

fn milliseconds(duration: &std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn call(source: &dyn SeriesSource, call: &Call, at_ms: u64) -> Evaluated<Value> {
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    match (call.func.name, arguments.as_slice()) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 fit a double for 200,000 years"
        )]
        ("time", []) => Ok(Value::Scalar(at_ms as f64 / 1_000.0)),
        ("vector", [inner]) => {
            let value = scalar(source, inner, at_ms)?;
            Ok(Value::Vector(vec![Point {
                labels: Labels::new(),
                value,
            }]))
        }
        ("scalar", [inner]) => {
            let points = vector(source, inner, at_ms)?;
            Ok(Value::Scalar(if let [one] = points.as_slice() {
                one.value
            } else {
                f64::NAN
            }))
        }
        ("histogram_quantile", [quantile, buckets]) => {
            let quantile = scalar(source, quantile, at_ms)?;
            Ok(Value::Vector(functions::histogram_quantile(
                quantile,
                vector(source, buckets, at_ms)?,
            )))
        }
        ("clamp_min" | "clamp_max", [inner, bound]) => {
            let bound = scalar(source, bound, at_ms)?;
            let least = call.func.name == "clamp_min";
            each(vector(source, inner, at_ms)?, |value| {
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
            (Some(function), ..) => each(vector(source, inner, at_ms)?, function),
            (_, Some(function), Expr::MatrixSelector(matrix)) => {
                over_windows(source, matrix, at_ms, name, function)
            }
            _ => unsupported(format!("the function {name}() in this form")),
        },
        (name, _) => unsupported(format!("the function {name}() in this form")),
    }
}

fn over_windows(
    source: &dyn SeriesSource,
    matrix: &MatrixSelector,
    at_ms: u64,
    name: &str,
    function: fn(&Window) -> Option<f64>,
) -> Evaluated<Value> {
    let mut points = Vec::new();
    for (mut labels, window) in windows(source, matrix, at_ms)? {
        if name != "last_over_time" {
            labels.remove(METRIC_NAME);
        }
        points.extend(function(&window).map(|value| Point { labels, value }));
    }
    Ok(Value::Vector(points))
}

fn each(points: Vec<Point>, function: impl Fn(f64) -> f64) -> Evaluated<Value> {
    Ok(Value::Vector(
        points
            .into_iter()
            .map(|point| point.renamed(&function))
            .collect(),
    ))
}

fn vector(source: &dyn SeriesSource, expression: &Expr, at_ms: u64) -> Evaluated<Vec<Point>> {
    match evaluate(source, expression, at_ms)? {
        Value::Vector(points) => Ok(points),
        _ => unsupported("a scalar where a vector is expected"),
    }
}

fn scalar(source: &dyn SeriesSource, expression: &Expr, at_ms: u64) -> Evaluated<f64> {
    match evaluate(source, expression, at_ms)? {
        Value::Scalar(number) => Ok(number),
        _ => unsupported("a vector where a scalar is expected"),
    }
}

fn aggregate(
    source: &dyn SeriesSource,
    aggregate: &AggregateExpr,
    at_ms: u64,
) -> Evaluated<Vec<Point>> {
    let operation = aggregate.op.to_string();
    let points = vector(source, &aggregate.expr, at_ms)?;
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
        let count = scalar(source, count, at_ms)?;
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
        Some(LabelModifier::Exclude(names)) => name != METRIC_NAME && !listed(names, name),
    };
    labels
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
