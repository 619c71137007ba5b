//! Assigns each group of symptoms to the incident that it continues.

use super::cover::Group;
use super::facts::Facts;
use super::memory::{IncidentRecord, Memory, family};
use super::recovery;
use operator_model::{EntityId, IncidentKey, SymptomKind};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The key of a group and what is remembered under it.
pub(super) type Assignment = (IncidentKey, IncidentRecord);

/// The incidents of the groups, in their order; `None` for groups that are too weak to open an incident
/// and continue none.
pub(super) fn assign(
    memory: &Memory,
    facts: &Facts<'_>,
    groups: &[Group<'_>],
) -> Vec<Option<Assignment>> {
    let snapshot = facts.input().snapshot;
    let system = (snapshot.subject.as_str(), snapshot.system.as_str());
    let mut assigned = continued(memory, facts, groups);
    let mut new_keys = BTreeSet::new();
    for (group, assignment) in groups.iter().zip(&mut assigned) {
        if assignment.is_none() && !group.too_weak {
            let (key, record) = memory.new_incident(&family_of(group, system), &new_keys);
            new_keys.insert(key.clone());
            *assignment = Some((key, record));
        }
    }
    assigned
}

fn suspect_of<'a>(group: &'a Group<'_>) -> Option<&'a EntityId> {
    group.ranked.first().map(|leader| &leader.cause.suspect)
}

/// Pairs groups with remembered incidents by how much they share; the best pair first, each used once.
fn continued(memory: &Memory, facts: &Facts<'_>, groups: &[Group<'_>]) -> Vec<Option<Assignment>> {
    let mut pairs = Vec::new();
    for (position, group) in groups.iter().enumerate() {
        let members: BTreeSet<_> = group.member_keys().collect();
        for (key, record) in &memory.known {
            let shared = members.intersection(&record.symptoms).count();
            let same_suspect = record.is_open()
                && record.suspect.is_some()
                && suspect_of(group) == record.suspect.as_ref()
                && recovery::was_considered(record, group);
            let is_relapse = record.is_open()
                || (group.is_more_than_a_note() && recovery::was_considered(record, group));
            let may_continue = !group.too_weak || (record.is_open() && record.confirmed);
            let is_linked = (shared > 0 && is_relapse) || same_suspect;
            if may_continue
                && is_linked
                && !recovery::is_another_fault(record, memory, facts, group)
            {
                let order = (
                    Reverse(shared),
                    Reverse(record.is_open()),
                    Reverse(same_suspect),
                    record.started_at,
                );
                pairs.push((order, key, position));
            }
        }
    }
    pairs.sort();
    let mut assigned: Vec<Option<Assignment>> = groups.iter().map(|_| None).collect();
    let mut used = BTreeSet::new();
    for (_, key, position) in pairs {
        if let Some(slot @ None) = assigned.get_mut(position)
            && used.insert(key)
        {
            *slot = memory
                .known
                .get(key)
                .map(|record| (key.clone(), record.clone()));
        }
    }
    assigned
}

/// Subject, system, suspect and failure mode; without a suspect, the first symptom.
fn family_of(group: &Group<'_>, system: (&str, &str)) -> String {
    if let Some(leader) = group.ranked.first() {
        return family(&[
            system.0,
            system.1,
            leader.cause.suspect.as_str(),
            leader.cause.failure_mode.id.as_str(),
        ]);
    }
    let first = group.members.first().map(|member| member.symptom());
    match first.map(|symptom| (&symptom.kind, &symptom.entity)) {
        Some((SymptomKind::Violation(check), entity)) => {
            family(&[system.0, system.1, entity.as_str(), check.as_str()])
        }
        Some((SymptomKind::Anomaly(signal), entity)) => {
            family(&[system.0, system.1, entity.as_str(), signal.as_str()])
        }
        Some((SymptomKind::Blind, _)) | None => {
            family(&[system.0, system.1, "operator", "blindness"])
        }
    }
}
