//! What one tick reports to its caller.

use crate::event::Event;
use operator_data::Snapshot;
use operator_model::{Incident, Status, Verdict};
use std::sync::Arc;

/// The results of one tick.
#[derive(Debug)]
pub struct TickReport {
    /// What was observed.
    pub snapshot: Arc<Snapshot>,
    /// One for each check.
    pub verdicts: Vec<Verdict>,
    /// Incidents, confirmed or not.
    pub incidents: Vec<Incident>,
    /// What happened, in chronological order.
    pub events: Vec<Event>,
    /// Tickets opened.
    pub opened: u64,
    /// Tickets resolved.
    pub resolved: u64,
    /// Explanations that could not be verified.
    pub withheld: u64,
    /// Tickets that are open after this tick.
    pub open_tickets: usize,
}

impl TickReport {
    /// Number of checks with this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        count(&self.verdicts, status)
    }
}

pub(super) fn count(verdicts: &[Verdict], status: Status) -> usize {
    verdicts
        .iter()
        .filter(|verdict| verdict.status == status)
        .count()
}
