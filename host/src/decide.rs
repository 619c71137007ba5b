//! Stage 5: options and a recommendation.

use crate::model::knowledge::KnowledgeBase;
use crate::model::{Claim, Decision, DecisionMode, Incident, Snapshot, TicketOption};

/// What could be done about an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// At least two, one of them `wait`; the recommended one first.
    pub options: Vec<TicketOption>,
    /// The recommendation.
    pub decision: Decision,
    /// Why this diagnosis and why this option, claim by claim.
    pub rationale: Vec<Claim>,
    /// What could not be filled in; belongs to the ticket's gaps beside those of the diagnosis.
    pub gaps: Vec<String>,
}

/// Weighs every action that the likely hypotheses know of.
#[must_use]
pub fn decide(_incident: &Incident, _knowledge: &KnowledgeBase, _snapshot: &Snapshot) -> Decided {
    let decision = Decision { option: "wait".to_owned(), mode: DecisionMode::ObserveOnly, revisit_when: String::new() };
    Decided { options: Vec::new(), decision, rationale: Vec::new(), gaps: Vec::new() }
}
