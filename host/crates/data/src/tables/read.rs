//! Reading: windows of a column for guests, single values for the host.

use super::TableError;
use crate::{Field, Kind, Table};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringArray};
use operator_model::Scalar;

/// Text values as one string and the end of each value in it, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedText {
    /// All values, one behind the other.
    pub text: String,
    /// The end of each value.
    pub ends: Vec<u32>,
}

impl PackedText {
    /// Packs values.
    #[must_use]
    pub fn pack<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut packed = Self::default();
        for value in values {
            packed.text.push_str(value);
            packed
                .ends
                .push(u32::try_from(packed.text.len()).unwrap_or(u32::MAX));
        }
        packed
    }

    /// All values of an array without nulls: it holds them as one blob, too.
    fn of_whole(array: &StringArray) -> Option<Self> {
        let offsets = array.value_offsets();
        let start = *offsets.first()?;
        let end = *offsets.last()?;
        let blob = array
            .value_data()
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
        let ends = offsets
            .iter()
            .skip(1)
            .map(|end| u32::try_from(end - start))
            .collect::<Result<_, _>>()
            .ok()?;
        Some(Self {
            text: std::str::from_utf8(blob).ok()?.to_owned(),
            ends,
        })
    }

    /// The values, where the ends are valid.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .filter_map(|(start, end)| self.text.get(start as usize..*end as usize))
    }
}

impl Table {
    /// A window of floats; nulls read as NaN.
    ///
    /// # Errors
    /// No such column, another kind, or a window outside the table.
    pub fn floats(&self, column: &str, start: u32, len: u32) -> Result<Vec<f64>, TableError> {
        let window = self.window(column, start, len)?;
        let array = primitive::<Float64Type>(self.field(column)?, &window)?;
        if array.null_count() == 0 {
            return Ok(array.values().to_vec());
        }
        Ok(array
            .iter()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect())
    }

    /// A window of integers; nulls read as 0.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn integers(&self, column: &str, start: u32, len: u32) -> Result<Vec<i64>, TableError> {
        let window = self.window(column, start, len)?;
        Ok(values_or_zero(primitive::<Int64Type>(
            self.field(column)?,
            &window,
        )?))
    }

    /// A window of instants, in nanoseconds since the Unix epoch; nulls read as 0.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn instants(&self, column: &str, start: u32, len: u32) -> Result<Vec<u64>, TableError> {
        let window = self.window(column, start, len)?;
        Ok(values_or_zero(primitive::<UInt64Type>(
            self.field(column)?,
            &window,
        )?))
    }

    /// A window of booleans, one byte each; nulls read as 0.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn booleans(&self, column: &str, start: u32, len: u32) -> Result<Vec<u8>, TableError> {
        let window = self.window(column, start, len)?;
        let array = window
            .as_boolean_opt()
            .ok_or(TableError::WrongKind(self.field(column)?.kind))?;
        Ok(array
            .iter()
            .map(|value| u8::from(value.unwrap_or_default()))
            .collect())
    }

    /// A window of texts; nulls read as the empty text.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn texts(&self, column: &str, start: u32, len: u32) -> Result<PackedText, TableError> {
        let window = self.window(column, start, len)?;
        let array: &StringArray = window
            .as_string_opt()
            .ok_or(TableError::WrongKind(self.field(column)?.kind))?;
        let whole = (array.null_count() == 0)
            .then(|| PackedText::of_whole(array))
            .flatten();
        Ok(whole.unwrap_or_else(|| PackedText::pack(array.iter().map(Option::unwrap_or_default))))
    }

    /// Which values of a window are present, one byte each.
    ///
    /// # Errors
    /// No such column, or a window outside the table.
    pub fn validity(&self, column: &str, start: u32, len: u32) -> Result<Vec<u8>, TableError> {
        let window = self.window(column, start, len)?;
        if window.null_count() == 0 {
            return Ok(vec![1; window.len()]);
        }
        Ok((0..window.len())
            .map(|row| u8::from(window.is_valid(row)))
            .collect())
    }

    /// One value; null where there is none, also outside the table. An instant is given as an
    /// integer (nanoseconds since the Unix epoch).
    #[must_use]
    pub fn scalar(&self, row: usize, column: &str) -> Scalar {
        let values = self
            .column(column)
            .and_then(|(field, array)| Values::of(field, array));
        values.map_or(Scalar::Null, |values| values.scalar(row))
    }

    /// The key of the entity that a row is about: its parts, joined by `/`. `None` where a part is null.
    #[must_use]
    pub fn entity_key(&self, row: usize, key_columns: &[String]) -> Option<String> {
        let parts = key_columns
            .iter()
            .map(|column| match self.scalar(row, column) {
                Scalar::Null => None,
                part => Some(part.to_string()),
            });
        let parts: Vec<String> = parts.collect::<Option<_>>()?;
        (!parts.is_empty()).then(|| parts.join("/"))
    }

    /// One text; `None` where there is none, also outside the table and in columns of other kinds.
    #[must_use]
    pub fn text(&self, row: usize, column: &str) -> Option<&str> {
        let array: &StringArray = self.column(column).ok()?.1.as_string_opt()?;
        (row < array.len() && array.is_valid(row)).then(|| array.value(row))
    }

    /// One value as a number, where it is one.
    #[must_use]
    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.scalar(row, column).as_f64()
    }

    /// Name, kind and unit of a column.
    pub(super) fn field(&self, name: &str) -> Result<&Field, TableError> {
        Ok(self.column(name)?.0)
    }

    /// A column with its description.
    pub(super) fn column(&self, name: &str) -> Result<(&Field, &ArrayRef), TableError> {
        self.fields
            .iter()
            .zip(&self.columns)
            .find(|(field, _)| field.name == name)
            .ok_or_else(|| TableError::NoSuchColumn(name.to_owned()))
    }

    fn window(&self, column: &str, start: u32, len: u32) -> Result<ArrayRef, TableError> {
        let (_, array) = self.column(column)?;
        let start = start as usize;
        let len = len as usize;
        if start.checked_add(len).is_none_or(|end| end > array.len()) {
            return Err(TableError::OutOfRange);
        }
        Ok(array.slice(start, len))
    }
}

