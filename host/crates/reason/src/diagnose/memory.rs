//! Which incident is which, over time: one cause keeps one key, whatever leads its hypotheses.

use super::blindness::Blindness;
use super::evidence_ids::EvidenceIds;
use super::limits::{CLEAR_MIN_MS, REMEMBERED_MAX, REOPEN_WITHIN_MS, SYMPTOMS_MAX};
use super::symptoms::{SymptomKey, Symptoms};
use operator_model::{
    Diagnosis, Edge, EntityId, Incident, IncidentKey, Predicate, SymptomKind, Ticket, TicketState,
    Timestamp, Topology,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What diagnosis remembers between ticks: since when symptoms last, which incident they belong to.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// As the subject gave it, the newest that had entities.
    pub(super) seen: Topology,
    /// The same, and what has symptoms or stands in an open incident and is not listed now, as it was listed last.
    pub(super) topology: Topology,
    pub(super) symptoms: Symptoms,
    pub(super) blindness: Blindness,
    pub(super) known: BTreeMap<IncidentKey, Known>,
    epochs: BTreeMap<String, u32>,
    now: Timestamp,
}

/// An incident that is open, or was not long ago.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// What its key was made of.
    family: String,
    /// Suspect of the newest diagnosis that named one.
    pub(super) suspect: Option<EntityId>,
    /// Every symptom that it ever had.
    pub(super) symptoms: BTreeSet<SymptomKey>,
    pub(super) evidence_ids: EvidenceIds,
    pub(super) confirmed: bool,
    /// As it was written last.
    pub(super) last: Option<Incident>,
    pub(super) started_at: Timestamp,
    /// The longest hold of its symptoms.
    pub(super) hold_ms: u64,
    pub(super) quiet: Option<Quiet>,
    closed_at: Option<Timestamp>,
}

/// No symptom is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    since: Timestamp,
    /// How long the checks concerned could see that all is well.
    seen_ms: u64,
    newest_at: Timestamp,
}

impl Memory {
    /// Takes up again after a restart: open tickets are open incidents under the same keys and evidence
    /// ids, resolved ones are remembered so that a relapse reopens them.
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

    /// The newest topology that had entities, and with them those that have symptoms and are not listed just now: what
    /// names can still be trusted while the operator is blind.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Since when an incident has no symptoms any more; `None` while it has some.
    #[must_use]
    pub fn cleared_since(&self, key: &IncidentKey) -> Option<Timestamp> {
        self.known
            .get(key)
            .and_then(|known| known.quiet)
            .map(|quiet| quiet.since)
    }

    /// Incidents that may be called over: all symptoms gone for at least a minute and twice their hold,
    /// with the checks able to see it. A key is listed until [`Memory::forget`] is called for it.
    #[must_use]
    pub fn resolvable(&self) -> Vec<IncidentKey> {
        let over = self.known.iter().filter(|(_, known)| {
            let wait_ms = CLEAR_MIN_MS.max(known.hold_ms.saturating_mul(2));
            known.confirmed
                && known.is_open()
                && known.quiet.is_some_and(|quiet| quiet.seen_ms >= wait_ms)
        });
        over.map(|(key, _)| key.clone()).collect()
    }

    /// The ticket of this incident was resolved. A relapse within ten minutes takes the key up again.
    pub fn forget(&mut self, key: &IncidentKey) {
        if let Some(known) = self.known.get_mut(key) {
            known.closed_at = Some(self.now);
        }
    }

