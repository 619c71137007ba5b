//! Operators between two values.

use super::source::{Labels, METRIC_NAME};
use super::value::{Evaluated, EvaluationError, Point, Value, unsupported};
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};
use std::collections::BTreeMap;

/// The value of two operands, and whether a comparison holds for them.
type Operation = fn(f64, f64) -> (f64, bool);

/// Evaluates `left op right`.
pub(crate) fn binary(
    operator: &str,
    modifier: Option<&BinModifier>,
    left: Value,
    right: Value,
) -> Evaluated<Value> {
    if let ("and" | "or" | "unless", Value::Vector(left), Value::Vector(right)) =
        (operator, &left, &right)
    {
        return Ok(Value::Vector(of_sets(operator, modifier, left, right)));
    }
    let Some((operation, compares)) = operation(operator) else {
        return unsupported(format!("the operator {operator}"));
    };
    let as_number = modifier.is_some_and(|modifier| modifier.return_bool);
    let one = |a: f64, b: f64, shown: f64| -> Option<f64> {
        let (value, holds) = operation(a, b);
        match (compares, as_number) {
            (false, _) => Some(value),
            (true, true) => Some(f64::from(u8::from(holds))),
            (true, false) => holds.then_some(shown),
        }
    };
    let keeps_name = compares && !as_number;
    let of_point = |point: Point, value: Option<f64>| {
        let value = value?;
        Some(if keeps_name {
            Point { value, ..point }
        } else {
            point.renamed(|_| value)
        })
    };
    Ok(match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(one(a, b, 1.0).unwrap_or(0.0)),
        (Value::Vector(points), Value::Scalar(b)) => Value::Vector(
            points
                .into_iter()
                .filter_map(|p| {
                    let v = one(p.value, b, p.value);
                    of_point(p, v)
                })
                .collect(),
        ),
        (Value::Scalar(a), Value::Vector(points)) => Value::Vector(
            points
                .into_iter()
                .filter_map(|p| {
                    let v = one(a, p.value, p.value);
                    of_point(p, v)
                })
                .collect(),
        ),
        (Value::Vector(left), Value::Vector(right)) => {
            matched(modifier, left, right, one, keeps_name).map(Value::Vector)?
        }
        _ => return unsupported("a range as an operand"),
    })
}

fn operation(operator: &str) -> Option<(Operation, bool)> {
    let arithmetic: Operation = match operator {
        "+" => |a, b| (a + b, true),
        "-" => |a, b| (a - b, true),
        "*" => |a, b| (a * b, true),
        "/" => |a, b| (a / b, true),
        "%" => |a, b| (a % b, true),
        "^" => |a, b| (a.powf(b), true),
        _ => return comparison(operator).map(|comparison| (comparison, true)),
    };
    Some((arithmetic, false))
}

#[expect(clippy::float_cmp, reason = "the query asks for equality")]
fn comparison(operator: &str) -> Option<Operation> {
    Some(match operator {
        "==" => |a, b| (a, a == b),
        "!=" => |a, b| (a, a != b),
        ">" => |a, b| (a, a > b),
        "<" => |a, b| (a, a < b),
        ">=" => |a, b| (a, a >= b),
        "<=" => |a, b| (a, a <= b),
        _ => return None,
    })
}

/// The labels that two series must share.
fn key(labels: &Labels, modifier: Option<&BinModifier>) -> Labels {
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let keep = |name: &String| match matching {
        None => name != METRIC_NAME,
        Some(LabelModifier::Include(names)) => names.labels.contains(name),
        Some(LabelModifier::Exclude(names)) => name != METRIC_NAME && !names.labels.contains(name),
    };
    labels
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn of_sets(
    operator: &str,
    modifier: Option<&BinModifier>,
    left: &[Point],
    right: &[Point],
) -> Vec<Point> {
    let keys = |points: &[Point]| {
        points
            .iter()
            .map(|point| key(&point.labels, modifier))
            .collect::<Vec<_>>()
    };
    let left_keys = keys(left);
    let right_keys = keys(right);
    let mut found: Vec<Point> = match operator {
        "or" => left.to_vec(),
        _ => {
            let wanted = operator == "and";
            let both = left.iter().zip(&left_keys);
            both.filter(|(_, key)| right_keys.contains(key) == wanted)
                .map(|(point, _)| point.clone())
                .collect()
        }
    };
    if operator == "or" {
        let others = right
            .iter()
            .zip(&right_keys)
            .filter(|(_, key)| !left_keys.contains(key));
        found.extend(others.map(|(point, _)| point.clone()));
    }
    found
}

/// Series of both sides that share their key, one to one or many to one.
fn matched(
    modifier: Option<&BinModifier>,
    left: Vec<Point>,
    right: Vec<Point>,
    one: impl Fn(f64, f64, f64) -> Option<f64>,
    keeps_name: bool,
) -> Evaluated<Vec<Point>> {
    let card = modifier.map_or(&VectorMatchCardinality::OneToOne, |modifier| &modifier.card);
    let (many, few, swapped) = match card {
        VectorMatchCardinality::OneToMany(_) => (right, left, true),
        _ => (left, right, false),
    };
    let is_single = matches!(card, VectorMatchCardinality::OneToOne);
    let mut partners: BTreeMap<Labels, Point> = BTreeMap::new();
    for point in few {
        if partners
            .insert(key(&point.labels, modifier), point)
            .is_some()
        {
            return Err(EvaluationError(
                "many-to-many matching not allowed: matching labels must be unique on one side"
                    .to_owned(),
            ));
        }
    }
    let mut seen: BTreeMap<Labels, ()> = BTreeMap::new();
    let mut found = Vec::new();
    for point in many {
        let own = key(&point.labels, modifier);
        let Some(partner) = partners.get(&own) else {
            continue;
        };
        if is_single && seen.insert(own.clone(), ()).is_some() {
            return Err(EvaluationError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        let (a, b) = if swapped {
            (partner.value, point.value)
        } else {
            (point.value, partner.value)
        };
        let Some(value) = one(a, b, a) else { continue };
        let labels = if is_single && !keeps_name {
            own
        } else {
            with_extra(point.labels, partner, card, keeps_name)
        };
        found.push(Point { labels, value });
    }
    Ok(found)
}

/// The labels of the many side, with those of the other that `group_left(…)` names.
fn with_extra(
    mut labels: Labels,
    partner: &Point,
    card: &VectorMatchCardinality,
    keeps_name: bool,
) -> Labels {
    if !keeps_name {
        labels.remove(METRIC_NAME);
    }
    for name in card
        .labels()
        .map(|names| names.labels.clone())
        .unwrap_or_default()
    {
        match partner.labels.get(&name) {
            Some(value) => drop(labels.insert(name, value.clone())),
            None => drop(labels.remove(&name)),
        }
    }
    labels
}
