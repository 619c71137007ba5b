//! What each kind of record holds. The fields are the log's format: they may be added to, never
//! renamed. Times inside bodies are of the observed clock.

use operator_model::{
    CheckId, Digest, EntityId, IncidentKey, ObservationGap, Severity, SignalId, Status, Tick,
    Ticket, TicketChange, TicketState, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the records. A log with a higher one was written by a newer operator and is refused.
pub const FORMAT: u32 = 1;

/// `started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Version of the records that follow.
    pub format: u32,
    /// Version of the operator.
    pub operator: String,
    /// Number that the first tick gets.
    pub first_tick: Tick,
    /// Name and version of the subject.
    pub subject: String,
    /// Plugin name → sha256 of its component.
    pub plugins: BTreeMap<String, String>,
    /// sha256 of the configuration.
    pub config: String,
    /// Version of the knowledge base.
    pub knowledge: String,
    /// Checks that will run.
    pub checks: Vec<CheckId>,
    /// Time between ticks, in milliseconds.
    pub tick_interval_ms: u64,
}

/// `verdict-changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictChanged {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Hash of the snapshot that was evaluated.
    pub snapshot: Digest,
    /// Which check.
    pub invariant: CheckId,
    /// Of which check plugin.
    pub module: String,
    /// Absent on the first tick.
    pub from: Option<Status>,
    /// Now.
    pub to: Status,
    /// Its severity.
    pub severity: Severity,
    /// Entities that violate it.
    pub entities: Vec<EntityId>,
    /// Why, in one sentence.
    pub summary: String,
}

/// `anomaly`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Which signal.
    pub signal: SignalId,
    /// Of which entity.
    pub entity: EntityId,
    /// Between which times it began.
    pub onset: (Timestamp, Timestamp),
    /// One sentence.
    pub summary: String,
}

/// `incident-suspected`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentSuspected {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Stable key.
    pub key: IncidentKey,
    /// One line.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// The suspected component.
    pub component: EntityId,
    /// Id of the likeliest failure mode.
    pub card: String,
    /// Its probability then.
    pub probability: f64,
    /// How long the next symptom had to last, in milliseconds.
    pub awaits_ms: u64,
}

/// `incident-opened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentOpened {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Stable key.
    pub key: IncidentKey,
    /// One line.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Entities with symptoms.
    pub entities: Vec<EntityId>,
}

/// `decision`: the whole ticket with observations, hypotheses, options, decision and rationale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// What it does to the ticket.
    pub change: TicketChange,
    /// Why now.
    pub because: Vec<String>,
    /// The ticket from now on.
    pub ticket: Ticket,
}

/// `ticket-opened` and its siblings: the effect of the decision before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketEffect {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Id of the ticket.
    pub ticket: String,
    /// Incident key.
    pub key: IncidentKey,
    /// Open or resolved from now on.
    pub state: TicketState,
    /// Its severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Sequence number of the decision.
    pub decision: u64,
}

/// What a person says about the cause that a ticket names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The named cause was the cause.
    Right,
    /// There was a fault, and it was another one.
    WrongCause,
    /// Nothing was wrong.
    NotAProblem,
}

impl Finding {
    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::WrongCause => "wrong-cause",
            Self::NotAProblem => "not-a-problem",
        }
    }
}

/// `judgement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Id of the ticket.
    pub ticket: String,
    /// Incident key.
    pub key: IncidentKey,
    /// The cause that the ticket named then, as `MODE@ENTITY`; absent while it was undetermined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// What the person found out.
    pub finding: Finding,
    /// The true cause in the person's words, or as `MODE@ENTITY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Who says so.
    pub by: String,
}

/// `silence-added`. Tickets that match are diagnosed and written as ever; no one is notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceAdded {
    /// For example `S-1`.
    pub id: String,
    /// Tickets about this entity; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Tickets that name this failure mode; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<operator_model::FailureModeId>,
    /// Until then, by the operator's clock.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub by: String,
}

impl SilenceAdded {
    /// Whether it concerns the ticket, at any time.
    #[must_use]
    pub fn matches(&self, ticket: &Ticket) -> bool {
        let named = ticket.hypotheses.first().filter(|_| !ticket.abstained);
        let of_entity = |entity: &EntityId| ticket.entities.contains(entity);
        let of_cause = |cause| named.is_some_and(|leader| &leader.card == cause);
        self.entity.as_ref().is_none_or(of_entity) && self.cause.as_ref().is_none_or(of_cause)
    }
}

/// `silence-lifted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceLifted {
    /// Which one.
    pub id: String,
    /// Who asked for it.
    pub by: String,
}

/// `agent-call`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCall {
    /// Which tool.
    pub tool: String,
    /// Its arguments, a JSON object.
    pub arguments: serde_json::Value,
    /// Rows of the answer.
    pub rows: usize,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `plugin-swapped`, `plugin-rolled-back`, `plugin-quarantined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginChange {
    /// In which tick.
    pub tick: Tick,
    /// Which check plugin or check.
    pub plugin: String,
    /// sha256 before, where it was another.
    pub from: Option<String>,
    /// sha256 now.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
}

/// `blind`: everything that cannot be seen from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blind {
    /// In which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Sorted; empty when everything is seen again.
    pub blind: Vec<ObservationGap>,
}

/// `tick-checkpoint`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which tick.
    pub tick: Tick,
    /// When.
    pub observed_at: Timestamp,
    /// Hash of its snapshot.
    pub snapshot: Digest,
    /// Checks by status: pass, fail, inconclusive.
    pub verdicts: (usize, usize, usize),
    /// Open tickets.
    pub open_tickets: usize,
}

/// `stopped`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// The last tick.
    pub tick: Tick,
    /// Why.
    pub reason: String,
    /// Ticks since the start.
    pub ticks: u64,
    /// Tickets that stay open.
    pub open_tickets: usize,
}
