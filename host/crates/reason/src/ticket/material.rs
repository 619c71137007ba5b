//! The changes between two versions of a ticket that are worth writing.

use operator_model::{EntityId, SymptomKind, Ticket, TicketState};
use std::collections::BTreeSet;

/// A probability that moves less is noise of the evidence, not news.
const PROBABILITY_STEP: f64 = 0.1;

/// Changes of probabilities and symptoms are written at most this often, in observed milliseconds: while an
/// incident develops, every tick adds a symptom, and nobody reads a ticket faster than this.
pub(super) const SMALL_CHANGE_EVERY_MS: u64 = 10_000;

/// The changes in words; empty if there is nothing to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Written immediately.
    pub(super) major: Vec<String>,
    /// Written when the last version is old enough.
    pub(super) minor: Vec<String>,
}

/// Compares the version that was last written with the present one.
pub(super) fn changes(before: &Ticket, now: &Ticket) -> Changes {
    let mut changes = Changes::default();
    let major = &mut changes.major;
    if before.state != now.state {
        major.push(format!(
            "state {} → {}",
            state(before.state),
            state(now.state)
        ));
    }
    if before.severity != now.severity {
        major.push(format!("severity {:?} → {:?}", before.severity, now.severity).to_lowercase());
    }
    if leading(before) != leading(now) {
        major.push(format!(
            "leading hypothesis: {} → {}",
            leading(before),
            leading(now)
        ));
    }
    if before.decision.option != now.decision.option {
        major.push(format!(
            "recommendation: {} → {}",
            before.decision.option, now.decision.option
        ));
    }
    let was = probability(before);
    let is = probability(now);
    if leading(before) == leading(now) && (was - is).abs() >= PROBABILITY_STEP - f64::EPSILON {
        changes
            .minor
            .push(format!("probability {was:.2} → {is:.2}"));
    }
    match (before.recovering_since, now.recovering_since) {
        (None, Some(_)) => changes.minor.push("recovering".to_owned()),
        (Some(since), None) => {
            let after_s = now.updated_at.since_ms(since) / 1_000;
            let relapse = format!("relapse {after_s} s after the recovery began");
            changes.major.push(relapse);
        }
        _ => {}
    }
    let had = symptoms(before);
    let has = symptoms(now);
    if had != has {
        let added = has.difference(&had).count();
        let gone = had.difference(&has).count();
        changes
            .minor
            .push(format!("symptoms: {added} new, {gone} gone"));
    }
    changes
}

/// Whether symptoms only disappear, together with the evidence for a named cause. The cause stays: a ticket
/// does not lose its diagnosis because the system recovers.
pub(super) fn only_recovers(before: &Ticket, now: &Ticket) -> bool {
    let named = leading(before) != UNDETERMINED;
    named && leading(now) == UNDETERMINED && symptoms(now).is_subset(&symptoms(before))
}

/// Stands for the leading hypothesis of a diagnosis that abstains.
const UNDETERMINED: &str = "undetermined";

fn state(state: TicketState) -> &'static str {
    match state {
        TicketState::Open => "open",
        TicketState::Resolved => "resolved",
    }
}

/// Failure mode and component of the likeliest hypothesis; undetermined when the diagnosis abstains.
fn leading(ticket: &Ticket) -> String {
    let winner = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    winner.map_or_else(
        || UNDETERMINED.to_owned(),
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
        .filter(|symptom| symptom.ended_at.is_none())
        .map(|symptom| (&symptom.kind, &symptom.entity))
        .collect()
}
