//! Columnar tables on Arrow arrays.

use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

/// What a column holds. Each kind has exactly one Arrow type:
/// `BooleanArray`, `Int64Array`, `Float64Array`, `StringArray`, and `UInt64Array` for instants
/// (nanoseconds since the Unix epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// True or false.
    Boolean,
    /// 64-bit signed integer.
    Integer,
    /// 64-bit float.
    Float,
    /// UTF-8 text.
    Text,
    /// Nanoseconds since the Unix epoch.
    Instant,
}

/// Name, kind and unit of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Column name, unique within the table.
    pub name: String,
    /// Kind of every value.
    pub kind: Kind,
    /// UCUM-like unit, for example `By` or `s`.
    pub unit: Option<String>,
}

/// A frozen table: every column has the same number of rows and the Arrow type of its kind.
/// Built by [`crate::tables`], which checks both.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name within the snapshot.
    pub name: String,
    /// One for each column.
    pub fields: Vec<Field>,
    /// The columns, in the order of `fields`.
    pub columns: Vec<ArrayRef>,
    /// Rows of every column.
    pub rows: usize,
}

impl Table {
    /// Position of a column.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}
