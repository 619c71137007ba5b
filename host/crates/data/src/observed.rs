//! What a subject saw in one tick, before it is frozen.

use crate::Table;
use operator_model::{ObservationGap, Topology};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The outcome of the stage `observe`.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Which system; empty while unknown.
    pub system: String,
    /// By name.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// Parts and edges, in the order in which the subject gave them.
    pub topology: Topology,
    /// What could not be seen.
    pub blind: Vec<ObservationGap>,
}
