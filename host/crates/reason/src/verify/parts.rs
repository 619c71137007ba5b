//! Checks 7, 8 and 13: the parts of the system that a ticket names.

use super::case::Case;
use operator_model::quantity::escape;
use operator_model::title::title;
use operator_model::{EntityId, Predicate};
use std::collections::BTreeSet;

pub(super) fn components(case: &Case<'_>) -> Vec<String> {
    let known = case.known_entities();
    let named: BTreeSet<&EntityId> = named(case);
    let unknown = named
        .difference(&known)
        .map(|entity| format!("{entity} does not exist"));
    let misnamed = case.ticket.names.iter().filter(|(id, name)| {
        case.topology
            .entity(id)
            .is_none_or(|entity| &escape(&entity.name, 120) != *name)
    });
    unknown
        .chain(misnamed.map(|(id, name)| format!("{id} is not called {name}")))
        .collect()
}

/// Everything that the ticket names as a part of the system.
fn named<'a>(case: &Case<'a>) -> BTreeSet<&'a EntityId> {
    let ticket = case.ticket;
    let of_claims = case.claims().filter_map(|claim| match &claim.predicate {
        Predicate::Compares { entity, .. }
        | Predicate::Steady { entity, .. }
        | Predicate::Verdict { entity, .. }
        | Predicate::Quotes { entity, .. } => entity.as_ref(),
        Predicate::Deviates { entity, .. } | Predicate::Outlies { entity, .. } => Some(entity),
        Predicate::ToldApart { .. } | Predicate::Prefers { .. } => None,
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

pub(super) fn path(case: &Case<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    let Some((first, rest)) = case.ticket.path.split_first() else {
        return failures;
    };
    let suspect = case
        .ticket
        .hypotheses
        .first()
        .and_then(|leader| leader.component.as_ref());
    if Some(&first.entity) != suspect {
        failures.push(format!(
            "it begins at {}, which is not the suspect",
            first.entity
        ));
    }
    let mut reached = vec![first];
    for step in rest {
        let joined = case.topology.neighbours(&step.entity);
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
                "{} began before what it is said to follow",
                step.entity
            ));
        }
        let onsets = || {
            case.ticket
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

pub(super) fn scope(case: &Case<'_>) -> Vec<String> {
    let ticket = case.ticket;
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
            "“{}” is not what is seen",
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
            .map(|entity| format!("{entity} has symptoms and is not listed")),
    );
    let suspects: BTreeSet<&EntityId> = ticket
        .hypotheses
        .iter()
        .filter_map(|h| h.component.as_ref())
        .collect();
    let hosts: BTreeSet<&EntityId> = suspects
        .iter()
        .flat_map(|suspect| case.topology.hosts_of(suspect))
        .collect();
    let fits = |entity: &EntityId| {
        [&with_symptoms, &suspects, &hosts]
            .iter()
            .any(|known| known.contains(entity))
    };
    let extra = listed.iter().filter(|entity| !fits(entity));
    failures.extend(extra.map(|entity| {
        format!("{entity} has no symptoms, is not suspected, and carries no suspect")
    }));
    failures
}
