//! Gives each group of symptoms the incident that it continues.

use super::cover::Group;
use super::memory::{Memory, family};
use super::symptoms::{Lasting, SymptomKey};
use operator_model::{EntityId, IncidentKey, SymptomKind};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The keys of the groups, in their order; `None` for groups that are too weak to open an incident and
/// continue none.
pub(super) fn assign(
    memory: &mut Memory,
    groups: &[Group<'_>],
    lasting: &[&Lasting],
    system: (&str, &str),
) -> Vec<Option<IncidentKey>> {
    let mut keys = continued(memory, groups, lasting);
    for (group, key) in groups.iter().zip(&mut keys) {
        if key.is_none() && !group.too_weak {
            *key = Some(memory.new_key(&family_of(group, lasting, system)));
        }
    }
    keys
}

pub(super) fn members_of(group: &Group<'_>, lasting: &[&Lasting]) -> BTreeSet<SymptomKey> {
    let members = group
        .members
        .iter()
        .filter_map(|position| lasting.get(*position));
    members
        .map(|lasting| (lasting.symptom.kind.clone(), lasting.symptom.entity.clone()))
        .collect()
}

fn suspect_of<'a>(group: &'a Group<'_>) -> Option<&'a EntityId> {
    group.ranked.first().map(|leader| &leader.case.suspect)
}

/// Pairs of group and incident by how much they share; the best pair first, each used once.
fn continued(
    memory: &Memory,
    groups: &[Group<'_>],
    lasting: &[&Lasting],
) -> Vec<Option<IncidentKey>> {
    let mut pairs = Vec::new();
    for (position, group) in groups.iter().enumerate() {
        let members = members_of(group, lasting);
        for (key, known) in &memory.known {
            let shared = members.intersection(&known.symptoms).count();
            let same_suspect = known.is_open()
                && known.suspect.is_some()
                && suspect_of(group) == known.suspect.as_ref();
            let may_continue = !group.too_weak || (known.is_open() && known.confirmed);
            if may_continue && (shared > 0 || same_suspect) {
                let order = (
                    Reverse(shared),
                    Reverse(known.is_open()),
                    Reverse(same_suspect),
                    known.started_at,
                );
                pairs.push((order, key.clone(), position));
            }
        }
    }
    pairs.sort();
    let mut keys: Vec<Option<IncidentKey>> = vec![None; groups.len()];
    let mut used = BTreeSet::new();
    for (_, key, position) in pairs {
        if let Some(slot @ None) = keys.get_mut(position)
            && used.insert(key.clone())
        {
            *slot = Some(key);
        }
    }
    keys
}

/// Subject, system, who is suspected and of what; without a suspect, who shows what first.
fn family_of(group: &Group<'_>, lasting: &[&Lasting], system: (&str, &str)) -> String {
    if let Some(leader) = group.ranked.first() {
        return family(&[
            system.0,
            system.1,
            leader.case.suspect.as_str(),
            leader.case.card.id.as_str(),
        ]);
    }
    let first = group
        .members
        .iter()
        .filter_map(|position| lasting.get(*position))
        .map(|lasting| &lasting.symptom);
    let first = first.min_by(|a, b| super::assemble::by_onset(a, b));
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
