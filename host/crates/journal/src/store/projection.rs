//! What the journal holds about tickets, as an index: small enough to keep while the log is read.

use crate::notes::Note;
use crate::{Kind, Record, body};
use operator_model::{TicketState, Timestamp};
use operator_reason::ticket::REOPEN_WITHIN_MS;
use std::collections::BTreeMap;

/// Where the newest version of a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordPosition {
    /// Sequence number of the effect.
    pub(super) seq: u64,
    /// Where its decision begins in the log.
    pub(super) decision_offset: u64,
    pub(super) state: TicketState,
    pub(super) observed_at: Timestamp,
}

/// The index, built record by record.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    pub(super) places: BTreeMap<u64, RecordPosition>,
    /// A decision whose effect is not in the log: sequence number and offset.
    pub(super) unfinished: Option<(u64, u64)>,
    /// The last effect; what the store should have applied.
    pub(super) applied_seq: u64,
    /// Newest tick that a record names.
    pub(super) last_tick: u64,
    /// The log ends with a stop in good order.
    pub(super) stopped: bool,
    newest: Timestamp,
}

#[derive(serde::Deserialize)]
struct AnyBody {
    tick: Option<u64>,
    first_tick: Option<u64>,
    format: Option<u32>,
}

impl Projection {
    /// Takes in the next record.
    ///
    /// # Errors
    /// The record means nothing to this version; the text states why.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), String> {
        let any: AnyBody = serde_json::from_str(record.body).map_err(|error| error.to_string())?;
        if let Some(format) = any.format.filter(|format| *format > body::FORMAT) {
            return Err(format!(
                "written by a newer operator (format {format}; this operator supports up to {})",
                body::FORMAT
            ));
        }
        let before_first = any.first_tick.map(|tick| tick.saturating_sub(1));
        self.last_tick = self.last_tick.max(any.tick.or(before_first).unwrap_or(0));
        // People may add notes while no operator runs; that is no start.
        if !Note::is_kind(record.kind) {
            self.stopped = record.kind == Kind::Stopped.as_str();
        }
        if record.kind == Kind::Decision.as_str() {
            self.unfinished = Some((record.seq, record.offset));
        } else if is_effect(record.kind) {
            self.take_effect(record)?;
        }
        Ok(())
    }

    /// Numbers of the tickets that can still change.
    pub(super) fn living(&self) -> impl Iterator<Item = &RecordPosition> {
        self.places.values().filter(|place| {
            place.state == TicketState::Open
                || self.newest.since_ms(place.observed_at) <= REOPEN_WITHIN_MS
        })
    }

    /// Highest number ever given to a ticket.
    pub(super) fn last_number(&self) -> u64 {
        self.places
            .last_key_value()
            .map_or(0, |(number, _)| *number)
    }

    /// The effect of the last decision was written after all.
    pub(super) fn finish(&mut self, id: &str, place: RecordPosition) {
        self.unfinished = None;
        self.applied_seq = place.seq;
        self.newest = self.newest.max(place.observed_at);
        if let Some(number) = operator_reason::ticket::number(id) {
            self.places.insert(number, place);
        }
    }

    fn take_effect(&mut self, record: &Record<'_>) -> Result<(), String> {
        let effect: body::TicketEffect =
            serde_json::from_str(record.body).map_err(|error| error.to_string())?;
        let number = operator_reason::ticket::number(&effect.ticket)
            .ok_or_else(|| format!("{:?} is no ticket id", effect.ticket))?;
        let (decision, decision_offset) = self
            .unfinished
            .take()
            .ok_or("an effect without its decision")?;
        if decision != effect.decision {
            return Err(format!(
                "the effect of record {}, but the last decision is {decision}",
                effect.decision
            ));
        }
        let place = RecordPosition {
            seq: record.seq,
            decision_offset,
            state: effect.state,
            observed_at: effect.observed_at,
        };
        self.places.insert(number, place);
        self.applied_seq = record.seq;
        self.newest = self.newest.max(effect.observed_at);
        Ok(())
    }
}

fn is_effect(kind: &str) -> bool {
    kind.starts_with("ticket-")
}
