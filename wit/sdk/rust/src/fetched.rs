//! A column as it came from the host: values in one block and texts as one blob with ends. A value of its own for each
//! row would cost more than most checks do.

use crate::bindings::shared::tables::{PackedText, Table};
use crate::table::Values;
use crate::{Field, Kind, Scalar, TableError};

/// One column.
pub(crate) struct Fetched {
    block: Block,
    /// 0 for a row without a value; absent where every row has one.
    present: Option<Vec<u8>>,
}

enum Block {
    Texts(PackedText),
    Floats(Vec<f64>),
    Integers(Vec<i64>),
    Instants(Vec<u64>),
    Booleans(Vec<u8>),
    /// A column of a table that a test made.
    Memory(Values),
}

impl Fetched {
    /// A whole column with its nulls.
    pub(crate) fn of_host(table: &Table, field: &Field) -> Result<Self, TableError> {
        let (name, rows) = (field.name.as_str(), table.rows());
        let present = table.validity(name, 0, rows)?;
        let block = match field.kind {
            Kind::Text => Block::Texts(table.texts(name, 0, rows)?),
            Kind::Float => Block::Floats(table.floats(name, 0, rows)?),
            Kind::Integer => Block::Integers(table.integers(name, 0, rows)?),
            Kind::Instant => Block::Instants(table.instants(name, 0, rows)?),
            Kind::Boolean => Block::Booleans(table.booleans(name, 0, rows)?),
        };
        Ok(Self {
            block,
            present: present.contains(&0).then_some(present),
        })
    }

    pub(crate) fn of_memory(values: Values) -> Self {
        Self {
            block: Block::Memory(values),
            present: None,
        }
    }

    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match &self.block {
            Block::Texts(packed) => self.known(row, || text_at(packed, row)),
            Block::Memory(Values::Text(values)) => values.get(row)?.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn float(&self, row: usize) -> Option<f64> {
        match &self.block {
            Block::Floats(values) => self.known(row, || values.get(row).copied()),
            Block::Memory(Values::Float(values)) => *values.get(row)?,
            _ => None,
        }
    }

    pub(crate) fn integer(&self, row: usize) -> Option<i64> {
        match &self.block {
            Block::Integers(values) => self.known(row, || values.get(row).copied()),
            Block::Memory(Values::Integer(values)) => *values.get(row)?,
            _ => None,
        }
    }

    pub(crate) fn instant(&self, row: usize) -> Option<u64> {
        match &self.block {
            Block::Instants(values) => self.known(row, || values.get(row).copied()),
            Block::Memory(Values::Instant(values)) => *values.get(row)?,
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, row: usize) -> Option<bool> {
        match &self.block {
            Block::Booleans(values) => self.known(row, || values.get(row).map(|value| *value != 0)),
            Block::Memory(Values::Boolean(values)) => *values.get(row)?,
            _ => None,
        }
    }

    /// A number, where the column has numbers.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts and sizes stay far below 2^53"
    )]
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        self.float(row)
            .or_else(|| self.integer(row).map(|value| value as f64))
    }

    pub(crate) fn scalar(&self, row: usize) -> Scalar {
        let known = match &self.block {
            Block::Texts(_) => self.text(row).map(|text| Scalar::Text(text.to_owned())),
            Block::Floats(_) => self.float(row).map(Scalar::Float),
            Block::Integers(_) => self.integer(row).map(Scalar::Integer),
            // Nanoseconds reach the end of i64 in the year 2262.
            Block::Instants(_) => self
                .instant(row)
                .map(|value| Scalar::Integer(i64::try_from(value).unwrap_or(i64::MAX))),
            Block::Booleans(_) => self.boolean(row).map(Scalar::Boolean),
            Block::Memory(values) => Some(values.scalar(row)),
        };
        known.unwrap_or(Scalar::Null)
    }

    fn known<T>(&self, row: usize, value: impl FnOnce() -> Option<T>) -> Option<T> {
        if self
            .present
            .as_ref()
            .is_some_and(|present| present.get(row) == Some(&0))
        {
            None
        } else {
            value()
        }
    }
}

fn text_at(packed: &PackedText, row: usize) -> Option<&str> {
    let at = |row: usize| usize::try_from(*packed.ends.get(row)?).ok();
    let start = row.checked_sub(1).map_or(Some(0), at)?;
    packed.text.get(start..at(row)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_ends_and_a_missing_one_is_not_known() {
        let packed = PackedText {
            text: "abcä".to_owned(),
            ends: vec![1, 3, 3, 5],
        };
        let column = Fetched {
            block: Block::Texts(packed),
            present: Some(vec![1, 1, 0, 1]),
        };
        let read: Vec<_> = (0..5).map(|row| column.text(row)).collect();
        assert_eq!(read, [Some("a"), Some("bc"), None, Some("ä"), None]);
        assert_eq!(
            (column.scalar(1), column.scalar(2)),
            (Scalar::Text("bc".to_owned()), Scalar::Null)
        );
        assert_eq!(column.number(0), None);
    }

    #[test]
    fn ends_that_cut_a_letter_are_no_text() {
        let packed = PackedText {
            text: "ä".to_owned(),
            ends: vec![1, 2],
        };
        assert_eq!(
            Fetched {
                block: Block::Texts(packed),
                present: None
            }
            .text(0),
            None
        );
    }

    #[test]
    fn a_value_is_read_as_its_own_kind_and_an_integer_as_a_number_too() {
        let column = Fetched {
            block: Block::Integers(vec![7, 8]),
            present: Some(vec![1, 0]),
        };
        assert_eq!(
            (column.integer(0), column.number(0), column.float(0)),
            (Some(7), Some(7.0), None)
        );
        assert_eq!(
            (column.integer(1), column.number(1), column.number(2)),
            (None, None, None)
        );
        let column = Fetched {
            block: Block::Booleans(vec![0, 1]),
            present: None,
        };
        assert_eq!(
            (column.boolean(0), column.boolean(1), column.scalar(1)),
            (Some(false), Some(true), Scalar::Boolean(true))
        );
    }
}
