//! The tickets that can still change, and the rules by which they do.

use super::material::{self, SMALL_CHANGE_EVERY_MS};
use operator_model::ticket::REOPEN_WITHIN_MS;
use operator_model::{IncidentKey, Ticket, TicketChange, TicketState, Timestamp};
use std::collections::BTreeMap;

/// A change of a ticket, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The kind of change.
    pub change: TicketChange,
    /// The reasons, in words.
    pub because: Vec<String>,
    /// The ticket after the change.
    pub ticket: Ticket,
}

/// Open tickets, and resolved ones that may still be reopened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TicketTable {
    tickets: BTreeMap<u64, Ticket>,
    last_number: u64,
}

impl TicketTable {
    /// Resumes from the tickets of the log. `last_number` is the highest number ever assigned.
    #[must_use]
    pub fn restore(tickets: Vec<Ticket>, last_number: u64) -> Self {
        let tickets = tickets
            .into_iter()
            .filter_map(|ticket| Some((number(&ticket.id)?, ticket)))
            .collect();
        Self {
            tickets,
            last_number,
        }
    }

    /// The highest number ever assigned.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Every ticket that can still change, oldest first.
    pub fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.values()
    }

    /// Open tickets, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets
            .values()
            .filter(|ticket| ticket.state == TicketState::Open)
    }

    /// Whether the incident has an open ticket.
    #[must_use]
    pub fn has_open(&self, key: &IncidentKey) -> bool {
        self.open().any(|ticket| &ticket.key == key)
    }

    /// Files the current version of an incident's ticket: opens, reopens, updates, or does nothing.
    /// An incident that is not confirmed never opens a ticket.
    pub fn file(&mut self, composed: Ticket, confirmed: bool) -> Option<Entry> {
        let now = composed.updated_at;
        self.expire(now);
        match self.find(&composed.key).cloned() {
            Some(before) if before.state == TicketState::Open => self.update(&before, composed),
            Some(before) if confirmed => Some(self.reopen(&before, composed)),
            None if confirmed => Some(self.open_new(composed)),
            _ => None,
        }
    }

    /// Resolves the ticket of an incident.
    pub fn resolve(&mut self, key: &IncidentKey, now: Timestamp, because: &str) -> Option<Entry> {
        let ticket = self
            .tickets
            .values_mut()
            .find(|ticket| &ticket.key == key && ticket.state == TicketState::Open)?;
        ticket.state = TicketState::Resolved;
        ticket.updated_at = now.max(ticket.updated_at);
        Some(Entry {
            change: TicketChange::Resolved,
            because: vec![because.to_owned()],
            ticket: ticket.clone(),
        })
    }

    fn update(&mut self, before: &Ticket, mut now: Ticket) -> Option<Entry> {
        take_identity(&mut now, before);
        if material::only_recovers(before, &now) {
            return None;
        }
        let changes = material::changes(before, &now);
        let due = now.updated_at.since_ms(before.updated_at) >= SMALL_CHANGE_EVERY_MS;
        if changes.major.is_empty() && (changes.minor.is_empty() || !due) {
            return None;
        }
        let because = changes.major.into_iter().chain(changes.minor).collect();
        Some(self.keep(TicketChange::Updated, because, now))
    }

    fn reopen(&mut self, before: &Ticket, mut now: Ticket) -> Entry {
        take_identity(&mut now, before);
        let away_s = now.updated_at.since_ms(before.updated_at) / 1_000;
        self.keep(
            TicketChange::Reopened,
            vec![format!(
                "the same incident recurred {away_s} s after it was resolved"
            )],
            now,
        )
    }

    fn open_new(&mut self, mut ticket: Ticket) -> Entry {
        self.last_number += 1;
        ticket.id = format!("T-{}", self.last_number);
        self.keep(
            TicketChange::Opened,
            vec!["the incident is confirmed".to_owned()],
            ticket,
        )
    }

    fn keep(&mut self, change: TicketChange, because: Vec<String>, ticket: Ticket) -> Entry {
        if let Some(number) = number(&ticket.id) {
            self.tickets.insert(number, ticket.clone());
        }
        Entry {
            change,
            because,
            ticket,
        }
    }

    /// The open ticket of a key, or else its newest resolved one.
    fn find(&self, key: &IncidentKey) -> Option<&Ticket> {
        let of_key = || {
            self.tickets
                .values()
                .rev()
                .filter(|ticket| &ticket.key == key)
        };
        of_key()
            .find(|ticket| ticket.state == TicketState::Open)
            .or_else(|| of_key().next())
    }

    /// Forgets resolved tickets that can no longer be reopened.
    fn expire(&mut self, now: Timestamp) {
        self.tickets.retain(|_, ticket| {
            ticket.state == TicketState::Open || now.since_ms(ticket.updated_at) <= REOPEN_WITHIN_MS
        });
    }
}

/// The number in `T-7`.
pub fn number(id: &str) -> Option<u64> {
    id.strip_prefix("T-")?.parse().ok()
}

fn take_identity(now: &mut Ticket, before: &Ticket) {
    now.id.clone_from(&before.id);
    now.opened_at = before.opened_at;
    now.updated_at = now.updated_at.max(before.updated_at);
}
