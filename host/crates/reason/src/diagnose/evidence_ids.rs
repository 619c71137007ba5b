//! Numbers evidence. Within one incident an id keeps its meaning for the whole life of the incident:
//! the same query about the same entity has the same id, and only its value is refreshed.
//! A value that can no longer be observed has an id of its own, apart from a fresh answer to the same query.

use super::limits::EVIDENCE_IDS_MAX;
use operator_model::{Claim, EntityId, Evidence, EvidenceId, EvidenceSource, Predicate};
use std::collections::BTreeMap;

/// What makes two pieces of evidence the same one at different times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct EvidenceIdentity {
    source: EvidenceSource,
    query: String,
    entity: Option<EntityId>,
    is_stale: bool,
}

impl EvidenceIdentity {
    fn of(evidence: &Evidence) -> Self {
        Self {
            source: evidence.source,
            query: evidence.query.clone(),
            entity: evidence.entity.clone(),
            is_stale: evidence.seen_at.is_some(),
        }
    }
}

/// The evidence numbers that an incident has used.
#[derive(Debug, Clone, Default)]
pub(super) struct EvidenceIds {
    numbers: BTreeMap<EvidenceIdentity, u32>,
    last: u32,
}

impl EvidenceIds {
    /// Resumes the numbering of a ticket.
    pub(super) fn restore(observations: &[Evidence]) -> Self {
        let mut evidence_ids = Self::default();
        for evidence in observations {
            if let Some(number) = number_of(&evidence.id) {
                let identity = EvidenceIdentity::of(evidence);
                evidence_ids.numbers.insert(identity, number);
                evidence_ids.last = evidence_ids.last.max(number);
            }
        }
        evidence_ids
    }

    fn number(&mut self, evidence: &Evidence) -> u32 {
        let next = self.last.saturating_add(1);
        let number = *self
            .numbers
            .entry(EvidenceIdentity::of(evidence))
            .or_insert(next);
        self.last = self.last.max(number);
        number
    }

    /// Forgets unused numbers when there are too many. They are never reused.
    fn trim(&mut self, in_use: &BTreeMap<u32, Evidence>) {
        if self.numbers.len() > EVIDENCE_IDS_MAX {
            self.numbers.retain(|_, number| in_use.contains_key(number));
        }
    }
}

fn number_of(id: &EvidenceId) -> Option<u32> {
    id.as_str().strip_prefix('e')?.parse().ok()
}

/// The evidence of one incident at one tick, while its claims are being written.
#[derive(Debug)]
pub(super) struct CitationScope<'a> {
    evidence_ids: &'a mut EvidenceIds,
    in_use: BTreeMap<u32, Evidence>,
}

impl<'a> CitationScope<'a> {
    pub(super) fn new(evidence_ids: &'a mut EvidenceIds) -> Self {
        Self {
            evidence_ids,
            in_use: BTreeMap::new(),
        }
    }

    /// Records evidence and returns its id.
    pub(super) fn record(&mut self, composed: &Evidence) -> EvidenceId {
        let number = self.evidence_ids.number(composed);
        let id = EvidenceId(format!("e{number}"));
        self.in_use.entry(number).or_insert_with(|| Evidence {
            id: id.clone(),
            ..composed.clone()
        });
        id
    }

    /// A claim on this evidence.
    pub(super) fn claim(&mut self, predicate: &Predicate, cited: &[Evidence]) -> Claim {
        let ids: Vec<EvidenceId> = cited.iter().map(|composed| self.record(composed)).collect();
        self.claim_on(predicate, &ids)
    }

    /// A claim on evidence that is already recorded.
    pub(super) fn claim_on(&self, predicate: &Predicate, ids: &[EvidenceId]) -> Claim {
        let found: Vec<&Evidence> = ids
            .iter()
            .filter_map(|id| number_of(id).and_then(|number| self.in_use.get(&number)))
            .collect();
        Claim::new(predicate.clone(), &found)
    }

    /// All recorded evidence, by number.
    pub(super) fn close(self) -> Vec<Evidence> {
        self.evidence_ids.trim(&self.in_use);
        self.in_use.into_values().collect()
    }
}
