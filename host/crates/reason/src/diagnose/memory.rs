//! Which incident is which over time: one cause keeps one key, whichever hypothesis leads.

use super::DiagnoseInput;
use super::blindness::Blindness;
use super::challenger::Challenger;
use super::evidence_ids::EvidenceIds;
use super::limits::{CLEAR_MAX_MS, CLEAR_MIN_MS, REMEMBERED_MAX, REOPEN_WITHIN_MS, SYMPTOMS_MAX};
use super::symptoms::{SymptomKey, Symptoms, key_of};
use operator_model::{
    Diagnosis, Edge, EntityId, Incident, IncidentKey, Predicate, SymptomKind, Ticket, TicketState,
    Timestamp, Topology,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What diagnosis remembers between ticks: since when symptoms last, and which incident they belong to.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The newest topology of the subject that had entities.
    listed: Topology,
    /// The same, and the last known state of unlisted entities that have symptoms or belong to an open incident.
    pub(super) topology: Topology,
    pub(super) symptoms: Symptoms,
    pub(super) blindness: Blindness,
    pub(super) known: BTreeMap<IncidentKey, IncidentRecord>,
    epochs: BTreeMap<String, u32>,
    now: Timestamp,
}

/// An incident that is open, or was not long ago.
#[derive(Debug, Clone, Default)]
pub(super) struct IncidentRecord {
    /// What its key was made of.
    family: String,
    /// Suspect of the newest diagnosis that named one.
    pub(super) suspect: Option<EntityId>,
    /// Every symptom that it ever had.
    pub(super) symptoms: BTreeSet<SymptomKey>,
    pub(super) evidence_ids: EvidenceIds,
    pub(super) confirmed: bool,
    /// As it was last written.
    pub(super) last: Option<Incident>,
    /// As it was last written with a named cause, and when.
    pub(super) named: Option<(Timestamp, Incident)>,
    pub(super) started_at: Timestamp,
    /// The longest pending time of its symptoms.
    pub(super) pending_ms: u64,
    /// Since when its symptoms end.
    pub(super) recovering_since: Option<Timestamp>,
    /// Another cause that leads now and has not replaced the named one.
    pub(super) challenger: Option<Challenger>,
    quiet: Option<QuietPeriod>,
    closed_at: Option<Timestamp>,
}

/// Time without any symptom.
#[derive(Debug, Clone, Copy)]
struct QuietPeriod {
    /// How long the checks concerned could observe that nothing is wrong.
    observed_ms: u64,
    newest_at: Timestamp,
}

impl Memory {
    /// Resumes after a restart: open tickets are open incidents under the same keys and evidence ids;
    /// resolved ones are remembered, so a relapse reopens them.
    #[must_use]
    pub fn restore(tickets: &[Ticket]) -> Self {
        let mut memory = Self::default();
        for ticket in tickets {
            let is_open = ticket.state == TicketState::Open;
            if is_open {
                memory.symptoms.restore(ticket);
                ticket
                    .symptoms
                    .iter()
                    .filter(|s| s.kind == SymptomKind::Blind)
                    .for_each(|s| memory.blindness.restore(s));
            }
            memory
                .known
                .insert(ticket.key.clone(), remembered(ticket, is_open));
        }
        memory
    }

    /// The newest topology that had entities, together with unlisted entities that have symptoms: the names
    /// that can still be trusted while the subject cannot be observed.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The observed time of the newest tick.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Incidents that may be resolved: all symptoms have been gone for twice their pending time, at least a
    /// minute and at most a minute and a half, and the checks could observe it. A key is listed until [`Memory::forget`] is called for it.
    #[must_use]
    pub fn resolvable(&self) -> Vec<IncidentKey> {
        let over = self.known.iter().filter(|(_, record)| {
            let wait_ms = record
                .pending_ms
                .saturating_mul(2)
                .clamp(CLEAR_MIN_MS, CLEAR_MAX_MS);
            record.confirmed
                && record.is_open()
                && record
                    .quiet
                    .is_some_and(|quiet| quiet.observed_ms >= wait_ms)
        });
        over.map(|(key, _)| key.clone()).collect()
    }

    /// The ticket of this incident was resolved. A relapse within [`REOPEN_WITHIN_MS`] reuses the key.
    pub fn forget(&mut self, key: &IncidentKey) {
        if let Some(record) = self.known.get_mut(key) {
            record.closed_at = Some(self.now);
        }
    }

