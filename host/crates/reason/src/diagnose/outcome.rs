//! What one tick comes to: its incidents, and the records of them that the memory takes over.

use super::assemble::{self, Material};
use super::challenger;
use super::cover::Group;
use super::facts::Facts;
use super::identity;
use super::memory::{IncidentRecord, Memory};
use super::recovery;
use super::symptoms::{SymptomKey, TrackedSymptom, key_of};
use operator_model::{Incident, IncidentKey, Severity, SymptomKind, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Incidents of one tick.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) incidents: Vec<Incident>,
    /// The new records of those incidents that have a group in this tick.
    pub(super) records: BTreeMap<IncidentKey, IncidentRecord>,
    /// Incidents without any symptom left, which are not resolved yet.
    pub(super) quiet: Vec<Incident>,
}

impl Outcome {
    /// Writes each group under the key of the incident that it continues, or under a new one.
    pub(super) fn write(&mut self, memory: &Memory, facts: &Facts<'_>, groups: &[Group<'_>]) {
        let assigned = identity::assign(memory, facts, groups);
        for (group, assignment) in groups.iter().zip(assigned) {
            let Some((key, mut record)) = assignment else {
                continue;
            };
            let incident = write_group(&key, &mut record, memory, facts, group);
            if has_only_notes_left(&incident) {
                self.quiet.push(incident);
            } else {
                self.incidents.push(incident);
            }
            self.records.insert(key, record);
        }
    }

    /// Keeps confirmed incidents open that lost their group but not all their symptoms: anomalies that are
    /// too weak to open an incident are enough to keep one open.
    /// Those that lost all of them are quiet.
    pub(super) fn keep_without_group(
        &mut self,
        memory: &Memory,
        facts: &Facts<'_>,
        groups: &[Group<'_>],
    ) {
        let mut elsewhere: BTreeSet<SymptomKey> =
            self.incidents.iter().flat_map(symptom_keys).collect();
        let strong = groups.iter().filter(|group| !group.too_weak);
        elsewhere.extend(strong.flat_map(Group::member_keys));
        let watched = memory.symptoms.all();
        for (key, record) in &memory.known {
            let Some(last) = record.last.as_ref().filter(|_| {
                record.confirmed && record.is_open() && !self.records.contains_key(key)
            }) else {
                continue;
            };
            let recovering = recovery::recovering(record, memory, facts, None);
            let own_symptoms_last = symptom_keys(last)
                .any(|key| watched.contains_key(&key) && !elsewhere.contains(&key));
            match recovering {
                Some(kept) => self.keep((key, record), kept, own_symptoms_last, facts.now()),
                None if own_symptoms_last => self.incidents.push(last.clone()),
                None => {}
            }
        }
    }

    /// Takes over a recovering incident that has no group in this tick.
    fn keep(
        &mut self,
        (key, record): (&IncidentKey, &IncidentRecord),
        incident: Incident,
        lasts: bool,
        now: Timestamp,
    ) {
        let mut record = record.clone();
        record.recovering_since = incident.recovering_since;
        record.named = Some((now, incident.clone()));
        record.last = Some(incident.clone());
        self.records.insert(key.clone(), record);
        if lasts && !has_only_notes_left(&incident) {
            self.incidents.push(incident);
        } else {
            self.quiet.push(incident);
        }
    }
}

/// Whether a recovering incident shows nothing more that is worth a ticket.
fn has_only_notes_left(incident: &Incident) -> bool {
    let mut lasting = incident
        .symptoms
        .iter()
        .filter(|symptom| symptom.ended_at.is_none());
    incident.recovering_since.is_some() && lasting.all(|symptom| symptom.severity == Severity::Info)
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
    let all_paused = group.members.iter().all(|member| member.tracked.paused);
    let recovering = recovery::recovering(record, memory, facts, Some(group));
    let recovers = recovering.is_some();
    let unseen = record.last.as_ref().filter(|_| all_paused).cloned();
    let mut incident = if let Some(kept) = recovering {
        kept
    } else if let Some(last) = unseen {
        assemble::still_unseen(last, facts.now())
    } else {
        let material = Material {
            facts,
            topology: &memory.topology,
            group,
        };
        let incident = assemble::incident(&material, key.clone(), &mut record.evidence_ids);
        match challenger::held_back(record, &incident, facts.now()) {
            Some(mut named) => {
                recovery::rename(&mut named, memory);
                named
            }
            None => incident,
        }
    };
    record.confirmed |= is_confirmed(group);
    incident.confirmed = record.confirmed;
    incident.awaits_ms = if record.confirmed {
        0
    } else {
        awaits_ms(group)
    };
    record.recovering_since = incident.recovering_since;
    if !has_only_notes_left(&incident) {
        record.reopen();
    }
    if !recovers {
        record.remember(group.member_keys().collect());
    }
    let pending = group.members.iter().map(|member| member.tracked.pending_ms);
    record.pending_ms = pending.fold(record.pending_ms, u64::max);
    record.started_at = record.started_at.min(incident.started_at);
    if !incident.diagnosis.abstained {
        let leader = incident.diagnosis.hypotheses.first();
        record.suspect = leader.and_then(|leader| leader.component.clone());
        record.named = Some((facts.now(), incident.clone()));
    }
    record.last = Some(incident.clone());
    incident
}

/// Confirmed by a violation that lasted for its pending time, or by anomalies that lasted and have one
/// likely cause. What is only worth a note, such as a planned restart, confirms nothing: it is in the
/// decision log, and pages no one.
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
