//! Operations on [`crate::Table`]: building, reading windows, filter, sort, group, join.
//!
//! Every operation checks names, kinds and sizes and answers with a typed error: what comes in was
//! written by a plugin. Results are new tables; nothing is changed in place.

mod builder;
mod column;
mod group;
mod hash;
mod join;
mod json;
mod keys;
mod read;
mod select;
mod table;

pub use builder::TableBuilder;
pub use column::Column;
pub use group::{Aggregate, Measure};
pub use read::PackedText;
pub use select::Term;
pub use table::{Field, Kind, Table};

/// Rows of one table: four times the largest table that one million observed parts would need.
pub const ROWS_MAX: usize = 4_000_000;

/// Bytes of the values of one table. A table is held two or three times while a tick is frozen.
pub const TABLE_BYTES_MAX: usize = 256 << 20;

/// Columns of one table; the widest one known needs about 40.
pub const COLUMNS_MAX: usize = 256;

/// Why an operation on a table has no answer. Mirrors `wit/tables.wit`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The snapshot has no table of this name.
    #[error("no such table {0:?}")]
    NoSuchTable(String),
    /// The table has no usable column of this name (absent, or named twice while building).
    #[error("no such column {0:?}")]
    NoSuchColumn(String),
    /// The column has this other kind.
    #[error("the column is of kind {0:?}")]
    WrongKind(Kind),
    /// A window, an index or a text end lies outside, or columns differ in length.
    #[error("out of range")]
    OutOfRange,
    /// The limit that was reached, in rows or bytes.
    #[error("too large: the limit is {0}")]
    TooLarge(u64),
}

/// The limit as the contract reports it.
fn too_large(limit: usize) -> TableError {
    TableError::TooLarge(u64::try_from(limit).unwrap_or(u64::MAX))
}
