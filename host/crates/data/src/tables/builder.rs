//! Building a table column by column, as the contract's `builder` resource does.

use super::{PackedText, ROWS_MAX, TABLE_BYTES_MAX, TableError, too_large};
use crate::{Field, Kind, Table};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use std::sync::Arc;

/// Collects the columns of one table. Sizes are checked at every push, so that a plugin can never
/// make the host hold more than one table's limit.
#[derive(Debug)]
pub struct TableBuilder {
    name: String,
    fields: Vec<Field>,
    columns: Vec<Pending>,
    bytes: usize,
}

/// One column that grows.
#[derive(Debug)]
struct Pending {
    values: Values,
    present: Option<Vec<bool>>,
}

#[derive(Debug)]
enum Values {
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Texts { text: String, ends: Vec<i32> },
    Instants(Vec<u64>),
}

impl TableBuilder {
    /// An empty table with these columns. Names are checked by [`Self::finish`].
    #[must_use]
    pub fn new(name: impl Into<String>, fields: Vec<Field>) -> Self {
        let columns = fields
            .iter()
            .map(|field| Pending {
                values: Values::new(field.kind),
                present: None,
            })
            .collect();
        Self {
            name: name.into(),
            fields,
            columns,
            bytes: 0,
        }
    }

    /// Appends floats.
    ///
    /// # Errors
    /// No such column, another kind, or a limit.
    pub fn push_floats(&mut self, column: usize, values: &[f64]) -> Result<(), TableError> {
        self.reserve(size_of_val(values))?;
        match &mut self.column(column, values.len())?.values {
            Values::Floats(kept) => {
                kept.extend_from_slice(values);
                Ok(())
            }
            other => Err(TableError::WrongKind(other.kind())),
        }
    }

    /// Appends integers.
    ///
    /// # Errors
    /// No such column, another kind, or a limit.
    pub fn push_integers(&mut self, column: usize, values: &[i64]) -> Result<(), TableError> {
        self.reserve(size_of_val(values))?;
        match &mut self.column(column, values.len())?.values {
            Values::Integers(kept) => {
                kept.extend_from_slice(values);
                Ok(())
            }
            other => Err(TableError::WrongKind(other.kind())),
        }
    }

    /// Appends instants, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// No such column, another kind, or a limit.
    pub fn push_instants(&mut self, column: usize, values: &[u64]) -> Result<(), TableError> {
        self.reserve(size_of_val(values))?;
        match &mut self.column(column, values.len())?.values {
            Values::Instants(kept) => {
                kept.extend_from_slice(values);
                Ok(())
            }
            other => Err(TableError::WrongKind(other.kind())),
        }
    }

    /// Appends booleans, one byte each; anything but 0 is true.
    ///
    /// # Errors
    /// No such column, another kind, or a limit.
    pub fn push_booleans(&mut self, column: usize, values: &[u8]) -> Result<(), TableError> {
        self.reserve(values.len())?;
        match &mut self.column(column, values.len())?.values {
            Values::Booleans(kept) => {
                kept.extend(values.iter().map(|byte| *byte != 0));
                Ok(())
            }
            other => Err(TableError::WrongKind(other.kind())),
        }
    }

    /// Appends texts. Bytes behind the last end are an error, not silently dropped.
    ///
    /// # Errors
    /// No such column, another kind, ends that are not ordered character boundaries, or a limit.
    pub fn push_texts(&mut self, column: usize, values: &PackedText) -> Result<(), TableError> {
        self.reserve(values.text.len() + size_of_val(values.ends.as_slice()))?;
        match &mut self.column(column, values.ends.len())?.values {
            Values::Texts { text, ends } => {
                let shifted = shift_ends(values, text.len())?;
                text.push_str(&values.text);
                ends.extend(shifted);
                Ok(())
            }
            other => Err(TableError::WrongKind(other.kind())),
        }
    }

    /// Says which values of a column are present, one byte a row. Replaces an earlier call.
    ///
    /// # Errors
    /// No such column, or a limit. The length is checked by [`Self::finish`].
    pub fn set_validity(&mut self, column: usize, present: &[u8]) -> Result<(), TableError> {
        self.reserve(present.len())?;
        self.column(column, 0)?.present = Some(present.iter().map(|byte| *byte != 0).collect());
        Ok(())
    }

    /// The table.
    ///
    /// # Errors
    /// Columns or validities of different length, a column name that occurs twice, or a limit.
    pub fn finish(self) -> Result<Table, TableError> {
        let rows = self.columns.first().map_or(0, |column| column.values.len());
        let columns = self
            .columns
            .into_iter()
            .map(|column| column.into_array(rows))
            .collect::<Result<_, _>>()?;
        Table::from_arrays(&self.name, self.fields, columns, rows)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), TableError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > TABLE_BYTES_MAX {
            Err(too_large(TABLE_BYTES_MAX))
        } else {
            Ok(())
        }
    }

    /// The column, if `more` rows still fit.
    fn column(&mut self, index: usize, more: usize) -> Result<&mut Pending, TableError> {
        let column = self.columns.get_mut(index).ok_or(TableError::OutOfRange)?;
        if column.values.len().saturating_add(more) > ROWS_MAX {
            return Err(too_large(ROWS_MAX));
        }
        Ok(column)
    }
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Booleans(Vec::new()),
            Kind::Integer => Self::Integers(Vec::new()),
            Kind::Float => Self::Floats(Vec::new()),
            Kind::Text => Self::Texts {
                text: String::new(),
                ends: Vec::new(),
            },
            Kind::Instant => Self::Instants(Vec::new()),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Booleans(_) => Kind::Boolean,
            Self::Integers(_) => Kind::Integer,
            Self::Floats(_) => Kind::Float,
            Self::Texts { .. } => Kind::Text,
            Self::Instants(_) => Kind::Instant,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Booleans(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Texts { ends, .. } => ends.len(),
            Self::Instants(values) => values.len(),
        }
    }
}

