//! What stands behind the handles that guests hold.

use crate::model::{Snapshot, Table};
use std::sync::Arc;

/// A table that a guest may read.
pub struct TableResource(pub Arc<Table>);

/// A table that a guest is building.
pub struct BuilderResource;

/// The snapshot that a check judges.
pub struct SnapshotResource(pub Arc<Snapshot>);
