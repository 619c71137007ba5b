//! What to inject, before containers are chosen.

use super::target::Selection;
use std::collections::BTreeMap;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What to call it: a fault, or a card that is made of several.
    pub name: String,
    /// The Compose project.
    pub project: String,
    /// How much later it will begin, for who only looks whether it could be made then.
    pub begins_in_ms: u64,
    /// How long it lasts.
    pub for_ms: u64,
    /// What is done, in order.
    pub parts: Vec<Part>,
    /// The load tool, for faults that are load.
    pub load_program: Option<std::path::PathBuf>,
    /// Where the load goes: the cluster's own endpoints.
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
    /// Numbers that differ from the fault's defaults.
    pub settings: BTreeMap<String, u64>,
    /// The container's directory for faults of disks; its only data directory when nothing is said.
    pub directory: Option<String>,
}