    /// Begins a tick.
    pub(super) fn begin(&mut self, now: Timestamp, topology: &Topology) {
        self.now = now;
        if !topology.entities.is_empty() {
            self.seen.clone_from(topology);
            let before = std::mem::replace(&mut self.topology, topology.clone());
            self.keep_what_is_concerned(&before);
        }
        let long_gone: Vec<IncidentKey> = self
            .known
            .iter()
            .filter(|(_, k)| k.is_long_gone(now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in long_gone {
            self.drop_known(&key);
        }
    }

    /// A list that leaves an entity out for a moment must not tear what it has from what it stands beside. What an open
    /// incident names stays known, too.
    fn keep_what_is_concerned(&mut self, before: &Topology) {
        let with_symptoms = self.symptoms.all().keys().map(|(_, entity)| entity);
        let open = self
            .known
            .values()
            .filter(|known| known.confirmed && known.is_open());
        let named = open
            .filter_map(|known| known.last.as_ref())
            .flat_map(|last| last.names.keys());
        let missing: BTreeSet<&EntityId> = with_symptoms
            .chain(named)
            .filter(|id| self.seen.entity(id).is_none())
            .collect();
        if missing.is_empty() {
            return;
        }
        let is_known = |id: &EntityId| missing.contains(id) || self.seen.entity(id).is_some();
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

    /// The next incident of the same family is another one.
    fn drop_known(&mut self, key: &IncidentKey) {
        let Some(known) = self.known.remove(key) else {
            return;
        };
        if self.epochs.len() < REMEMBERED_MAX || self.epochs.contains_key(&known.family) {
            let epoch = self.epochs.entry(known.family).or_insert(0);
            *epoch = epoch.saturating_add(1);
        }
    }

    /// The key of a new incident: a digest of what it is about, not of when it was first seen.
    pub(super) fn new_key(&mut self, family: &str) -> IncidentKey {
        let mut epoch = self.epochs.get(family).copied().unwrap_or(0);
        let mut key = digest(family, epoch);
        while self.known.contains_key(&key) {
            epoch = epoch.saturating_add(1);
            key = digest(family, epoch);
        }
        self.make_room();
        self.known.insert(
            key.clone(),
            Known {
                family: family.to_owned(),
                started_at: self.now,
                ..Known::default()
            },
        );
        key
    }

    /// Gives up the longest closed incident when there are too many. Open ones are bounded by the
    /// symptoms that there can be.
    fn make_room(&mut self) {
        if self.known.len() < REMEMBERED_MAX {
            return;
        }
        let closed = self
            .known
            .iter()
            .filter_map(|(key, known)| Some((known.closed_at?, key.clone())));
        if let Some((_, oldest)) = closed.min() {
            self.drop_known(&oldest);
        }
    }

    /// Open incidents without a group at this tick become quiet, as far as their checks can see; what was
    /// never confirmed is forgotten.
    pub(super) fn settle(
        &mut self,
        seen: &BTreeSet<IncidentKey>,
        can_see: impl Fn(&Known) -> bool,
    ) {
        let now = self.now;
        self.known
            .retain(|key, known| known.confirmed || seen.contains(key));
        for (key, known) in &mut self.known {
            if !known.is_open() || seen.contains(key) {
                known.quiet = None;
                continue;
            }
            let sees = can_see(known);
            let quiet = known.quiet.get_or_insert(Quiet {
                since: now,
                seen_ms: 0,
                newest_at: now,
            });
            if sees {
                quiet.seen_ms = quiet.seen_ms.saturating_add(now.since_ms(quiet.newest_at));
            }
            quiet.newest_at = now;
        }
    }
}

impl Known {
    pub(super) fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Symptoms by which it will be known again. When they become too many, only the present ones count.
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

    fn is_long_gone(&self, now: Timestamp) -> bool {
        self.closed_at
            .is_some_and(|at| now.since_ms(at) >= REOPEN_WITHIN_MS)
    }
}

/// 64 bits of a sha256: a million incidents collide with probability 3 in 10^8.
fn digest(family: &str, epoch: u32) -> IncidentKey {
    let digest = Sha256::digest(format!("{family}\n{epoch}"));
    IncidentKey(hex::encode(digest.get(..8).unwrap_or_default()))
}

/// The family of an incident: what it would be called if it came back. Parts cannot run into each other.
pub(super) fn family(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| format!("{}:{part}", part.len()))
        .collect::<Vec<_>>()
        .join("\n")
}

fn remembered(ticket: &Ticket, is_open: bool) -> Known {
    let leader = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    Known {
        family: ticket.key.to_string(),
        suspect: leader.and_then(|hypothesis| hypothesis.component.clone()),
        symptoms: ticket
            .symptoms
            .iter()
            .map(|s| (s.kind.clone(), s.entity.clone()))
            .collect(),
        evidence_ids: EvidenceIds::restore(&ticket.observations),
        confirmed: true,
        last: Some(written_before(ticket)),
        started_at: ticket.opened_at,
        hold_ms: 0,
        quiet: None,
        closed_at: (!is_open).then_some(ticket.updated_at),
    }
}

/// Listed in the ticket, but neither suspected nor with a symptom: what the suspect ran on.
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
    let told_apart = ticket
        .rationale
        .iter()
        .filter(|claim| matches!(claim.predicate, Predicate::ToldApart { .. }));
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
            told_apart: told_apart.cloned().collect(),
        },
        confirmed: true,
    }
}
