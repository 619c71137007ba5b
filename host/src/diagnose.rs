//! Stage 4: one incident per cause, hypotheses weighed.

use crate::model::knowledge::KnowledgeBase;
use crate::model::{Detection, Incident, IncidentKey, Snapshot, Ticket, Timestamp, Topology, Verdict};

/// What one tick gives to diagnosis.
#[derive(Debug, Clone, Copy)]
pub struct DiagnoseInput<'a> {
    /// The frozen observations.
    pub snapshot: &'a Snapshot,
    /// One for each check.
    pub verdicts: &'a [Verdict],
    /// How the signals stand.
    pub detection: &'a Detection,
    /// The subject's expertise.
    pub knowledge: &'a KnowledgeBase,
}

/// What diagnosis remembers between ticks: since when symptoms last, which incident they belong to.
#[derive(Debug, Clone, Default)]
pub struct Memory {}

impl Memory {
    /// Takes up again after a restart: open tickets are open incidents under the same keys and evidence
    /// ids, resolved ones are remembered so that a relapse reopens them.
    #[must_use]
    pub fn restore(_tickets: &[Ticket]) -> Self {
        Self::default()
    }

    /// The newest topology that had entities: what names can still be trusted while the operator is blind.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        static EMPTY: Topology = Topology { entities: Vec::new(), edges: Vec::new() };
        &EMPTY
    }

    /// Since when an incident has no symptoms any more; `None` while it has some.
    #[must_use]
    pub fn cleared_since(&self, _key: &IncidentKey) -> Option<Timestamp> {
        None
    }

    /// Incidents that a person may call over: all symptoms gone long enough, with the checks able to see.
    /// A key is listed until [`Memory::forget`] is called for it.
    #[must_use]
    pub fn resolvable(&self) -> Vec<IncidentKey> {
        Vec::new()
    }

    /// The ticket of this incident was resolved.
    pub fn forget(&mut self, _key: &IncidentKey) {}
}

/// Groups what is wrong into incidents, one per cause, and weighs what may be behind each.
/// Unconfirmed incidents are returned too: see [`Incident::confirmed`].
pub fn explain(_memory: &mut Memory, _input: DiagnoseInput<'_>) -> Vec<Incident> {
    Vec::new()
}