fn values_or_zero<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Vec<T::Native> {
    if array.null_count() == 0 {
        return array.values().to_vec();
    }
    array.iter().map(Option::unwrap_or_default).collect()
}

fn primitive<'a, T: ArrowPrimitiveType>(
    field: &Field,
    array: &'a ArrayRef,
) -> Result<&'a PrimitiveArray<T>, TableError> {
    array
        .as_primitive_opt::<T>()
        .ok_or(TableError::WrongKind(field.kind))
}

/// The Arrow type of each kind, in one place for matches that must stay complete.
pub(super) enum Values<'a> {
    Booleans(&'a BooleanArray),
    Integers(&'a PrimitiveArray<Int64Type>),
    Floats(&'a PrimitiveArray<Float64Type>),
    Texts(&'a StringArray),
    Instants(&'a PrimitiveArray<UInt64Type>),
}

impl<'a> Values<'a> {
    /// The typed view of a column.
    pub(super) fn of(field: &Field, array: &'a ArrayRef) -> Result<Self, TableError> {
        let view = match field.kind {
            Kind::Boolean => array.as_boolean_opt().map(Self::Booleans),
            Kind::Integer => array.as_primitive_opt().map(Self::Integers),
            Kind::Float => array.as_primitive_opt().map(Self::Floats),
            Kind::Text => array.as_string_opt().map(Self::Texts),
            Kind::Instant => array.as_primitive_opt().map(Self::Instants),
        };
        view.ok_or(TableError::WrongKind(field.kind))
    }

    /// The value at a row; null outside.
    pub(super) fn scalar(&self, row: usize) -> Scalar {
        let array = self.as_array();
        if row >= array.len() || array.is_null(row) {
            return Scalar::Null;
        }
        match self {
            Self::Booleans(values) => Scalar::Boolean(values.value(row)),
            Self::Integers(values) => Scalar::Integer(values.value(row)),
            Self::Floats(values) => Scalar::Float(values.value(row)),
            Self::Texts(values) => Scalar::Text(values.value(row).to_owned()),
            // Nanoseconds reach the end of i64 in the year 2262.
            Self::Instants(values) => {
                Scalar::Integer(i64::try_from(values.value(row)).unwrap_or(i64::MAX))
            }
        }
    }

    pub(super) fn as_array(&self) -> &dyn Array {
        match self {
            Self::Booleans(values) => *values,
            Self::Integers(values) => *values,
            Self::Floats(values) => *values,
            Self::Texts(values) => *values,
            Self::Instants(values) => *values,
        }
    }
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
                    "f",
                    Some("s"),
                    Column::Floats(vec![Some(1.5), None, Some(-0.5)]),
                ),
                (
                    "b",
                    None,
                    Column::Booleans(vec![Some(true), None, Some(false)]),
                ),
                (
                    "s",
                    None,
                    Column::Texts(vec![Some("ä".to_owned()), None, Some("c".to_owned())]),
                ),
                (
                    "t",
                    None,
                    Column::Instants(vec![Some(7), None, Some(u64::MAX)]),
                ),
            ],
        )
        .unwrap()
    }

    #[test]
    fn nulls_read_as_the_contract_says() {
        let table = table();
        let floats = table.floats("f", 0, 3).unwrap();
        assert!(floats[1].is_nan());
        assert_eq!(table.booleans("b", 0, 3).unwrap(), [1, 0, 0]);
        assert_eq!(table.instants("t", 1, 1).unwrap(), [0]);
        assert_eq!(
            table.texts("s", 0, 3).unwrap(),
            PackedText {
                text: "äc".to_owned(),
                ends: vec![2, 2, 3]
            }
        );
        assert_eq!(table.validity("s", 0, 3).unwrap(), [1, 0, 1]);
    }

    #[test]
    fn a_window_is_relative_to_its_start() {
        let packed = table().texts("s", 2, 1).unwrap();
        assert_eq!(
            packed,
            PackedText {
                text: "c".to_owned(),
                ends: vec![1]
            }
        );
        assert_eq!(packed.values().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn windows_outside_the_table_and_wrong_names_and_kinds_are_errors() {
        let table = table();
        assert_eq!(table.floats("f", 2, 2), Err(TableError::OutOfRange));
        assert_eq!(
            table.floats("f", u32::MAX, u32::MAX),
            Err(TableError::OutOfRange)
        );
        assert_eq!(
            table.floats("s", 0, 1),
            Err(TableError::WrongKind(Kind::Text))
        );
        assert_eq!(
            table.floats("x", 0, 1),
            Err(TableError::NoSuchColumn("x".to_owned()))
        );
    }

    #[test]
    fn single_values_are_null_where_nothing_is() {
        let table = table();
        assert_eq!(table.scalar(0, "b"), Scalar::Boolean(true));
        assert_eq!(table.scalar(2, "t"), Scalar::Integer(i64::MAX));
        assert_eq!(table.scalar(1, "f"), Scalar::Null);
        assert_eq!(table.scalar(9, "f"), Scalar::Null);
        assert_eq!(table.text(0, "s"), Some("ä"));
        assert_eq!(table.text(0, "f"), None);
        assert_eq!(table.number(2, "f"), Some(-0.5));
    }
}