impl Pending {
    fn into_array(self, rows: usize) -> Result<ArrayRef, TableError> {
        let wrong_length = self
            .present
            .as_ref()
            .is_some_and(|present| present.len() != rows);
        if self.values.len() != rows || wrong_length {
            return Err(TableError::OutOfRange);
        }
        let nulls = self
            .present
            .map(|present| NullBuffer::new(BooleanBuffer::from(present)))
            .filter(|nulls| nulls.null_count() > 0);
        Ok(match self.values {
            Values::Booleans(values) => {
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))
            }
            Values::Integers(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Floats(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Instants(values) => Arc::new(UInt64Array::new(values.into(), nulls)),
            Values::Texts { text, ends } => Arc::new(text_array(text, &ends, nulls)?),
        })
    }
}

fn text_array(
    text: String,
    ends: &[i32],
    nulls: Option<NullBuffer>,
) -> Result<StringArray, TableError> {
    let offsets: Vec<i32> = std::iter::once(0).chain(ends.iter().copied()).collect();
    StringArray::try_new(
        OffsetBuffer::new(offsets.into()),
        Buffer::from(text.into_bytes()),
        nulls,
    )
    .map_err(|_invalid| TableError::OutOfRange)
}

/// The ends of `values` behind `base` bytes of earlier text, checked to rise, to lie on character
/// boundaries and to cover the text.
fn shift_ends(values: &PackedText, base: usize) -> Result<Vec<i32>, TableError> {
    let mut shifted = Vec::with_capacity(values.ends.len());
    let mut previous = 0;
    for end in &values.ends {
        let end = usize::try_from(*end).map_err(|_too_wide| TableError::OutOfRange)?;
        if end < previous || !values.text.is_char_boundary(end) {
            return Err(TableError::OutOfRange);
        }
        previous = end;
        shifted.push(i32::try_from(base + end).map_err(|_too_wide| too_large(TABLE_BYTES_MAX))?);
    }
    if previous == values.text.len() {
        Ok(shifted)
    } else {
        Err(TableError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: Kind) -> Field {
        Field {
            name: name.to_owned(),
            kind,
            unit: None,
        }
    }

    #[test]
    fn a_table_holds_what_was_pushed_in_several_parts() {
        let mut builder =
            TableBuilder::new("t", vec![field("n", Kind::Integer), field("s", Kind::Text)]);
        builder.push_integers(0, &[1, 2]).unwrap();
        builder.push_integers(0, &[3]).unwrap();
        builder
            .push_texts(
                1,
                &PackedText {
                    text: "aé".to_owned(),
                    ends: vec![1, 3],
                },
            )
            .unwrap();
        builder
            .push_texts(
                1,
                &PackedText {
                    text: "z".to_owned(),
                    ends: vec![1],
                },
            )
            .unwrap();
        builder.set_validity(0, &[1, 0, 1]).unwrap();
        let table = builder.finish().unwrap();
        assert_eq!(table.integers("n", 0, 3).unwrap(), [1, 0, 3]);
        assert_eq!(table.validity("n", 0, 3).unwrap(), [1, 0, 1]);
        assert_eq!(table.text(1, "s"), Some("é"));
        assert_eq!(table.text(2, "s"), Some("z"));
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_the_kind_of_the_column() {
        let mut builder = TableBuilder::new("t", vec![field("n", Kind::Integer)]);
        assert_eq!(
            builder.push_floats(0, &[1.0]),
            Err(TableError::WrongKind(Kind::Integer))
        );
        assert_eq!(builder.push_integers(7, &[1]), Err(TableError::OutOfRange));
    }

    #[test]
    fn text_ends_that_fall_back_or_cut_a_character_or_leave_a_rest_are_refused() {
        for (text, ends) in [
            ("ab", vec![2, 1]),
            ("é", vec![1, 2]),
            ("ab", vec![1]),
            ("ab", vec![3]),
        ] {
            let mut builder = TableBuilder::new("t", vec![field("s", Kind::Text)]);
            let packed = PackedText {
                text: text.to_owned(),
                ends,
            };
            assert_eq!(
                builder.push_texts(0, &packed),
                Err(TableError::OutOfRange),
                "{packed:?}"
            );
        }
    }

    #[test]
    fn finish_refuses_columns_of_different_length() {
        let mut builder =
            TableBuilder::new("t", vec![field("a", Kind::Float), field("b", Kind::Float)]);
        builder.push_floats(0, &[1.0]).unwrap();
        assert_eq!(builder.finish().unwrap_err(), TableError::OutOfRange);
    }

    #[test]
    fn more_rows_than_the_limit_are_refused_while_pushing() {
        let mut builder = TableBuilder::new("t", vec![field("a", Kind::Boolean)]);
        builder.push_booleans(0, &vec![1; ROWS_MAX]).unwrap();
        assert_eq!(
            builder.push_booleans(0, &[1]),
            Err(TableError::TooLarge(4_000_000))
        );
    }
}
