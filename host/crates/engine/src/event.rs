//! What `operator run` prints: one typed record for each thing that happens.
//!
//! With `--json` each event is one object a line: `{event, at, observed_at, tick, …}`. The names are stable.
//! `at` is the operator's clock, `observed_at` the clock of the observed system.

mod sink;

pub use sink::Sink;

use operator_journal::body;
use operator_model::{
    CheckId, EntityId, IncidentKey, ObservationGap, Severity, SignalId, Status, Tick, Ticket,
    TicketChange, Timestamp,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Entities that one event lists; the ticket has all of them.
pub const ENTITIES_MAX: usize = 64;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// By the operator's clock.
    pub at: Timestamp,
    /// By the observed clock.
    pub observed_at: Timestamp,
    /// In which tick; 0 before the first.
    pub tick: Tick,
    /// What.
    pub what: EventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EventKind {
    /// Everything is loaded; observing begins.
    Started(Box<Started>),
    /// A tick is done.
    Tick(TickDone),
    /// The status of a check changed.
    VerdictChanged(VerdictChanged),
    /// A signal left its baseline.
    Anomaly(Anomaly),
    /// Symptoms point to a cause, and have not lasted for long enough yet.
    IncidentSuspected(IncidentSuspected),
    /// Symptoms with one cause were seen for the first time.
    IncidentOpened(IncidentOpened),
    /// A ticket was written.
    Ticket(Box<TicketWritten>),
    /// A check plugin was swapped, rolled back or quarantined.
    Plugin(PluginChanged),
    /// What cannot be seen changed.
    Blind(Blind),
    /// The operator stopped.
    Stopped(Stopped),
}

/// `started`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// Version of the operator.
    pub operator: String,
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
    /// Target name → origin.
    pub targets: BTreeMap<String, String>,
    /// Data directory.
    pub data: String,
    /// Time between ticks, in milliseconds.
    pub tick_interval_ms: u64,
    /// Every bound that is in force.
    pub limits: serde_json::Value,
    /// Open tickets that are taken up again.
    pub open_tickets: usize,
    /// What was repaired in the data directory.
    pub warnings: Vec<String>,
}

/// `tick`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TickDone {
    /// Hash of the snapshot.
    pub snapshot: String,
    /// Checks that pass.
    pub pass: usize,
    /// Checks that fail.
    pub fail: usize,
    /// Inconclusive checks.
    pub inconclusive: usize,
    /// Sources that could not be seen.
    pub blind: usize,
    /// Open tickets.
    pub open_tickets: usize,
    /// Ticks that were left out before this one because the last was late.
    pub skipped: u64,
    /// How long it took, in milliseconds; 0 in virtual time.
    pub took_ms: u64,
}

/// `verdict-changed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictChanged {
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
    /// Their display names, in the same order.
    pub names: Vec<String>,
    /// Why, in one sentence.
    pub summary: String,
}

/// `anomaly`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Anomaly {
    /// Which signal.
    pub signal: SignalId,
    /// Of which entity.
    pub entity: EntityId,
    /// Its display name.
    pub name: String,
    /// Between which times it began, by the observed clock.
    pub onset: (Timestamp, Timestamp),
    /// One sentence.
    pub summary: String,
}

/// `incident-suspected`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentSuspected {
    /// Stable key, which the incident keeps if it is confirmed.
    pub key: IncidentKey,
    /// One line.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// The suspected component.
    pub component: EntityId,
    /// Its display name.
    pub name: String,
    /// Id of the likeliest failure mode.
    pub card: String,
    /// Its probability now.
    pub probability: f64,
    /// How long the next symptom has to last until there is a ticket, in milliseconds of observed time.
    pub awaits_ms: u64,
}

/// `incident-opened`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentOpened {
    /// Stable key.
    pub key: IncidentKey,
    /// One line.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Entities with symptoms.
    pub entities: Vec<EntityId>,
    /// Their display names, in the same order.
    pub names: Vec<String>,
    /// Whether it lasted long enough for a ticket.
    pub confirmed: bool,
}

/// `ticket-opened`, `ticket-updated`, `ticket-resolved`, `ticket-reopened`.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketWritten {
    /// What happened to it.
    pub change: TicketChange,
    /// Why now.
    pub because: Vec<String>,
    /// The whole ticket.
    pub ticket: Ticket,
    /// The silence because of which no one is notified.
    pub silenced: Option<body::SilenceAdded>,
}

