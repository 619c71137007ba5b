//! One row for each distinct combination of some columns.

use super::keys::RowKeys;
use super::read::Values;
use super::select::take_columns;
use super::{Column, TableError};
use crate::{Field, Kind, Table};
use arrow_array::{ArrayRef, UInt32Array};
use operator_model::Scalar;
use std::collections::HashMap;

/// How the values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Number of values that are present.
    Count,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Average.
    Mean,
    /// First value of the group, null or not.
    First,
    /// Last value of the group, null or not.
    Last,
    /// Middle value; the mean of the two middle ones of an even number.
    Median,
}

/// One column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Column that is aggregated.
    pub column: String,
    /// How.
    pub aggregate: Aggregate,
    /// Name in the result.
    pub name: String,
}

impl Table {
    /// One row for each distinct combination of `by`, in order of first appearance. Nulls and NaN
    /// take no part in sums and the like; a group without any value has null (`count`: 0).
    /// With no `by`, one row for the whole table, also for an empty one.
    ///
    /// # Errors
    /// No such column, arithmetic on texts or booleans, or a name that occurs twice.
    pub fn group(&self, by: &[String], measures: &[Measure]) -> Result<Self, TableError> {
        let groups = self.partition(by)?;
        let firsts: UInt32Array = groups
            .iter()
            .filter_map(|rows| rows.first().copied())
            .collect();
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for name in by {
            let (field, array) = self.column(name)?;
            fields.push(field.clone());
            columns.extend(take_columns(std::slice::from_ref(array), &firsts)?);
        }
        for measure in measures {
            let (field, array) = self.measure(measure, &groups)?;
            fields.push(field);
            columns.push(array);
        }
        Self::from_arrays(&self.name, fields, columns, groups.len())
    }

    /// Positions of the rows of each group.
    fn partition(&self, by: &[String]) -> Result<Vec<Vec<u32>>, TableError> {
        let rows = u32::try_from(self.rows).map_err(|_wide| TableError::OutOfRange)?;
        if by.is_empty() {
            return Ok(vec![(0..rows).collect()]);
        }
        let keys = RowKeys::of(self, &by.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut index: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for row in 0..rows {
            let group = *index.entry(keys.key(row as usize)).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(members) => members.push(row),
                None => groups.push(vec![row]),
            }
        }
        Ok(groups)
    }

    fn measure(
        &self,
        measure: &Measure,
        groups: &[Vec<u32>],
    ) -> Result<(Field, ArrayRef), TableError> {
        let (source, array) = self.column(&measure.column)?;
        let cells = Values::of(source, array)?;
        let named = |kind, unit| Field {
            name: measure.name.clone(),
            kind,
            unit,
        };
        let pick = |row: fn(&[u32]) -> Option<&u32>| {
            let rows: UInt32Array = groups.iter().map(|rows| row(rows).copied()).collect();
            arrow_select::take::take(array, &rows, None).map_err(|_mismatch| TableError::OutOfRange)
        };
        match measure.aggregate {
            Aggregate::First => {
                return Ok((
                    named(source.kind, source.unit.clone()),
                    pick(<[u32]>::first)?,
                ));
            }
            Aggregate::Last => {
                return Ok((
                    named(source.kind, source.unit.clone()),
                    pick(<[u32]>::last)?,
                ));
            }
            Aggregate::Count => {
                let counts = groups
                    .iter()
                    .map(|rows| i64::try_from(present(&cells, rows).count()).ok())
                    .collect();
                return Ok((
                    named(Kind::Integer, Some("1".to_owned())),
                    Column::Integers(counts).into_array(),
                ));
            }
            _ => {}
        }
        if matches!(source.kind, Kind::Text | Kind::Boolean) {
            return Err(TableError::WrongKind(source.kind));
        }
        if source.kind == Kind::Integer
            && !matches!(measure.aggregate, Aggregate::Mean | Aggregate::Median)
        {
            let values = groups
                .iter()
                .map(|rows| fold_integers(measure.aggregate, &cells, rows))
                .collect();
            return Ok((
                named(Kind::Integer, source.unit.clone()),
                Column::Integers(values).into_array(),
            ));
        }
        let values = groups
            .iter()
            .map(|rows| fold_floats(measure.aggregate, &cells, rows))
            .collect();
        Ok((
            named(Kind::Float, source.unit.clone()),
            Column::Floats(values).into_array(),
        ))
    }
}

fn present<'a>(values: &'a Values<'_>, rows: &'a [u32]) -> impl Iterator<Item = Scalar> + 'a {
    rows.iter()
        .map(|row| values.scalar(*row as usize))
        .filter(|value| *value != Scalar::Null)
}

