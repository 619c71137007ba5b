//! Choosing and ordering rows.

use super::TableError;
use super::read::Values;
use crate::{Kind, Table};
use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::BooleanBuffer;
use arrow_ord::sort::{SortColumn, lexsort_to_indices};
use arrow_schema::SortOptions;
use arrow_select::filter::FilterBuilder;
use operator_model::{Comparison, Scalar};
use std::sync::Arc;

/// Keeps a row when `column comparison value` holds. A null never compares as true, nor does NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Column name.
    pub column: String,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub value: Scalar,
}

impl Table {
    /// Rows for which every term holds, in their order.
    ///
    /// # Errors
    /// No such column, or a value that the column's kind can never compare with.
    pub fn filter(&self, all_of: &[Term]) -> Result<Self, TableError> {
        let mut keep = BooleanBuffer::new_set(self.rows);
        for term in all_of {
            keep = &keep & &self.holding(term)?;
        }
        let mask = BooleanArray::new(keep, None);
        let rows = mask.true_count();
        if rows == self.rows {
            return Ok(self.clone());
        }
        let columns = match rows {
            0 => self
                .columns
                .iter()
                .map(|column| column.slice(0, 0))
                .collect(),
            _ => {
                let kept = FilterBuilder::new(&mask).optimize().build();
                let columns = self.columns.iter().map(|column| kept.filter(column));
                columns
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|_mismatch| TableError::OutOfRange)?
            }
        };
        Self::from_arrays(&self.name, self.fields.clone(), columns, rows)
    }

    /// Rows ordered by these columns; `true` means descending. Nulls come last, equal rows keep
    /// their order, NaN counts as larger than every number.
    ///
    /// # Errors
    /// No such column.
    pub fn sort(&self, by: &[(String, bool)]) -> Result<Self, TableError> {
        let mut columns = Vec::with_capacity(by.len() + 1);
        for (name, descending) in by {
            let options = SortOptions {
                descending: *descending,
                nulls_first: false,
            };
            columns.push(SortColumn {
                values: Arc::clone(self.column(name)?.1),
                options: Some(options),
            });
        }
        // The kernel is not stable: the position as the last key makes it so.
        let positions: UInt32Array =
            (0..u32::try_from(self.rows).map_err(|_wide| TableError::OutOfRange)?).collect();
        columns.push(SortColumn {
            values: Arc::new(positions),
            options: None,
        });
        let order =
            lexsort_to_indices(&columns, None).map_err(|_unsortable| TableError::OutOfRange)?;
        self.take(&order)
    }

    /// The rows at these positions, in this order.
    pub(super) fn take(&self, rows: &UInt32Array) -> Result<Self, TableError> {
        let columns = take_columns(&self.columns, rows)?;
        Self::from_arrays(&self.name, self.fields.clone(), columns, rows.len())
    }

    /// One bit for each row. The usual kinds are compared without making a value of each row.
    fn holding(&self, term: &Term) -> Result<BooleanBuffer, TableError> {
        let (field, array) = self.column(&term.column)?;
        let is_text = matches!(term.value, Scalar::Text(_));
        if !matches!(term.value, Scalar::Null) && is_text != (field.kind == Kind::Text) {
            return Err(TableError::WrongKind(field.kind));
        }
        let values = Values::of(field, array)?;
        let rows = self.rows;
        let comparison = term.comparison;
        let holding = match (&values, &term.value) {
            (Values::Texts(values), Scalar::Text(wanted)) => {
                compared(rows, comparison, wanted.as_str(), |row| values.value(row))
            }
            (Values::Integers(values), Scalar::Integer(wanted)) => {
                compared_slice(values.values(), comparison, *wanted)
            }
            (Values::Integers(values), Scalar::Float(wanted)) => {
                compared(rows, comparison, *wanted, |row| values.value(row) as f64)
            }
            (Values::Floats(values), wanted) => match wanted.as_f64() {
                Some(wanted) => compared_slice(values.values(), comparison, wanted),
                None => BooleanBuffer::new_unset(rows),
            },
            (values, wanted) => BooleanBuffer::collect_bool(rows, |row| {
                comparison.holds(&values.scalar(row), wanted)
            }),
        };
        Ok(array
            .nulls()
            .map_or_else(|| holding.clone(), |valid| &holding & valid.inner()))
    }
}

fn compared_slice<T: PartialOrd + Copy>(
    values: &[T],
    comparison: Comparison,
    wanted: T,
) -> BooleanBuffer {
    #[expect(
        clippy::indexing_slicing,
        reason = "asked for the rows of this very slice"
    )]
    compared(values.len(), comparison, wanted, |row| values[row])
}