/// `plugin-swapped`, `plugin-rolled-back`, `plugin-quarantined`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginChanged {
    /// Which of the three.
    #[serde(skip)]
    pub kind: PluginChangeKind,
    /// Which check plugin or check.
    pub plugin: String,
    /// sha256 before.
    pub from: Option<String>,
    /// sha256 now.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// How long the tick waited for it, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_us: Option<u64>,
}

/// What happened to a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginChangeKind {
    /// A newer file took over.
    Swapped,
    /// The previous version took over again, or stayed.
    RolledBack,
    /// Switched off for a while.
    Quarantined,
}

/// `blind`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blind {
    /// Everything that cannot be seen now; empty when all is seen again.
    pub blind: Vec<ObservationGap>,
}

/// `stopped`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stopped {
    /// Why.
    pub reason: String,
    /// Ticks since the start.
    pub ticks: u64,
    /// Ticks that were left out because one was late.
    pub skipped: u64,
    /// Tickets opened since the start.
    pub tickets_opened: u64,
    /// Tickets resolved since the start.
    pub tickets_resolved: u64,
    /// Tickets that stay open.
    pub open_tickets: usize,
    /// Explanations that could not be verified and were withheld.
    pub withheld: u64,
    /// The newest record of the decision log.
    pub last_record: u64,
}

impl EventKind {
    /// The stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Tick(_) => "tick",
            Self::VerdictChanged(_) => "verdict-changed",
            Self::Anomaly(_) => "anomaly",
            Self::IncidentSuspected(_) => "incident-suspected",
            Self::IncidentOpened(_) => "incident-opened",
            Self::Ticket(written) => match written.change {
                TicketChange::Opened | TicketChange::Recovered => "ticket-opened",
                TicketChange::Updated => "ticket-updated",
                TicketChange::Resolved => "ticket-resolved",
                TicketChange::Reopened => "ticket-reopened",
            },
            Self::Plugin(change) => match change.kind {
                PluginChangeKind::Swapped => "plugin-swapped",
                PluginChangeKind::RolledBack => "plugin-rolled-back",
                PluginChangeKind::Quarantined => "plugin-quarantined",
            },
            Self::Blind(_) => "blind",
            Self::Stopped(_) => "stopped",
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    at: Timestamp,
    observed_at: Timestamp,
    tick: Tick,
    #[serde(flatten)]
    what: &'a EventKind,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            at,
            observed_at,
            tick,
            what,
        } = self;
        Line {
            event: what.name(),
            at: *at,
            observed_at: *observed_at,
            tick: *tick,
            what,
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct TicketFields<'a> {
    ticket: &'a str,
    key: &'a IncidentKey,
    severity: Severity,
    title: &'a str,
    entities: &'a [EntityId],
    names: Vec<&'a str>,
    abstained: bool,
    card: Option<&'a str>,
    component: Option<&'a EntityId>,
    probability: Option<f64>,
    option: &'a str,
    explanation_score: u8,
    because: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    silenced: Option<&'a body::SilenceAdded>,
}

impl Serialize for TicketWritten {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ticket = &self.ticket;
        let leading = ticket.hypotheses.first();
        TicketFields {
            ticket: &ticket.id,
            key: &ticket.key,
            severity: ticket.severity,
            title: &ticket.title,
            entities: ticket
                .entities
                .get(..ENTITIES_MAX)
                .unwrap_or(&ticket.entities),
            names: ticket
                .entities
                .iter()
                .take(ENTITIES_MAX)
                .map(|id| name_in(ticket, id))
                .collect(),
            abstained: ticket.abstained,
            card: leading.map(|hypothesis| hypothesis.card.as_str()),
            component: leading.and_then(|hypothesis| hypothesis.component.as_ref()),
            probability: leading.map(|hypothesis| hypothesis.probability),
            option: &ticket.decision.option,
            explanation_score: ticket.explanation_score,
            because: &self.because,
            silenced: self.silenced.as_ref(),
        }
        .serialize(serializer)
    }
}

fn name_in<'a>(ticket: &'a Ticket, id: &'a EntityId) -> &'a str {
    ticket.names.get(id).map_or(id.as_str(), String::as_str)
}

impl VerdictChanged {
    /// The same, for the decision log.
    #[must_use]
    pub fn record(
        &self,
        tick: Tick,
        observed_at: Timestamp,
        snapshot: &operator_model::Digest,
    ) -> body::VerdictChanged {
        body::VerdictChanged {
            tick,
            observed_at,
            snapshot: snapshot.clone(),
            invariant: self.invariant.clone(),
            module: self.module.clone(),
            from: self.from,
            to: self.to,
            severity: self.severity,
            entities: self.entities.clone(),
            summary: self.summary.clone(),
        }
    }
}