/// Exact, so that 64-bit ids survive `min` and `max`. A sum that overflows stays at the limit.
fn fold_integers(aggregate: Aggregate, values: &Values<'_>, rows: &[u32]) -> Option<i64> {
    let values = present(values, rows).filter_map(|value| match value {
        Scalar::Integer(value) => Some(value),
        _ => None,
    });
    match aggregate {
        Aggregate::Min => values.min(),
        Aggregate::Max => values.max(),
        _ => values.reduce(i64::saturating_add),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rows are at most ROWS_MAX, far below 2^53"
)]
fn fold_floats(aggregate: Aggregate, values: &Values<'_>, rows: &[u32]) -> Option<f64> {
    let mut values: Vec<f64> = present(values, rows)
        .filter_map(|value| value.as_f64())
        .filter(|value| !value.is_nan())
        .collect();
    let len = values.len();
    match aggregate {
        _ if len == 0 => None,
        Aggregate::Min => values.into_iter().reduce(f64::min),
        Aggregate::Max => values.into_iter().reduce(f64::max),
        Aggregate::Mean => Some(values.iter().sum::<f64>() / len as f64),
        Aggregate::Median => {
            values.sort_by(f64::total_cmp);
            let low = values.get((len - 1) / 2)?;
            let high = values.get(len / 2)?;
            Some(f64::midpoint(*low, *high))
        }
        _ => Some(values.iter().sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let texts = |values: [&str; 5]| Column::Texts(values.map(|s| Some(s.to_owned())).to_vec());
        Table::from_columns(
            "t",
            vec![
                ("k", None, texts(["b", "a", "b", "a", "b"])),
                (
                    "n",
                    Some("By"),
                    Column::Integers(vec![Some(5), Some(i64::MAX), Some(1), None, Some(3)]),
                ),
                (
                    "f",
                    None,
                    Column::Floats(vec![Some(1.0), None, Some(f64::NAN), None, Some(4.0)]),
                ),
            ],
        )
        .unwrap()
    }

    fn measure(column: &str, aggregate: Aggregate) -> Measure {
        Measure {
            column: column.to_owned(),
            aggregate,
            name: "m".to_owned(),
        }
    }

    #[test]
    fn groups_stand_in_order_of_first_appearance() {
        let grouped = table()
            .group(&["k".to_owned()], &[measure("n", Aggregate::Sum)])
            .unwrap();
        assert_eq!(
            (grouped.text(0, "k"), grouped.text(1, "k")),
            (Some("b"), Some("a"))
        );
        assert_eq!(grouped.integers("m", 0, 2).unwrap(), [9, i64::MAX]);
        assert_eq!(grouped.fields[1].unit.as_deref(), Some("By"));
    }

    #[test]
    fn each_aggregate_skips_nulls_and_nan() {
        let cases = [
            ("n", Aggregate::Count, Scalar::Integer(3)),
            ("f", Aggregate::Count, Scalar::Integer(3)),
            ("n", Aggregate::Min, Scalar::Integer(1)),
            ("f", Aggregate::Max, Scalar::Float(4.0)),
            ("f", Aggregate::Sum, Scalar::Float(5.0)),
            ("f", Aggregate::Mean, Scalar::Float(2.5)),
            ("n", Aggregate::Median, Scalar::Float(3.0)),
            ("f", Aggregate::Median, Scalar::Float(2.5)),
            ("n", Aggregate::First, Scalar::Integer(5)),
            ("n", Aggregate::Last, Scalar::Integer(3)),
        ];
        for (column, aggregate, expected) in cases {
            let grouped = table()
                .group(&["k".to_owned()], &[measure(column, aggregate)])
                .unwrap();
            assert_eq!(
                grouped.scalar(0, "m"),
                expected,
                "{aggregate:?} of {column}"
            );
        }
    }

    #[test]
    fn a_group_without_values_is_null_and_never_zero() {
        let grouped = table()
            .group(&["k".to_owned()], &[measure("f", Aggregate::Sum)])
            .unwrap();
        assert_eq!(grouped.scalar(1, "m"), Scalar::Null);
    }

    #[test]
    fn without_columns_the_whole_table_is_one_group() {
        let empty = Table::from_columns("t", vec![("n", None, Column::Integers(vec![]))]).unwrap();
        let grouped = empty.group(&[], &[measure("n", Aggregate::Count)]).unwrap();
        assert_eq!(
            (grouped.rows, grouped.scalar(0, "m")),
            (1, Scalar::Integer(0))
        );
    }

    #[test]
    fn texts_cannot_be_summed() {
        let wrong = table().group(&[], &[measure("k", Aggregate::Sum)]);
        assert_eq!(wrong.unwrap_err(), TableError::WrongKind(Kind::Text));
    }
}
