//! What to inject, before containers are chosen.

use super::target::Selection;
use std::collections::BTreeMap;

/// A request for an injection.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Name of the fault, or of a fault file with several steps.
    pub name: String,
    /// The Compose project.
    pub project: String,
    /// Delay before it begins, for a check in advance.
    pub begins_in_ms: u64,
    /// Duration.
    pub for_ms: u64,
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// The load generator, for load faults.
    pub load_program: Option<std::path::PathBuf>,
    /// PD endpoints of the cluster, for the load generator.
    pub load_endpoints: Option<String>,
}

/// One fault of a request.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Delay after the beginning.
    pub after_ms: u64,
    /// The fault's name.
    pub fault: String,
    /// Whom it hits.
    pub selection: Selection,
    /// Parameters that differ from the fault's defaults.
    pub settings: BTreeMap<String, u64>,
    /// Directory in the container, for disk faults; by default its only data directory.
    pub directory: Option<String>,
}
