//! The nouns of the flow, in the order in which they appear in it.
//!
//! Everything here is data without behaviour of its own: stages exchange these types and never
//! import each other. Types that cross a boundary (plugin contract, journal, config) are converted
//! by hand where they cross it.

pub mod command;
pub mod decision;
pub mod detection;
pub mod diagnosis;
pub mod evidence;
pub mod evidence_predicate;
pub mod gap;
pub mod ids;
pub mod knowledge;
pub mod plugin_fault;
pub mod quantity;
pub mod scalar;
pub mod sentence;
pub mod statistics;
pub mod ticket;
pub mod title;
pub mod topology;
pub mod verdict;

pub use decision::{Decision, DecisionMode, Prohibition, TicketOption};
pub use detection::{Anomaly, Detection, Reading};
pub use diagnosis::{
    AssessedEvidence, Claim, Diagnosis, Hypothesis, Incident, PathStep, Symptom, SymptomKind,
};
pub use evidence::{Evidence, EvidenceSource};
pub use evidence_predicate::Predicate;
pub use gap::{GapSource, ObservationGap};
pub use ids::{
    CheckId, Digest, EntityId, EvidenceId, FailureModeId, IncidentKey, IncidentKind, SignalId,
    Tick, Timestamp,
};
pub use plugin_fault::{PluginFault, PluginTrouble};
pub use scalar::{Comparison, Scalar};
pub use ticket::{Provenance, Ticket, TicketChange, TicketState};
pub use topology::{Edge, Entity, Relation, Topology};
pub use verdict::{CheckDeclaration, Severity, Status, Verdict, Violation};
