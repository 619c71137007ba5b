//! Cells as bytes, so that rows can be compared, counted and hashed.

use super::TableError;
use super::read::Values;
use crate::Table;

/// Reads the cells of some columns of each row as one byte string: equal rows have equal bytes.
pub(super) struct RowKeys<'a> {
    columns: Vec<Values<'a>>,
}

impl<'a> RowKeys<'a> {
    pub(super) fn of(table: &'a Table, names: &[&str]) -> Result<Self, TableError> {
        let columns = names
            .iter()
            .map(|name| {
                table
                    .column(name)
                    .and_then(|(field, array)| Values::of(field, array))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// The key of a row, which must lie inside the table.
    pub(super) fn key(&self, row: usize) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.columns.len() * 12);
        self.columns
            .iter()
            .for_each(|column| write_cell(column, row, &mut key));
        key
    }

    /// Whether a cell of the key is null; such a row joins nothing.
    pub(super) fn has_null(&self, row: usize) -> bool {
        self.columns
            .iter()
            .any(|column| column.as_array().is_null(row))
    }
}

/// Appends one cell: a byte for presence, then the value, texts with their length before them.
pub(super) fn write_cell(column: &Values<'_>, row: usize, out: &mut Vec<u8>) {
    if column.as_array().is_null(row) {
        out.push(0);
        return;
    }
    out.push(1);
    match column {
        Values::Booleans(values) => out.push(u8::from(values.value(row))),
        Values::Integers(values) => out.extend(values.value(row).to_le_bytes()),
        Values::Floats(values) => {
            // A NaN has many bit patterns, and which one a guest computes is not defined.
            let value = if values.value(row).is_nan() {
                f64::NAN
            } else {
                values.value(row)
            };
            out.extend(value.to_bits().to_le_bytes());
        }
        Values::Instants(values) => out.extend(values.value(row).to_le_bytes()),
        Values::Texts(values) => {
            let text = values.value(row);
            out.extend(text.len().to_le_bytes());
            out.extend(text.as_bytes());
        }
    }
}
