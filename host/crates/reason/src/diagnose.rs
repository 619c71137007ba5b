//! Stage 4: one incident per cause, hypotheses weighed.
//!
//! Symptoms are what checks find broken and signals that left their baseline. Failure cards of the
//! subject are applied to the parts that the symptoms point to; their evidence is asked of the snapshot
//! and weighed; the likeliest takes the symptoms that it explains, and what is left is another incident.
//! Nothing here knows a system, and nothing depends on time other than the observed clock.

mod assemble;
mod blindness;
mod cover;
mod evidence_ids;
mod facts;
mod identity;
mod limits;
mod memory;
mod plugin;
mod separate;
mod symptoms;
mod told_apart;
mod weigh;

use assemble::Material;
use cover::{Group, Scene};
use facts::Facts;
pub use memory::Memory;
use operator_data::Snapshot;
use operator_model::knowledge::KnowledgeBase;
use operator_model::{
    Detection, Incident, IncidentKey, Severity, Symptom, SymptomKind, Topology, Verdict,
};
pub use plugin::{is_about_plugin, plugin_incident, plugin_key};
use std::collections::{BTreeMap, BTreeSet};
use symptoms::{Lasting, SymptomKey, Symptoms};

/// What one tick gives to diagnosis.
#[derive(Debug, Clone, Copy)]
pub struct DiagnoseInput<'a> {
    /// The frozen observations.
    pub snapshot: &'a Snapshot,
    /// One for each check.
    pub verdicts: &'a [Verdict],
    /// How the signals stand.
    pub detection: &'a Detection,
    /// The subject's expertise.
    pub knowledge: &'a KnowledgeBase,
}

/// Groups what is wrong into incidents, one per cause, and weighs what may be behind each.
/// Unconfirmed incidents are returned too: see [`Incident::confirmed`].
pub fn explain(memory: &mut Memory, input: DiagnoseInput<'_>) -> Vec<Incident> {
    memory.begin(input.snapshot.taken_at, &input.snapshot.topology);
    let topology = memory.topology.clone();
    memory.symptoms.update(input, &memory.seen);
    memory.blindness.update(input);
    let watched = memory.symptoms.all().clone();
    let facts = Facts::new(input, &topology, &watched);
    let lasting = in_order_of_onset(&watched);
    let symptoms: Vec<&Symptom> = lasting.iter().map(|lasting| &lasting.symptom).collect();
    let scene = Scene {
        facts: &facts,
        symptoms: &symptoms,
    };
    let cases = cover::cases(&scene);
    let groups = cover::group(&scene, &cases);
    let mut incidents = write(memory, &facts, &topology, &groups, &lasting);
    incidents.extend(continue_without_group(
        memory, &watched, &groups, &lasting, &incidents,
    ));
    let blind = memory.blindness.lasting(input, &topology, &incidents);
    let blind: Vec<&Lasting> = blind.iter().collect();
    let blind_group: Vec<Group<'_>> = Group::of_all(blind.len()).into_iter().collect();
    incidents.extend(write(memory, &facts, &topology, &blind_group, &blind));
    let seen: BTreeSet<IncidentKey> = incidents
        .iter()
        .map(|incident| incident.key.clone())
        .collect();
    memory.settle(&seen, |known| {
        known
            .last
            .iter()
            .flat_map(|last| &last.symptoms)
            .all(|s| Symptoms::can_be_seen(&s.kind, &s.entity, input))
    });
    incidents.sort_by(|a, b| (a.started_at, &a.key).cmp(&(b.started_at, &b.key)));
    incidents
}

fn in_order_of_onset(watched: &BTreeMap<SymptomKey, Lasting>) -> Vec<&Lasting> {
    let mut lasting: Vec<&Lasting> = watched.values().collect();
    lasting.sort_by(|a, b| assemble::by_onset(&a.symptom, &b.symptom));
    lasting
}

