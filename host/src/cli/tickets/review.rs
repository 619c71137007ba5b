//! Puts the review of an incident together from the decision log.

use crate::cli::why::version;
use crate::console::document::review::{FirstCheck, Moment, Review};
use crate::console::render::{self, escape};
use crate::exit::Failure;
use operator_journal::body;
use operator_journal::store;
use operator_journal::{Kind, Notes, Record};
use operator_model::{EntityId, ObservationGap, Status, Ticket, TicketState, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Checks that are named; later ones made no difference.
const CHECKS_MAX: usize = 10;

/// Checks are looked at from this long before the first symptom: pending times are minutes.
const LEAD_MS: u64 = 600_000;

/// Longest text of a moment, in characters.
const DETAIL_CHARS_MAX: usize = 400;

/// Reads the log.
pub(super) fn of(ticket: &Ticket, data: &Path) -> Result<Review, Failure> {
    let mut reader = Reader::new(ticket);
    operator_journal::scan(&data.join(operator_journal::FILE_NAME), &mut |record| {
        reader.take(record).map_err(|error| error.to_string())
    })?;
    let versions = store::read_history(data, &ticket.id)?;
    let notes = Notes::read(data)?;
    let judged = notes.judgements_of(&ticket.id).iter();
    let judgements = judged
        .map(|(at, one)| render::judgement_line(*at, one))
        .collect();
    Ok(reader.finish(versions.iter().map(version).collect(), judgements))
}

/// Collects what concerns one ticket.
struct Reader<'a> {
    ticket: &'a Ticket,
    /// How a record names it.
    named: String,
    began: Timestamp,
    entities: BTreeSet<&'a EntityId>,
    suspected_at: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
    timeline: Vec<Moment>,
    first_checks: BTreeMap<String, FirstCheck>,
    /// What cannot be observed, since when.
    blind_since: Option<(Timestamp, Vec<ObservationGap>)>,
    blind_ms: u64,
    blind_sources: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn new(ticket: &'a Ticket) -> Self {
        let onsets = ticket.symptoms.iter().map(|symptom| symptom.onset.1);
        let began = onsets
            .min()
            .unwrap_or(ticket.opened_at)
            .min(ticket.opened_at);
        Self {
            ticket,
            named: format!("\"id\":\"{}\"", ticket.id),
            began,
            entities: ticket.entities.iter().collect(),
            suspected_at: None,
            resolved_at: None,
            timeline: Vec::new(),
            first_checks: BTreeMap::new(),
            blind_since: None,
            blind_ms: 0,
            blind_sources: BTreeSet::new(),
        }
    }

    fn take(&mut self, record: &Record<'_>) -> Result<(), serde_json::Error> {
        match record.kind {
            kind if kind == Kind::IncidentSuspected.as_str() => {
                self.suspected(&serde_json::from_str(record.body)?);
            }
            kind if kind == Kind::VerdictChanged.as_str() => {
                self.verdict(&serde_json::from_str(record.body)?);
            }
            kind if kind == Kind::Blind.as_str() => {
                self.blind(serde_json::from_str(record.body)?);
            }
            // Most decisions are about other tickets and need not be parsed.
            kind if kind == Kind::Decision.as_str() && record.body.contains(&self.named) => {
                self.decision(&serde_json::from_str(record.body)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, at: Timestamp, what: &str, detail: &str) {
        self.timeline.push(Moment {
            at,
            what: what.to_owned(),
            detail: escape(detail, DETAIL_CHARS_MAX),
        });
    }

    fn suspected(&mut self, record: &body::IncidentSuspected) {
        if record.key != self.ticket.key {
            return;
        }
        self.suspected_at.get_or_insert(record.observed_at);
        let detail = format!("{} ({:.0} %)", record.title, record.probability * 100.0);
        self.say(record.observed_at, "suspected", &detail);
    }

    fn verdict(&mut self, record: &body::VerdictChanged) {
        let end = self.resolved_at.unwrap_or(Timestamp(u64::MAX));
        let at = record.observed_at;
        let is_near = at.0.saturating_add(LEAD_MS) >= self.began.0 && at <= end;
        let concerns = record
            .entities
            .iter()
            .any(|entity| self.entities.contains(entity));
        if !is_near || (record.to == Status::Fail && !concerns) {
            return;
        }
        if record.to == Status::Fail {
            self.say(
                at,
                "check fails",
                &format!("{}: {}", record.invariant, record.summary),
            );
            if at <= self.ticket.opened_at {
                let opened_at = self.ticket.opened_at;
                self.first_checks
                    .entry(record.invariant.to_string())
                    .or_insert_with(|| FirstCheck {
                        check: record.invariant.to_string(),
                        at,
                        before_ticket_s: seconds(opened_at.since_ms(at)),
                        summary: record.summary.clone(),
                    });
            }
        } else if record.from == Some(Status::Fail)
            && self.first_checks.contains_key(record.invariant.as_str())
        {
            let what = if record.to == Status::Pass {
                "check passes"
            } else {
                "check inconclusive"
            };
            self.say(
                at,
                what,
                &format!("{}: {}", record.invariant, record.summary),
            );
        }
    }

    fn blind(&mut self, record: body::Blind) {
        self.close_blind(record.observed_at);
        let gaps = record.blind;
        self.blind_since = (!gaps.is_empty()).then_some((record.observed_at, gaps));
    }

    /// Adds the part of the blind time that lies between the first symptom and the ticket.
    fn close_blind(&mut self, until: Timestamp) {
        let Some((since, gaps)) = self.blind_since.take() else {
            return;
        };
        let from = since.max(self.began);
        let to = until.min(self.ticket.opened_at);
        if to > from {
            self.blind_ms = self.blind_ms.saturating_add(to.since_ms(from));
            let told = gaps
                .iter()
                .map(|gap| format!("{}: {}", gap.source, gap.reason));
            self.blind_sources
                .extend(told.map(|text| escape(&text, DETAIL_CHARS_MAX)));
        }
    }

    fn decision(&mut self, record: &body::Decision) {
        if record.ticket.id != self.ticket.id {
            return;
        }
        let change = serde_json::to_value(record.change).ok();
        let word = change.as_ref().and_then(serde_json::Value::as_str);
        self.resolved_at =
            (record.ticket.state == TicketState::Resolved).then_some(record.observed_at);
        let what = format!("ticket {}", word.unwrap_or("written"));
        let detail = format!("{} ({})", record.ticket.title, record.because.join("; "));
        self.say(record.observed_at, &what, &detail);
    }

    fn finish(mut self, known: Vec<render::Version>, judgements: Vec<String>) -> Review {
        self.close_blind(self.ticket.opened_at);
        let began = self.began;
        let after = |at: Timestamp| seconds(at.since_ms(began));
        self.timeline.sort_by_key(|moment| moment.at);
        let mut first_checks: Vec<FirstCheck> = self.first_checks.into_values().collect();
        first_checks.sort_by(|a, b| (a.at, &a.check).cmp(&(b.at, &b.check)));
        first_checks.truncate(CHECKS_MAX);
        Review {
            ticket: self.ticket.id.clone(),
            began,
            suspected_after_s: self.suspected_at.map(after),
            opened_after_s: after(self.ticket.opened_at),
            resolved_after_s: self.resolved_at.map(after),
            timeline: self.timeline,
            known,
            blind_s: seconds(self.blind_ms),
            blind_sources: self.blind_sources.into_iter().collect(),
            first_checks,
            judgements,
        }
    }
}

/// An incident lasts for days at most, far below the 2^53 that a float counts exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
