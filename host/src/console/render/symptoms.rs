//! Symptoms by entity, with values, baselines and recent samples.

use super::page::{Ink, Page};
use super::spark::sparkline;
use super::{ids, name, time_of_day};
use operator_model::quantity::{human, number};
use operator_model::{Evidence, EvidenceSource, Scalar, Symptom, Ticket};

/// Symptoms shown on a page; the JSON ticket lists all.
const SYMPTOMS_SHOWN_MAX: usize = 12;

/// Values shown per symptom.
const VALUES_SHOWN_MAX: usize = 4;

/// Columns of a sparkline.
pub(super) const SPARK_COLUMNS: usize = 24;

pub(super) fn section(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT IS SEEN");
    let mut shown_entity = None;
    for symptom in in_order_of_entities(ticket)
        .into_iter()
        .take(SYMPTOMS_SHOWN_MAX)
    {
        if shown_entity != Some(&symptom.entity) {
            page.wrapped(2, 4, &name(ticket, &symptom.entity), Ink::Bold);
            shown_entity = Some(&symptom.entity);
        }
        one(page, ticket, symptom);
    }
    if let Some(more) = ticket
        .symptoms
        .len()
        .checked_sub(SYMPTOMS_SHOWN_MAX)
        .filter(|more| *more > 0)
    {
        page.wrapped(
            2,
            2,
            &format!("and {more} more symptoms (see --json)"),
            Ink::Dim,
        );
    }
}

/// Symptoms in the order of the entities in the ticket (the suspect first), then by onset.
fn in_order_of_entities(ticket: &Ticket) -> Vec<&Symptom> {
    let place = |symptom: &Symptom| {
        ticket
            .entities
            .iter()
            .position(|entity| entity == &symptom.entity)
    };
    let mut symptoms: Vec<&Symptom> = ticket.symptoms.iter().collect();
    symptoms.sort_by_key(|symptom| place(symptom).unwrap_or(usize::MAX));
    symptoms
}

fn one(page: &mut Page, ticket: &Ticket, symptom: &Symptom) {
    let (mark, ink, lasts) = match symptom.ended_at {
        None => ("●", Ink::Plain, "since"),
        Some(_) => ("○", Ink::Dim, "from"),
    };
    let until = symptom
        .ended_at
        .map_or_else(String::new, |at| format!(" to {}", time_of_day(at)));
    let text = format!(
        "{} ({lasts} {}{until}) {}",
        symptom.summary,
        time_of_day(symptom.onset.1),
        ids(&symptom.evidence)
    );
    page.item(4, mark, &text, ink);
    let recorded = symptom
        .evidence
        .iter()
        .filter_map(|id| ticket.observations.iter().find(|e| &e.id == id));
    let values = recorded.filter(|evidence| evidence.source != EvidenceSource::Check);
    for evidence in values.take(VALUES_SHOWN_MAX) {
        page.wrapped(6, 8, &value(evidence), Ink::Dim);
        let picture = sparkline(&evidence.recent, SPARK_COLUMNS);
        if evidence.recent.len() >= SPARK_SAMPLES_MIN {
            page.parts(8, &[(&picture, Ink::Yellow), (" recent", Ink::Dim)]);
        }
    }
}

/// Minimum samples for a sparkline.
pub(super) const SPARK_SAMPLES_MIN: usize = 4;

/// `nodes[1].latency = 1.2 s, usually 3 ms (robust z +40)`.
fn value(evidence: &Evidence) -> String {
    let unit = evidence.unit.as_deref();
    let mut text = format!("{} = {}", evidence.query, human(&evidence.value, unit));
    match &evidence.baseline {
        Some(Scalar::Text(expected)) => text.push_str(&format!(", expected {expected}")),
        Some(usual) => text.push_str(&format!(", usually {}", human(usual, unit))),
        None => {}
    }
    if let Some(seen_at) = evidence.seen_at {
        text.push_str(&format!(" (last seen at {})", time_of_day(seen_at)));
    }
    if let Some(z) = evidence.robust_z {
        let sign = if z > 0.0 { "+" } else { "" };
        text.push_str(&format!(" (robust z {sign}{})", number(z)));
    }
    text
}