    /// This memory at the beginning of a tick, with the tick's symptoms and observation gaps.
    pub(super) fn observe(&self, input: DiagnoseInput<'_>) -> Self {
        let mut current = self.clone();
        current.now = input.snapshot.taken_at;
        current.update_topology(&input.snapshot.topology);
        current.drop_long_gone();
        current.symptoms.update(input, &current.listed);
        current.blindness.update(input);
        current
    }

    fn update_topology(&mut self, topology: &Topology) {
        if topology.entities.is_empty() {
            return;
        }
        self.listed.clone_from(topology);
        let before = std::mem::replace(&mut self.topology, topology.clone());
        self.keep_entities_of_incidents(&before);
    }

    fn drop_long_gone(&mut self) {
        let long_gone: Vec<IncidentKey> = self
            .known
            .iter()
            .filter(|(_, record)| record.is_long_gone(self.now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in long_gone {
            self.drop_record(&key);
        }
    }

    /// A listing that omits an entity for a moment must not separate its symptoms from those of its
    /// neighbours. What an open incident names stays known, too.
    fn keep_entities_of_incidents(&mut self, before: &Topology) {
        let with_symptoms = self.symptoms.all().keys().map(|(_, entity)| entity);
        let open = self
            .known
            .values()
            .filter(|record| record.confirmed && record.is_open());
        let named = open
            .filter_map(|record| record.last.as_ref())
            .flat_map(|last| last.names.keys());
        let missing: BTreeSet<&EntityId> = with_symptoms
            .chain(named)
            .filter(|id| self.listed.entity(id).is_none())
            .collect();
        if missing.is_empty() {
            return;
        }
        let is_known = |id: &EntityId| missing.contains(id) || self.listed.entity(id).is_some();
        let concerns = |edge: &&Edge| missing.contains(&edge.from) || missing.contains(&edge.to);
        let edges = before
            .edges
            .iter()
            .filter(concerns)
            .filter(|edge| is_known(&edge.from) && is_known(&edge.to));
        self.topology.edges.extend(edges.cloned());
        self.topology
            .entities
            .extend(missing.iter().filter_map(|id| before.entity(id)).cloned());
        self.topology.edges.sort();
        self.topology.entities.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// The next incident of the same family is a different one.
    fn drop_record(&mut self, key: &IncidentKey) {
        let Some(record) = self.known.remove(key) else {
            return;
        };
        if self.epochs.len() < REMEMBERED_MAX || self.epochs.contains_key(&record.family) {
            let epoch = self.epochs.entry(record.family).or_insert(0);
            *epoch = epoch.saturating_add(1);
        }
    }

    /// A new incident. Its key is a digest of what it is about, not of when it was first observed.
    pub(super) fn new_incident(
        &self,
        family: &str,
        also_taken: &BTreeSet<IncidentKey>,
    ) -> (IncidentKey, IncidentRecord) {
        let mut epoch = self.epochs.get(family).copied().unwrap_or(0);
        let mut key = digest(family, epoch);
        while self.known.contains_key(&key) || also_taken.contains(&key) {
            epoch = epoch.saturating_add(1);
            key = digest(family, epoch);
        }
        let record = IncidentRecord {
            family: family.to_owned(),
            started_at: self.now,
            ..IncidentRecord::default()
        };
        (key, record)
    }

    /// This memory at the end of a tick. Open incidents without a symptom become quiet, as far as their
    /// checks can observe it; what was never confirmed is forgotten.
    pub(super) fn settle(
        mut self,
        records: BTreeMap<IncidentKey, IncidentRecord>,
        incidents: &[Incident],
        input: DiagnoseInput<'_>,
    ) -> Self {
        self.known.extend(records);
        let present: BTreeSet<&IncidentKey> = incidents.iter().map(|one| &one.key).collect();
        self.known
            .retain(|key, record| record.confirmed || present.contains(key));
        for (key, record) in &mut self.known {
            if !record.is_open() || present.contains(key) {
                record.quiet = None;
            } else {
                record.stay_quiet(self.now, input);
            }
        }
        self.make_room();
        self
    }

    /// Gives up the incidents that were closed first when there are too many. Open ones are bounded by the
    /// symptoms that there can be.
    fn make_room(&mut self) {
        let excess = self.known.len().saturating_sub(REMEMBERED_MAX);
        if excess == 0 {
            return;
        }
        let closed = self.known.iter();
        let mut closed: Vec<(Timestamp, IncidentKey)> = closed
            .filter_map(|(key, record)| Some((record.closed_at?, key.clone())))
            .collect();
        closed.sort();
        for (_, key) in closed.into_iter().take(excess) {
            self.drop_record(&key);
        }
    }
}

impl IncidentRecord {
    pub(super) fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Symptoms by which it will be recognised. When they become too many, only the present ones are kept.
    pub(super) fn remember(&mut self, members: BTreeSet<SymptomKey>) {
        if self.symptoms.len() + members.len() > SYMPTOMS_MAX {
            self.symptoms.clear();
        }
        self.symptoms.extend(members);
    }

    pub(super) fn reopen(&mut self) {
        self.closed_at = None;
        self.quiet = None;
    }

    fn stay_quiet(&mut self, now: Timestamp, input: DiagnoseInput<'_>) {
        let is_observable = self
            .last
            .iter()
            .flat_map(|last| &last.symptoms)
            .all(|s| Symptoms::can_be_observed(&s.kind, &s.entity, input));
        let quiet = self.quiet.get_or_insert(QuietPeriod {
            observed_ms: 0,
            newest_at: now,
        });
        if is_observable {
            quiet.observed_ms = quiet
                .observed_ms
                .saturating_add(now.since_ms(quiet.newest_at));
        }
        quiet.newest_at = now;
    }

    fn is_long_gone(&self, now: Timestamp) -> bool {
        self.closed_at
            .is_some_and(|at| now.since_ms(at) >= REOPEN_WITHIN_MS)
    }
}

/// 64 bits of a sha256: a million incidents collide with probability 3 in 10^8.
fn digest(family: &str, epoch: u32) -> IncidentKey {
    let digest = Sha256::digest(format!("{family}\n{epoch}"));
    IncidentKey::system(hex::encode(digest.get(..8).unwrap_or_default()))
}

/// The family of an incident: what it would be recognised by if it came back. Lengths keep the parts apart.
pub(super) fn family(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| format!("{}:{part}", part.len()))
        .collect::<Vec<_>>()
        .join("\n")
}

fn remembered(ticket: &Ticket, is_open: bool) -> IncidentRecord {
    let leader = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    IncidentRecord {
        family: ticket.key.to_string(),
        suspect: leader.and_then(|hypothesis| hypothesis.component.clone()),
        symptoms: ticket.symptoms.iter().map(key_of).collect(),
        evidence_ids: EvidenceIds::restore(&ticket.observations),
        confirmed: true,
        named: leader.map(|_| (ticket.updated_at, written_before(ticket))),
        last: Some(written_before(ticket)),
        started_at: ticket.opened_at,
        pending_ms: 0,
        recovering_since: ticket.recovering_since,
        challenger: None,
        quiet: None,
        closed_at: (!is_open).then_some(ticket.updated_at),
    }
}

/// Listed in the ticket, but neither suspected nor with a symptom: what the suspect runs on.
fn located(ticket: &Ticket) -> Vec<EntityId> {
    let suspected = |id: &EntityId| {
        ticket
            .hypotheses
            .iter()
            .any(|one| one.component.as_ref() == Some(id))
    };
    let has_symptom = |id: &EntityId| ticket.symptoms.iter().any(|symptom| &symptom.entity == id);
    ticket
        .entities
        .iter()
        .filter(|id| !suspected(id) && !has_symptom(id))
        .cloned()
        .collect()
}

/// The incident that the ticket was written from.
fn written_before(ticket: &Ticket) -> Incident {
    let discrimination = ticket
        .rationale
        .iter()
        .filter(|claim| matches!(claim.predicate, Predicate::Discriminates { .. }));
    Incident {
        key: ticket.key.clone(),
        title: ticket.title.clone(),
        started_at: ticket
            .symptoms
            .iter()
            .map(|symptom| symptom.onset.0)
            .min()
            .unwrap_or(ticket.opened_at),
        severity: ticket.severity,
        names: ticket.names.clone(),
        located: located(ticket),
        symptoms: ticket.symptoms.clone(),
        evidence: ticket.observations.clone(),
        diagnosis: Diagnosis {
            hypotheses: ticket.hypotheses.clone(),
            path: ticket.path.clone(),
            gaps: ticket.gaps.clone(),
            abstained: ticket.abstained,
            discrimination: discrimination.cloned().collect(),
        },
        confirmed: true,
        awaits_ms: 0,
        recovering_since: ticket.recovering_since,
    }
}
