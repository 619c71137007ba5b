//! What one tick comes to: its incidents, and the records of them that the memory takes over.

use super::assemble::{self, Material};
use super::cover::Group;
use super::facts::Facts;
use super::identity;
use super::memory::{IncidentRecord, Memory};
use super::symptoms::{SymptomKey, TrackedSymptom, key_of};
use operator_model::{Incident, IncidentKey, Severity, SymptomKind};
use std::collections::{BTreeMap, BTreeSet};

/// Incidents of one tick.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) incidents: Vec<Incident>,
    /// The new records of those incidents that have a group in this tick.
    pub(super) records: BTreeMap<IncidentKey, IncidentRecord>,
}

impl Outcome {
    /// Writes each group under the key of the incident that it continues, or under a new one.
    pub(super) fn write(&mut self, memory: &Memory, facts: &Facts<'_>, groups: &[Group<'_>]) {
        let snapshot = facts.input().snapshot;
        let system = (snapshot.subject.as_str(), snapshot.system.as_str());
        let assigned = identity::assign(memory, groups, system);
        for (group, assignment) in groups.iter().zip(assigned) {
            let Some((key, mut record)) = assignment else {
                continue;
            };
            let incident = write_group(&key, &mut record, memory, facts, group);
            self.incidents.push(incident);
            self.records.insert(key, record);
        }
    }

    /// Keeps confirmed incidents open that lost their group but not all their symptoms: anomalies that are
    /// too weak to open an incident are enough to keep one open.
    pub(super) fn keep_weak_incidents_open(&mut self, memory: &Memory, groups: &[Group<'_>]) {
        let mut elsewhere: BTreeSet<SymptomKey> =
            self.incidents.iter().flat_map(symptom_keys).collect();
        let strong = groups.iter().filter(|group| !group.too_weak);
        elsewhere.extend(strong.flat_map(Group::member_keys));
        let without_group = memory.known.iter().filter(|(key, record)| {
            record.confirmed && record.is_open() && !self.records.contains_key(*key)
        });
        let watched = memory.symptoms.all();
        let kept: Vec<Incident> = without_group
            .filter_map(|(_, record)| record.last.as_ref())
            .filter(|last| {
                symptom_keys(last)
                    .any(|key| watched.contains_key(&key) && !elsewhere.contains(&key))
            })
            .cloned()
            .collect();
        self.incidents.extend(kept);
    }
}

fn symptom_keys(incident: &Incident) -> impl Iterator<Item = SymptomKey> {
    incident.symptoms.iter().map(key_of)
}

fn write_group(
    key: &IncidentKey,
    record: &mut IncidentRecord,
    memory: &Memory,
    facts: &Facts<'_>,
    group: &Group<'_>,
) -> Incident {
    record.reopen();
    let all_paused = group.members.iter().all(|member| member.tracked.paused);
    let mut incident = match &record.last {
        Some(last) if all_paused => assemble::still_unseen(last.clone(), facts.now()),
        _ => {
            let material = Material {
                facts,
                topology: &memory.topology,
                group,
            };
            assemble::incident(&material, key.clone(), &mut record.evidence_ids)
        }
    };
    record.confirmed |= is_confirmed(group);
    incident.confirmed = record.confirmed;
    incident.awaits_ms = if record.confirmed {
        0
    } else {
        awaits_ms(group)
    };
    record.remember(group.member_keys().collect());
    let pending = group.members.iter().map(|member| member.tracked.pending_ms);
    record.pending_ms = pending.fold(record.pending_ms, u64::max);
    record.started_at = record.started_at.min(incident.started_at);
    if !incident.diagnosis.abstained {
        let leader = incident.diagnosis.hypotheses.first();
        record.suspect = leader.and_then(|leader| leader.component.clone());
    }
    record.last = Some(incident.clone());
    incident
}

/// Confirmed by a violation that lasted for its pending time, or by anomalies that lasted and have one
/// likely cause. What is only worth a note, such as a planned restart, confirms nothing: it is in the
/// decision log, and nobody is paged for it.
fn is_confirmed(group: &Group<'_>) -> bool {
    // A check knows the circumstances of what it reports as a note; anomalies with the same cause do not.
    let is_noted = group.members.iter().any(|member| {
        is_violation(member.tracked)
            && is_note(member.tracked)
            && !group.attached.contains(member)
            && group.suspects(&member.symptom().entity)
    });
    let one_is_enough = group.members.iter().any(|member| {
        let is_anomaly = matches!(member.symptom().kind, SymptomKind::Anomaly(_));
        let is_enough = !is_anomaly || (group.is_worth_a_ticket() && !is_noted);
        member.tracked.is_active() && !is_note(member.tracked) && is_enough
    });
    one_is_enough || (!is_noted && group.is_worth_a_ticket() && sources_agree(group))
}

/// A violation counts towards an agreement after it lasted for this long, in milliseconds: two observations at the
/// slowest polling interval of a liveness probe.
const AGREEING_MS_MIN: u64 = 5_000;

/// Independent sources share the wait: each check that has been violated for a part of its pending time contributes
/// that part, and together they have to come to one whole. A single source waits for all of its own.
fn sources_agree(group: &Group<'_>) -> bool {
    let mut parts: BTreeMap<&SymptomKind, f64> = BTreeMap::new();
    for member in &group.members {
        let tracked = member.tracked;
        let counts = is_violation(tracked)
            && !is_note(tracked)
            && !group.attached.contains(member)
            && tracked.lasted_ms >= AGREEING_MS_MIN;
        if counts {
            let part = parts.entry(&tracked.symptom.kind).or_default();
            *part = part.max(share(tracked.lasted_ms, tracked.pending_ms));
        }
    }
    parts.len() > 1 && parts.values().sum::<f64>() >= 1.0
}

fn share(lasted_ms: u64, pending_ms: u64) -> f64 {
    // Pending times are hours at most, far below the 2^53 that a float counts exactly.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let share = lasted_ms as f64 / pending_ms.max(1) as f64;
    share.min(1.0)
}

/// How long the next violation has to last until it counts.
fn awaits_ms(group: &Group<'_>) -> u64 {
    let waiting = group
        .members
        .iter()
        .map(|member| member.tracked)
        .filter(|tracked| is_violation(tracked) && !is_note(tracked));
    waiting
        .map(|tracked| tracked.pending_ms.saturating_sub(tracked.lasted_ms))
        .min()
        .unwrap_or_default()
}

fn is_violation(tracked: &TrackedSymptom) -> bool {
    matches!(tracked.symptom.kind, SymptomKind::Violation(_))
}

fn is_note(tracked: &TrackedSymptom) -> bool {
    tracked.symptom.severity == Severity::Info
}
