//! A ticket, indexed for verification.

use operator_model::{
    Claim, EntityId, Evidence, EvidenceId, EvidenceSource, Hypothesis, Ticket, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

/// A ticket and the topology that it is verified against.
pub(super) struct TicketView<'a> {
    pub(super) ticket: &'a Ticket,
    pub(super) topology: &'a Topology,
    recorded: BTreeMap<&'a EvidenceId, &'a Evidence>,
}

impl<'a> TicketView<'a> {
    pub(super) fn new(ticket: &'a Ticket, topology: &'a Topology) -> Self {
        let recorded = ticket
            .observations
            .iter()
            .map(|evidence| (&evidence.id, evidence))
            .collect();
        Self {
            ticket,
            topology,
            recorded,
        }
    }

    pub(super) fn evidence(&self, id: &EvidenceId) -> Option<&'a Evidence> {
        self.recorded.get(id).copied()
    }

    /// The evidence that a claim cites, in its order, without ids that are not recorded.
    pub(super) fn cited(&self, claim: &Claim) -> Vec<&'a Evidence> {
        claim
            .evidence
            .iter()
            .filter_map(|id| self.evidence(id))
            .collect()
    }

    /// Every claim of the hypotheses and of the rationale.
    pub(super) fn claims(&self) -> impl Iterator<Item = &'a Claim> {
        let assessed = self
            .ticket
            .hypotheses
            .iter()
            .flat_map(|one| one.assessed().chain(&one.neutral))
            .map(|one| &one.claim);
        assessed.chain(&self.ticket.rationale)
    }

    /// Hypotheses that a failure mode describes, likeliest first.
    pub(super) fn described(&self) -> Vec<&'a Hypothesis> {
        self.ticket
            .hypotheses
            .iter()
            .filter(|hypothesis| !hypothesis.is_unknown_cause())
            .collect()
    }

    /// Entities of the topology, and those that a check or an observation gap is about.
    pub(super) fn known_entities(&self) -> BTreeSet<&'a EntityId> {
        let is_report = |source| matches!(source, EvidenceSource::Check | EvidenceSource::Operator);
        let reports = self
            .ticket
            .observations
            .iter()
            .filter(|evidence| is_report(evidence.source));
        let reported = reports.filter_map(|evidence| evidence.entity.as_ref());
        let listed = self.topology.entities.iter().map(|entity| &entity.id);
        listed.chain(reported).collect()
    }
}
