//! Building of tables: columns in memory, handed to the host in one go.

use crate::bindings::shared::tables::{Builder, PackedText, Table};
use crate::{Field, Kind, Scalar, TableError};

/// Starts a table: `table("stores").texts("store", ids).floats("used", "By", used)`.
pub fn table(name: impl Into<String>) -> TableData {
    TableData {
        name: name.into(),
        columns: Vec::new(),
    }
}

/// A table whose columns are being collected. `None` is a null: not known.
#[derive(Debug, Clone, PartialEq)]
pub struct TableData {
    /// Name, as in the subject's schema.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name, unique in the table.
    pub name: String,
    /// UCUM-like unit.
    pub unit: Option<String>,
    /// The values, one for each row.
    pub values: Values,
}

/// Values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Float.
    Float(Vec<Option<f64>>),
    /// Integer.
    Integer(Vec<Option<i64>>),
    /// Boolean.
    Boolean(Vec<Option<bool>>),
    /// Nanoseconds since the epoch.
    Instant(Vec<Option<u64>>),
}

impl TableData {
    /// Adds a text column.
    #[must_use]
    pub fn texts<T: Into<Option<String>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(
            name,
            "",
            Values::Text(values.into_iter().map(Into::into).collect()),
        )
    }

    /// Adds a column of floats; `unit` may be empty.
    #[must_use]
    pub fn floats<T: Into<Option<f64>>>(
        self,
        name: &str,
        unit: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(
            name,
            unit,
            Values::Float(values.into_iter().map(Into::into).collect()),
        )
    }

    /// Adds a column of integers; `unit` may be empty.
    #[must_use]
    pub fn integers<T: Into<Option<i64>>>(
        self,
        name: &str,
        unit: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(
            name,
            unit,
            Values::Integer(values.into_iter().map(Into::into).collect()),
        )
    }

    /// Adds a column of booleans.
    #[must_use]
    pub fn booleans<T: Into<Option<bool>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(
            name,
            "",
            Values::Boolean(values.into_iter().map(Into::into).collect()),
        )
    }

    /// Adds a column of instants, in nanoseconds since the epoch.
    #[must_use]
    pub fn instants<T: Into<Option<u64>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(
            name,
            "",
            Values::Instant(values.into_iter().map(Into::into).collect()),
        )
    }

    fn with(mut self, name: &str, unit: &str, values: Values) -> Self {
        let unit = (!unit.is_empty()).then(|| unit.to_owned());
        self.columns.push(Column {
            name: name.to_owned(),
            unit,
            values,
        });
        self
    }

    /// Number of rows: that of the longest column.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns
            .iter()
            .map(|column| column.values.len())
            .max()
            .unwrap_or(0)
    }

    /// One value, `Scalar::Null` where there is none.
    #[must_use]
    pub fn scalar(&self, row: usize, column: &str) -> Scalar {
        let found = self
            .columns
            .iter()
            .find(|candidate| candidate.name == column);
        found.map_or(Scalar::Null, |column| column.values.scalar(row))
    }

    /// Hands the table to the host.
    ///
    /// # Errors
    /// When the host refuses it, for example because it is too large or a column is shorter than the others.
    pub fn into_host(self) -> Result<Table, TableError> {
        let fields: Vec<Field> = self.columns.iter().map(Column::field).collect();
        let builder = Builder::new(&self.name, &fields);
        for (index, column) in (0_u32..).zip(self.columns) {
            column.values.push_into(&builder, index)?;
        }
        Builder::finish(builder)
    }
}

impl Column {
    /// Name, kind and unit as the contract has them.
    #[must_use]
    pub fn field(&self) -> Field {
        Field {
            name: self.name.clone(),
            kind: self.values.kind(),
            unit: self.unit.clone(),
        }
    }
}

impl Values {
    /// The kind of the values.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Float(_) => Kind::Float,
            Self::Integer(_) => Kind::Integer,
            Self::Boolean(_) => Kind::Boolean,
            Self::Instant(_) => Kind::Instant,
        }
    }

    /// Number of values, nulls included.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Boolean(values) => values.len(),
            Self::Instant(values) => values.len(),
        }
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value; an instant reads as an integer of nanoseconds.
    #[must_use]
    pub fn scalar(&self, row: usize) -> Scalar {
        let value = match self {
            Self::Text(values) => values.get(row).cloned().flatten().map(Scalar::Text),
            Self::Float(values) => values.get(row).copied().flatten().map(Scalar::Float),
            Self::Integer(values) => values.get(row).copied().flatten().map(Scalar::Integer),
            Self::Boolean(values) => values.get(row).copied().flatten().map(Scalar::Boolean),
            Self::Instant(values) => values
                .get(row)
                .copied()
                .flatten()
                .map(|at| Scalar::Integer(i64::try_from(at).unwrap_or(i64::MAX))),
        };
        value.unwrap_or(Scalar::Null)
    }

    fn push_into(self, builder: &Builder, index: u32) -> Result<(), TableError> {
        let present = match self {
            Self::Text(values) => {
                let present = presence(&values);
                builder.push_texts(index, &pack(values))?;
                present
            }
            Self::Float(values) => {
                let present = presence(&values);
                let values: Vec<f64> = values
                    .into_iter()
                    .map(|value| value.unwrap_or(f64::NAN))
                    .collect();
                builder.push_floats(index, &values)?;
                present
            }
            Self::Integer(values) => {
                let present = presence(&values);
                let values: Vec<i64> = values.into_iter().map(Option::unwrap_or_default).collect();
                builder.push_integers(index, &values)?;
                present
            }
            Self::Boolean(values) => {
                let present = presence(&values);
                let values: Vec<u8> = values
                    .into_iter()
                    .map(|value| u8::from(value.unwrap_or(false)))
                    .collect();
                builder.push_booleans(index, &values)?;
                present
            }
            Self::Instant(values) => {
                let present = presence(&values);
                let values: Vec<u64> = values.into_iter().map(Option::unwrap_or_default).collect();
                builder.push_instants(index, &values)?;
                present
            }
        };
        // Without the call every value is present, which is the common case.
        if present.contains(&0) {
            builder.set_validity(index, &present)
        } else {
            Ok(())
        }
    }
}

fn presence<T>(values: &[Option<T>]) -> Vec<u8> {
    values
        .iter()
        .map(|value| u8::from(value.is_some()))
        .collect()
}

pub(crate) fn pack(values: Vec<Option<String>>) -> PackedText {
    let mut packed = PackedText {
        text: String::new(),
        ends: Vec::with_capacity(values.len()),
    };
    for value in values {
        packed.text.push_str(value.as_deref().unwrap_or(""));
        packed
            .ends
            .push(u32::try_from(packed.text.len()).unwrap_or(u32::MAX));
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_nulls_and_units() {
        let stores =
            table("stores")
                .texts("store", ["1".to_owned()])
                .floats("used", "By", [None::<f64>]);
        assert_eq!((stores.rows(), stores.scalar(0, "used")), (1, Scalar::Null));
        assert_eq!(stores.columns[1].unit.as_deref(), Some("By"));
        assert_eq!(stores.scalar(0, "store"), Scalar::Text("1".to_owned()));
        assert_eq!(stores.scalar(7, "store"), Scalar::Null);
    }

    #[test]
    fn texts_pack_into_one_string_with_ends() {
        let packed = pack(vec![Some("ab".to_owned()), None, Some("é".to_owned())]);
        assert_eq!((packed.text.as_str(), packed.ends), ("abé", vec![2, 2, 4]));
    }
}
