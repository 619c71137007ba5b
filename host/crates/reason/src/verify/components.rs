//! Checks 7, 8 and 13: the components that a ticket names.

use super::ticket_view::TicketView;
use operator_model::quantity::escape;
use operator_model::title::title;
use operator_model::{EntityId, Predicate};
use std::collections::BTreeSet;

pub(super) fn components(view: &TicketView<'_>) -> Vec<String> {
    let known = view.known_entities();
    let named: BTreeSet<&EntityId> = named(view);
    let unknown = named
        .difference(&known)
        .map(|entity| format!("{entity} does not exist"));
    let misnamed = view.ticket.names.iter().filter(|(id, name)| {
        view.topology
            .entity(id)
            .is_none_or(|entity| &escape(&entity.name, 120) != *name)
    });
    unknown
        .chain(misnamed.map(|(id, name)| format!("{id} is not named {name}")))
        .collect()
}

/// Every component that the ticket names.
fn named<'a>(view: &TicketView<'a>) -> BTreeSet<&'a EntityId> {
    let ticket = view.ticket;
    let of_claims = view.claims().filter_map(|claim| match &claim.predicate {
        Predicate::Compares { entity, .. }
        | Predicate::Steady { entity, .. }
        | Predicate::Verdict { entity, .. }
        | Predicate::Quotes { entity, .. } => entity.as_ref(),
        Predicate::Deviates { entity, .. } | Predicate::Outlies { entity, .. } => Some(entity),
        Predicate::Discriminates { .. } | Predicate::Prefers { .. } => None,
    });
    let of_evidence = ticket
        .observations
        .iter()
        .filter_map(|evidence| evidence.entity.as_ref());
    let of_hypotheses = ticket
        .hypotheses
        .iter()
        .filter_map(|hypothesis| hypothesis.component.as_ref());
    ticket
        .entities
        .iter()
        .chain(of_claims)
        .chain(of_evidence)
        .chain(of_hypotheses)
        .chain(ticket.path.iter().map(|step| &step.entity))
        .chain(ticket.symptoms.iter().map(|symptom| &symptom.entity))
        .collect()
}

pub(super) fn path(view: &TicketView<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    let Some((first, rest)) = view.ticket.path.split_first() else {
        return failures;
    };
    let suspect = view
        .ticket
        .hypotheses
        .first()
        .and_then(|leader| leader.component.as_ref());
    if Some(&first.entity) != suspect {
        failures.push(format!(
            "the path begins at {}, which is not the suspect",
            first.entity
        ));
    }
    let mut reached = vec![first];
    for step in rest {
        let joined = view.topology.neighbours(&step.entity);
        if !reached
            .iter()
            .any(|earlier| joined.contains(&&earlier.entity))
        {
            failures.push(format!("no edge leads to {}", step.entity));
        }
        if reached
            .last()
            .is_some_and(|earlier| step.onset < earlier.onset)
        {
            failures.push(format!(
                "{} began before the step that precedes it",
                step.entity
            ));
        }
        let onsets = || {
            view.ticket
                .symptoms
                .iter()
                .filter(|s| s.entity == step.entity)
                .map(|s| s.onset.1)
        };
        if !onsets().any(|onset| onset == step.onset) {
            failures.push(format!(
                "no symptom of {} began at {}",
                step.entity, step.onset
            ));
        }
        reached.push(step);
    }
    failures
}

pub(super) fn scope(view: &TicketView<'_>) -> Vec<String> {
    let ticket = view.ticket;
    let mut failures = Vec::new();
    if ticket.title
        != title(
            &ticket.symptoms,
            &ticket.hypotheses,
            ticket.abstained,
            &ticket.names,
        )
    {
        failures.push(format!(
            "“{}” does not follow from the symptoms and hypotheses",
            escape(&ticket.title, 120)
        ));
    }
    let listed: BTreeSet<&EntityId> = ticket.entities.iter().collect();
    let with_symptoms: BTreeSet<&EntityId> = ticket
        .symptoms
        .iter()
        .map(|symptom| &symptom.entity)
        .collect();
    failures.extend(
        with_symptoms
            .difference(&listed)
            .map(|entity| format!("{entity} has symptoms but is not listed")),
    );
    let suspects: BTreeSet<&EntityId> = ticket
        .hypotheses
        .iter()
        .filter_map(|h| h.component.as_ref())
        .collect();
    let hosts: BTreeSet<&EntityId> = suspects
        .iter()
        .flat_map(|suspect| view.topology.hosts_of(suspect))
        .collect();
    let fits = |entity: &EntityId| {
        [&with_symptoms, &suspects, &hosts]
            .iter()
            .any(|known| known.contains(entity))
    };
    let extra = listed.iter().filter(|entity| !fits(entity));
    failures.extend(extra.map(|entity| {
        format!("{entity} has no symptoms, is not a suspect, and no suspect runs on it")
    }));
    failures
}