/// Writes each group down under the key of the incident that it continues, or under a new one.
fn write(
    memory: &mut Memory,
    facts: &Facts<'_>,
    topology: &Topology,
    groups: &[Group<'_>],
    lasting: &[&Lasting],
) -> Vec<Incident> {
    let snapshot = facts.input().snapshot;
    let keys = identity::assign(
        memory,
        groups,
        lasting,
        (&snapshot.subject, &snapshot.system),
    );
    let mut incidents = Vec::new();
    for (group, key) in groups.iter().zip(keys) {
        let Some(key) = key else { continue };
        let Some(known) = memory.known.get_mut(&key) else {
            continue;
        };
        known.reopen();
        let members: Vec<&&Lasting> = group
            .members
            .iter()
            .filter_map(|position| lasting.get(*position))
            .collect();
        let all_paused = members.iter().all(|lasting| lasting.paused);
        let mut incident = match &known.last {
            Some(last) if all_paused => assemble::still_unseen(last.clone(), facts.now()),
            _ => assemble::incident(
                &Material {
                    facts,
                    topology,
                    group,
                    lasting,
                },
                key,
                &mut known.evidence_ids,
            ),
        };
        known.confirmed |= is_confirmed(group, lasting);
        incident.confirmed = known.confirmed;
        known.remember(identity::members_of(group, lasting));
        known.hold_ms = members
            .iter()
            .map(|lasting| lasting.hold_ms)
            .fold(known.hold_ms, u64::max);
        known.started_at = known.started_at.min(incident.started_at);
        if !incident.diagnosis.abstained {
            known.suspect = incident
                .diagnosis
                .hypotheses
                .first()
                .and_then(|leader| leader.component.clone());
        }
        known.last = Some(incident.clone());
        incidents.push(incident);
    }
    incidents
}

/// A violation that has lasted for its hold, or anomalies that have lasted and have one likely cause. What is only worth
/// a note, such as a planned restart, confirms nothing: it is in the decision log, and nobody is called for it.
fn is_confirmed(group: &Group<'_>, lasting: &[&Lasting]) -> bool {
    let members = || {
        group
            .members
            .iter()
            .filter_map(|position| Some((position, lasting.get(*position)?)))
    };
    // A check knows the circumstances of what it calls a note; anomalies with the same cause do not know better.
    let is_noted = members().any(|(position, lasting)| {
        let is_note = is_violation(lasting) && lasting.symptom.severity == Severity::Info;
        is_note && !group.attached.contains(position) && group.suspects(&lasting.symptom.entity)
    });
    members().any(|(_, lasting)| {
        let is_anomaly = matches!(lasting.symptom.kind, SymptomKind::Anomaly(_));
        let is_note = lasting.symptom.severity == Severity::Info;
        lasting.counts() && !is_note && (!is_anomaly || (group.is_worth_a_ticket() && !is_noted))
    })
}

fn is_violation(lasting: &Lasting) -> bool {
    matches!(lasting.symptom.kind, SymptomKind::Violation(_))
}

/// Open incidents that lost their group but not all their symptoms: anomalies that are too weak to open
/// an incident still keep one open.
fn continue_without_group(
    memory: &Memory,
    watched: &BTreeMap<SymptomKey, Lasting>,
    groups: &[Group<'_>],
    lasting: &[&Lasting],
    written: &[Incident],
) -> Vec<Incident> {
    let elsewhere: BTreeSet<SymptomKey> = written
        .iter()
        .flat_map(|incident| &incident.symptoms)
        .map(|symptom| (symptom.kind.clone(), symptom.entity.clone()))
        .chain(
            groups
                .iter()
                .filter(|group| !group.too_weak)
                .flat_map(|group| identity::members_of(group, lasting)),
        )
        .collect();
    let lost = memory.known.iter().filter(|(key, known)| {
        known.confirmed && known.is_open() && !written.iter().any(|incident| &incident.key == *key)
    });
    let last = lost.filter_map(|(_, known)| known.last.as_ref());
    last.filter(|last| {
        let mut keys = last
            .symptoms
            .iter()
            .map(|symptom| (symptom.kind.clone(), symptom.entity.clone()));
        keys.any(|key| watched.contains_key(&key) && !elsewhere.contains(&key))
    })
    .cloned()
    .collect()
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
