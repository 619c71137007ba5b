//! What changed between two versions of a ticket that a person must know about.

use operator_model::{EntityId, SymptomKind, Ticket, TicketState};
use std::collections::BTreeSet;

/// A probability that moves less is noise of the evidence, not news.
const PROBABILITY_STEP: f64 = 0.1;

/// Changes of probabilities and symptoms are written at most this often, in observed milliseconds: while an
/// incident unfolds every tick sees one more symptom, and nobody reads a ticket faster than this.
pub(super) const SMALL_CHANGE_EVERY_MS: u64 = 10_000;

/// The changes in words; empty when there is nothing to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Written at once.
    pub(super) great: Vec<String>,
    /// Written when the last version is old enough.
    pub(super) small: Vec<String>,
}

/// Compares the version that was last written with the present one.
pub(super) fn changes(before: &Ticket, now: &Ticket) -> Changes {
    let mut changes = Changes::default();
    let great = &mut changes.great;
    if before.state != now.state {
        great.push(format!(
            "state {} → {}",
            state(before.state),
            state(now.state)
        ));
    }
    if before.severity != now.severity {
        great.push(format!("severity {:?} → {:?}", before.severity, now.severity).to_lowercase());
    }
    if leading(before) != leading(now) {
        great.push(format!(
            "leading hypothesis: {} → {}",
            leading(before),
            leading(now)
        ));
    }
    if before.decision.option != now.decision.option {
        great.push(format!(
            "recommendation: {} → {}",
            before.decision.option, now.decision.option
        ));
    }
    let (was, is) = (probability(before), probability(now));
    if leading(before) == leading(now) && (was - is).abs() >= PROBABILITY_STEP - f64::EPSILON {
        changes
            .small
            .push(format!("probability {was:.2} → {is:.2}"));
    }
    let (had, has) = (symptoms(before), symptoms(now));
    if had != has {
        let (added, gone) = (has.difference(&had).count(), had.difference(&has).count());
        changes
            .small
            .push(format!("symptoms: {added} new, {gone} gone"));
    }
    changes
}

/// Whether symptoms only go away and take the evidence for a named cause with them. The cause stays what it was:
/// a ticket does not forget its diagnosis because the system gets well.
pub(super) fn only_recovers(before: &Ticket, now: &Ticket) -> bool {
    let named = leading(before) != OPEN;
    named && leading(now) == OPEN && symptoms(now).is_subset(&symptoms(before))
}

/// Stands for the leading hypothesis of a diagnosis that abstains.
const OPEN: &str = "open";

fn state(state: TicketState) -> &'static str {
    match state {
        TicketState::Open => "open",
        TicketState::Resolved => "resolved",
    }
}

/// Card and component of the likeliest hypothesis; nobody when the diagnosis abstains.
fn leading(ticket: &Ticket) -> String {
    let winner = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    winner.map_or_else(
        || OPEN.to_owned(),
        |hypothesis| match &hypothesis.component {
            Some(component) => format!("{} of {component}", hypothesis.card),
            None => hypothesis.card.to_string(),
        },
    )
}

fn probability(ticket: &Ticket) -> f64 {
    ticket
        .hypotheses
        .first()
        .map_or(0.0, |hypothesis| hypothesis.probability)
}

fn symptoms(ticket: &Ticket) -> BTreeSet<(&SymptomKind, &EntityId)> {
    ticket
        .symptoms
        .iter()
        .map(|symptom| (&symptom.kind, &symptom.entity))
        .collect()
}
