//! A column as it came from the host. Texts stay one blob with ends: a string of its own for each would cost more than
//! most checks do.

use crate::bindings::shared::tables::{PackedText, Table};
use crate::table::Values;
use crate::{Field, Kind, Scalar, TableError};

/// The values of one column.
pub(crate) enum Fetched {
    Packed(Texts),
    Plain(Values),
}

/// A column of texts.
pub(crate) struct Texts {
    packed: PackedText,
    /// 0 for a row without a value.
    present: Vec<u8>,
}

impl Fetched {
    /// A whole column with its nulls.
    pub(crate) fn of_host(table: &Table, field: &Field) -> Result<Self, TableError> {
        let (name, rows) = (field.name.as_str(), table.rows());
        let present = table.validity(name, 0, rows)?;
        Ok(Self::Plain(match field.kind {
            Kind::Text => return Ok(Self::Packed(Texts { packed: table.texts(name, 0, rows)?, present })),
            Kind::Float => Values::Float(with_nulls(table.floats(name, 0, rows)?, &present)),
            Kind::Integer => Values::Integer(with_nulls(table.integers(name, 0, rows)?, &present)),
            Kind::Instant => Values::Instant(with_nulls(table.instants(name, 0, rows)?, &present)),
            Kind::Boolean => {
                let values = table.booleans(name, 0, rows)?.into_iter().map(|value| value != 0);
                Values::Boolean(with_nulls(values, &present))
            }
        }))
    }

    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Packed(texts) => texts.get(row),
            Self::Plain(Values::Text(values)) => values.get(row)?.as_deref(),
            Self::Plain(_) => None,
        }
    }

    pub(crate) fn scalar(&self, row: usize) -> Scalar {
        match self {
            Self::Packed(texts) => texts.get(row).map_or(Scalar::Null, |text| Scalar::Text(text.to_owned())),
            Self::Plain(values) => values.scalar(row),
        }
    }
}

impl Texts {
    fn get(&self, row: usize) -> Option<&str> {
        if self.present.get(row) == Some(&0) {
            return None;
        }
        let at = |row: usize| usize::try_from(*self.packed.ends.get(row)?).ok();
        let start = row.checked_sub(1).map_or(Some(0), at)?;
        self.packed.text.get(start..at(row)?)
    }
}

fn with_nulls<T>(values: impl IntoIterator<Item = T>, present: &[u8]) -> Vec<Option<T>> {
    let known = |(row, value)| (present.get(row) != Some(&0)).then_some(value);
    values.into_iter().enumerate().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_ends_and_a_missing_one_is_not_known() {
        let packed = PackedText { text: "abcä".to_owned(), ends: vec![1, 3, 3, 5] };
        let column = Fetched::Packed(Texts { packed, present: vec![1, 1, 0, 1] });
        let read: Vec<_> = (0..5).map(|row| column.text(row)).collect();
        assert_eq!(read, [Some("a"), Some("bc"), None, Some("ä"), None]);
        assert_eq!((column.scalar(1), column.scalar(2)), (Scalar::Text("bc".to_owned()), Scalar::Null));
    }

    #[test]
    fn ends_that_cut_a_letter_are_no_text() {
        let packed = PackedText { text: "ä".to_owned(), ends: vec![1, 2] };
        assert_eq!(Fetched::Packed(Texts { packed, present: Vec::new() }).text(0), None);
    }
}
