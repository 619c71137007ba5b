//! What stands behind the handles that guests hold.

#![expect(
    unreachable_pub,
    reason = "the generated bindings re-export these types"
)]

use operator_data::tables::TableBuilder;
use operator_data::{Snapshot, Table};
use std::sync::Arc;

/// A table that a guest may read.
pub struct TableResource {
    /// The table; shared with the snapshot when it comes from there.
    pub table: Arc<Table>,
    /// Bytes that the host holds for this guest alone, given back when the handle is dropped.
    pub charged_bytes: usize,
    /// Among the tables that the call opened, if the snapshot has it: see [`crate::reads`].
    pub place: Option<usize>,
}

/// A table that a guest is building.
pub struct BuilderResource {
    /// What it has so far.
    pub builder: TableBuilder,
    /// As for [`TableResource`].
    pub charged_bytes: usize,
}

/// The snapshot that a check judges.
pub struct SnapshotResource(pub Arc<Snapshot>);
