//! What the host does with tables, for tables that live in a test's memory.

use crate::table::{Column, TableData, Values};
use crate::{Comparison, Scalar};

/// These rows, in this order.
pub(crate) fn take(data: &TableData, rows: &[usize]) -> TableData {
    fn pick<T: Clone>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
        rows.iter()
            .map(|row| values.get(*row).cloned().flatten())
            .collect()
    }
    let column = |column: &Column| Column {
        name: column.name.clone(),
        unit: column.unit.clone(),
        values: match &column.values {
            Values::Text(values) => Values::Text(pick(values, rows)),
            Values::Float(values) => Values::Float(pick(values, rows)),
            Values::Integer(values) => Values::Integer(pick(values, rows)),
            Values::Boolean(values) => Values::Boolean(pick(values, rows)),
            Values::Instant(values) => Values::Instant(pick(values, rows)),
        },
    };
    TableData {
        name: data.name.clone(),
        columns: data.columns.iter().map(column).collect(),
    }
}

/// Whether `column comparison value` holds for the row.
pub(crate) fn holds(
    data: &TableData,
    row: usize,
    (column, comparison, value): &(&str, Comparison, Scalar),
) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let Some(order) = compare(&data.scalar(row, column), value) else {
        return false;
    };
    match comparison {
        Comparison::Eq => order == Equal,
        Comparison::Ne => order != Equal,
        Comparison::Lt => order == Less,
        Comparison::Le => order != Greater,
        Comparison::Gt => order == Greater,
        Comparison::Ge => order != Less,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the host compares them")]
fn compare(left: &Scalar, right: &Scalar) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left.cmp(right)),
        (Scalar::Integer(left), Scalar::Integer(right)) => Some(left.cmp(right)),
        (Scalar::Float(left), Scalar::Float(right)) => left.partial_cmp(right),
        (Scalar::Float(left), Scalar::Integer(right)) => left.partial_cmp(&(*right as f64)),
        (Scalar::Integer(left), Scalar::Float(right)) => (*left as f64).partial_cmp(right),
        _ => None,
    }
}

/// The order of two rows by these columns, nulls last.
pub(crate) fn compare_rows(
    data: &TableData,
    left: usize,
    right: usize,
    by: &[(&str, bool)],
) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for (column, descending) in by {
        let left = data.scalar(left, column);
        let right = data.scalar(right, column);
        let order = match (matches!(left, Scalar::Null), matches!(right, Scalar::Null)) {
            (true, true) => Equal,
            (true, false) => return Greater,
            (false, true) => return Less,
            (false, false) => compare(&left, &right).unwrap_or(Equal),
        };
        if order != Equal {
            return if *descending { order.reverse() } else { order };
        }
    }
    Equal
}
