//! Numbers evidence. Within one incident an id keeps its meaning over the whole life of the incident:
//! the same question about the same entity has the same id, only its value is refreshed.

use super::limits::LEDGER_MAX;
use operator_model::{Claim, EntityId, Evidence, EvidenceId, EvidenceSource, Predicate};
use std::collections::BTreeMap;

/// What was asked, and about whom.
type Question = (EvidenceSource, String, Option<EntityId>);

/// The numbers that an incident has given out.
#[derive(Debug, Clone, Default)]
pub(super) struct EvidenceIds {
    numbers: BTreeMap<Question, u32>,
    last: u32,
}

impl EvidenceIds {
    /// Takes the numbers of a ticket up again.
    pub(super) fn restore(observations: &[Evidence]) -> Self {
        let mut evidence_ids = Self::default();
        for evidence in observations {
            if let Some(number) = number_of(&evidence.id) {
                evidence_ids.numbers.insert(question(evidence), number);
                evidence_ids.last = evidence_ids.last.max(number);
            }
        }
        evidence_ids
    }

    fn number(&mut self, evidence: &Evidence) -> u32 {
        let next = self.last.saturating_add(1);
        let number = *self.numbers.entry(question(evidence)).or_insert(next);
        self.last = self.last.max(number);
        number
    }

    /// Forgets numbers that are not in use when there are too many. They are never given out again.
    fn trim(&mut self, in_use: &BTreeMap<u32, Evidence>) {
        if self.numbers.len() > LEDGER_MAX {
            self.numbers.retain(|_, number| in_use.contains_key(number));
        }
    }
}

fn question(evidence: &Evidence) -> Question {
    (
        evidence.source,
        evidence.query.clone(),
        evidence.entity.clone(),
    )
}

fn number_of(id: &EvidenceId) -> Option<u32> {
    id.as_str().strip_prefix('e')?.parse().ok()
}

/// The evidence of one incident at one tick, while its claims are written.
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

    /// Puts evidence on record and gives it its id.
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

    /// A claim on evidence that is on record already.
    pub(super) fn claim_on(&self, predicate: &Predicate, ids: &[EvidenceId]) -> Claim {
        let found: Vec<&Evidence> = ids
            .iter()
            .filter_map(|id| number_of(id).and_then(|number| self.in_use.get(&number)))
            .collect();
        Claim::new(predicate.clone(), &found)
    }

    /// All evidence on record, by number.
    pub(super) fn close(self) -> Vec<Evidence> {
        self.evidence_ids.trim(&self.in_use);
        self.in_use.into_values().collect()
    }
}
