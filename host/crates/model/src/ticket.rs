//! The ticket about an incident.

use crate::{
    Claim, Decision, EntityId, Evidence, Hypothesis, IncidentKey, PathStep, Prohibition, Severity,
    Symptom, TicketOption, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An incident that comes back within this time after it was resolved is the same incident, in observed
/// milliseconds. Longer than any restart or failover takes, shorter than the half hour after which most
/// teams would call it a new one.
pub const REOPEN_WITHIN_MS: u64 = 600_000;

/// Life of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketState {
    /// The incident is ongoing.
    Open,
    /// All symptoms are gone.
    Resolved,
}

/// What a decision does to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketChange {
    /// A new ticket.
    Opened,
    /// The content of the ticket changed.
    Updated,
    /// The incident is over.
    Resolved,
    /// The incident came back soon after it was resolved.
    Reopened,
    /// The ticket was restored from the store, because its records were lost from the log.
    Recovered,
}

/// The versions and inputs that produced the ticket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the operator.
    pub host: String,
    /// Plugin name → sha256 of its component.
    pub plugins: BTreeMap<String, String>,
    /// sha256 of the configuration.
    pub config: String,
    /// Version of the knowledge base.
    pub knowledge: String,
    /// Hash of the snapshot that it was last written from.
    pub snapshot: String,
}

/// One cause, one ticket. The field names are the JSON that others rely on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Short id for people, for example `T-3`.
    pub id: String,
    /// Stable incident key.
    pub key: IncidentKey,
    /// Open or resolved.
    pub state: TicketState,
    /// Worst severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// When it was first written, by the observed clock.
    pub opened_at: Timestamp,
    /// When it was last written, by the observed clock.
    pub updated_at: Timestamp,
    /// Entities with symptoms, the suspect first.
    pub entities: Vec<EntityId>,
    /// Names of the entities that are mentioned here.
    #[serde(default)]
    pub names: BTreeMap<EntityId, String>,
    /// All evidence that claims may cite.
    pub observations: Vec<Evidence>,
    /// Symptoms, by onset.
    pub symptoms: Vec<Symptom>,
    /// Since when its symptoms end; the diagnosis dates from before the recovery. Absent while the fault lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovering_since: Option<Timestamp>,
    /// By falling probability.
    pub hypotheses: Vec<Hypothesis>,
    /// From the cause to the symptoms.
    pub path: Vec<PathStep>,
    /// What could not be observed.
    pub gaps: Vec<String>,
    /// The cause is undetermined: no hypothesis is likely enough.
    pub abstained: bool,
    /// At least two, one of them `wait`.
    pub options: Vec<TicketOption>,
    /// What must not be done.
    #[serde(default)]
    pub do_not: Vec<Prohibition>,
    /// The recommendation.
    pub decision: Decision,
    /// Why, claim by claim; each cites evidence of this ticket.
    pub rationale: Vec<Claim>,
    /// 0 to 100; 0 means unsafe to show.
    pub explanation_score: u8,
    /// Versions and inputs.
    pub provenance: Provenance,
}