/// What compares as neither more, less nor equal (NaN) holds for nothing.
fn compared<T: PartialOrd>(
    rows: usize,
    comparison: Comparison,
    wanted: T,
    value: impl Fn(usize) -> T,
) -> BooleanBuffer {
    match comparison {
        Comparison::Eq => BooleanBuffer::collect_bool(rows, |row| value(row) == wanted),
        Comparison::Ne => {
            BooleanBuffer::collect_bool(rows, |row| value(row) < wanted || value(row) > wanted)
        }
        Comparison::Lt => BooleanBuffer::collect_bool(rows, |row| value(row) < wanted),
        Comparison::Le => BooleanBuffer::collect_bool(rows, |row| value(row) <= wanted),
        Comparison::Gt => BooleanBuffer::collect_bool(rows, |row| value(row) > wanted),
        Comparison::Ge => BooleanBuffer::collect_bool(rows, |row| value(row) >= wanted),
    }
}

/// The values of every column at these positions.
pub(super) fn take_columns(
    columns: &[ArrayRef],
    rows: &UInt32Array,
) -> Result<Vec<ArrayRef>, TableError> {
    columns
        .iter()
        .map(|column| arrow_select::take::take(column, rows, None))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_mismatch| TableError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Column;

    fn table() -> Table {
        Table::from_columns(
            "t",
            vec![
                (
                    "n",
                    None,
                    Column::Integers(vec![Some(2), None, Some(1), Some(2)]),
                ),
                (
                    "f",
                    None,
                    Column::Floats(vec![Some(0.5), Some(f64::NAN), None, Some(2.5)]),
                ),
                (
                    "s",
                    None,
                    Column::Texts(["a", "b", "c", "d"].map(|s| Some(s.to_owned())).to_vec()),
                ),
            ],
        )
        .unwrap()
    }

    fn names(table: &Table) -> Vec<&str> {
        (0..table.rows)
            .filter_map(|row| table.text(row, "s"))
            .collect()
    }

    fn term(column: &str, comparison: Comparison, value: Scalar) -> Term {
        Term {
            column: column.to_owned(),
            comparison,
            value,
        }
    }

    /// The fast paths must agree with the contract, for each kind, comparison and value.
    #[test]
    fn every_filter_keeps_exactly_the_rows_for_which_the_comparison_holds() {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        let nan = f64::NAN;
        let wanted = [
            Scalar::Null,
            Scalar::Integer(2),
            Scalar::Integer(1),
            Scalar::Float(2.0),
            Scalar::Float(0.5),
            Scalar::Float(nan),
            Scalar::Boolean(true),
            Scalar::Text("b".to_owned()),
        ];
        let table = table();
        let mut kept = 0;
        for (column, value, comparison) in ["n", "f", "s"]
            .iter()
            .flat_map(|column| wanted.iter().map(move |value| (column, value)))
            .flat_map(|(column, value)| {
                [Eq, Ne, Lt, Le, Gt, Ge].map(|comparison| (column, value, comparison))
            })
        {
            let expected: Vec<usize> = (0..table.rows)
                .filter(|row| comparison.holds(&table.scalar(*row, column), value))
                .collect();
            let expected: Vec<&str> = expected
                .iter()
                .filter_map(|row| table.text(*row, "s"))
                .collect();
            match table.filter(&[term(column, comparison, value.clone())]) {
                Ok(found) => {
                    assert_eq!(names(&found), expected, "{column} {comparison:?} {value:?}")
                }
                Err(error) => assert!(
                    matches!(error, TableError::WrongKind(_)) && expected.is_empty(),
                    "{error:?}"
                ),
            }
            kept += expected.len();
        }
        assert!(kept > 20, "{kept}");
    }

    #[test]
    fn neither_null_nor_nan_ever_compares_as_true() {
        let table = table();
        for comparison in [Comparison::Lt, Comparison::Ge, Comparison::Ne] {
            let kept = table
                .filter(&[term("f", comparison, Scalar::Float(1.0))])
                .unwrap();
            assert!(
                !names(&kept).contains(&"b") && !names(&kept).contains(&"c"),
                "{comparison:?}"
            );
        }
        assert_eq!(
            table
                .filter(&[term("n", Comparison::Eq, Scalar::Null)])
                .unwrap()
                .rows,
            0
        );
    }

    #[test]
    fn all_terms_must_hold_and_numbers_compare_across_kinds() {
        let terms = [
            term("n", Comparison::Ge, Scalar::Float(1.5)),
            term("s", Comparison::Gt, Scalar::Text("a".to_owned())),
        ];
        assert_eq!(names(&table().filter(&terms).unwrap()), ["d"]);
        assert_eq!(names(&table().filter(&[]).unwrap()), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_text_compared_with_a_number_is_an_error() {
        let wrong = [term("s", Comparison::Eq, Scalar::Integer(1))];
        assert_eq!(
            table().filter(&wrong).unwrap_err(),
            TableError::WrongKind(Kind::Text)
        );
    }

    #[test]
    fn sorting_is_stable_and_puts_nulls_last_in_both_directions() {
        let table = table();
        assert_eq!(
            names(&table.sort(&[("n".to_owned(), false)]).unwrap()),
            ["c", "a", "d", "b"]
        );
        assert_eq!(
            names(&table.sort(&[("n".to_owned(), true)]).unwrap()),
            ["a", "d", "c", "b"]
        );
        assert_eq!(names(&table.sort(&[]).unwrap()), ["a", "b", "c", "d"]);
        assert!(table.sort(&[("x".to_owned(), true)]).is_err());
    }
}
