//! Columns that the host itself makes, with nulls spelled as `None`.

use super::{COLUMNS_MAX, ROWS_MAX, TableError, too_large};
use crate::{Field, Kind, Table};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use std::sync::Arc;

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// True or false.
    Booleans(Vec<Option<bool>>),
    /// 64-bit signed integers.
    Integers(Vec<Option<i64>>),
    /// 64-bit floats.
    Floats(Vec<Option<f64>>),
    /// UTF-8 texts.
    Texts(Vec<Option<String>>),
    /// Nanoseconds since the Unix epoch.
    Instants(Vec<Option<u64>>),
}

impl Column {
    /// Kind of the values.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Booleans(_) => Kind::Boolean,
            Self::Integers(_) => Kind::Integer,
            Self::Floats(_) => Kind::Float,
            Self::Texts(_) => Kind::Text,
            Self::Instants(_) => Kind::Instant,
        }
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Booleans(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Instants(values) => values.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Arrow array of the values.
    pub(super) fn into_array(self) -> ArrayRef {
        match self {
            Self::Booleans(values) => Arc::new(BooleanArray::from(values)),
            Self::Integers(values) => Arc::new(Int64Array::from(values)),
            Self::Floats(values) => Arc::new(Float64Array::from(values)),
            Self::Texts(values) => Arc::new(StringArray::from(values)),
            Self::Instants(values) => Arc::new(UInt64Array::from(values)),
        }
    }
}

impl Table {
    /// A table from columns that the host made: name, unit and values of each.
    ///
    /// # Errors
    /// Columns of different length, a name that occurs twice, too many rows or columns.
    pub fn from_columns(
        name: &str,
        columns: Vec<(&str, Option<&str>, Column)>,
    ) -> Result<Self, TableError> {
        let rows = columns.first().map_or(0, |(_, _, column)| column.len());
        if columns.iter().any(|(_, _, column)| column.len() != rows) {
            return Err(TableError::OutOfRange);
        }
        let (fields, arrays) = columns
            .into_iter()
            .map(|(name, unit, column)| {
                let field = Field {
                    name: name.to_owned(),
                    kind: column.kind(),
                    unit: unit.map(str::to_owned),
                };
                (field, column.into_array())
            })
            .unzip();
        Self::from_arrays(name, fields, arrays, rows)
    }

    /// The one place where a table comes into being: names are unique and sizes inside the limits.
    pub(super) fn from_arrays(
        name: &str,
        fields: Vec<Field>,
        columns: Vec<ArrayRef>,
        rows: usize,
    ) -> Result<Self, TableError> {
        if rows > ROWS_MAX {
            return Err(too_large(ROWS_MAX));
        }
        if fields.len() > COLUMNS_MAX {
            return Err(too_large(COLUMNS_MAX));
        }
        for (index, field) in fields.iter().enumerate() {
            if fields
                .iter()
                .skip(index + 1)
                .any(|other| other.name == field.name)
            {
                return Err(TableError::NoSuchColumn(field.name.clone()));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            fields,
            columns,
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_different_length_are_refused() {
        let columns = vec![
            ("a", None, Column::Integers(vec![Some(1), None])),
            ("b", None, Column::Texts(vec![Some("x".to_owned())])),
        ];
        assert_eq!(
            Table::from_columns("t", columns).unwrap_err(),
            TableError::OutOfRange
        );
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        let columns = vec![
            ("a", None, Column::Integers(vec![])),
            ("a", None, Column::Floats(vec![])),
        ];
        assert_eq!(
            Table::from_columns("t", columns).unwrap_err(),
            TableError::NoSuchColumn("a".to_owned())
        );
    }
}
