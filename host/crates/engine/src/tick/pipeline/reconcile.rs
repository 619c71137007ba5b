//! From incidents to tickets: every confirmed incident has one, and those that are over are
//! resolved.

use super::Pipeline;
use operator_data::Snapshot;
use operator_model::{Incident, Provenance, Ticket, TicketChange};
use operator_reason::ticket::{self, Entry, Proposal, TicketTable};
use operator_reason::{decide, verify};

/// Ticks without a failure before the ticket about a plugin is resolved: the window in which three
/// failures would quarantine it again.
const PLUGIN_QUIET_TICKS: u64 = 10;

/// What one tick changes about tickets.
#[derive(Default)]
pub(super) struct TicketChanges {
    pub(super) entries: Vec<Entry>,
    /// Explanations that could not be verified.
    pub(super) withheld: u64,
}

impl TicketChanges {
    pub(super) fn count(&self, change: TicketChange) -> u64 {
        self.entries
            .iter()
            .filter(|entry| entry.change == change)
            .count() as u64
    }
}

impl Pipeline {
    /// Composes a ticket for every incident that has or deserves one, and resolves those that are
    /// over.
    pub(super) fn reconcile(
        &mut self,
        snapshot: &Snapshot,
        incidents: &[Incident],
        tickets: &mut TicketTable,
    ) -> TicketChanges {
        let mut changes = TicketChanges::default();
        for incident in incidents {
            if !incident.confirmed && !tickets.has_open(&incident.key) {
                continue;
            }
            let (composed, is_verified) = self.compose(snapshot, incident);
            let entry = tickets.file(composed, incident.confirmed);
            changes.withheld += u64::from(!is_verified && entry.is_some());
            changes.entries.extend(entry);
        }
        let now = snapshot.taken_at;
        for key in self.memory.resolvable() {
            changes
                .entries
                .extend(tickets.resolve(&key, now, "all its symptoms are gone"));
            self.memory.forget(&key);
        }
        for key in self.plugin_health.over(PLUGIN_QUIET_TICKS) {
            changes
                .entries
                .extend(tickets.resolve(&key, now, "the plugin no longer fails"));
        }
        changes
    }

    /// The ticket, and whether its explanation could be verified.
    fn compose(&self, snapshot: &Snapshot, incident: &Incident) -> (Ticket, bool) {
        let decided = decide::decide(incident, &self.knowledge, snapshot);
        let proposal = Proposal {
            options: decided.options,
            do_not: decided.do_not,
            decision: decided.decision,
            rationale: decided.rationale,
            gaps: decided.gaps,
        };
        let provenance = self.provenance(snapshot);
        let mut composed = ticket::compose(incident, proposal, provenance, snapshot.taken_at);
        let verification = verify::verify(&composed, self.memory.topology());
        composed.explanation_score = verification.score;
        if verification.score > 0 {
            return (composed, true);
        }
        tracing::warn!(key = %incident.key, failures = ?verification.failures, "explanation withheld: it could not be verified");
        let mut composed = ticket::withhold(composed, &verification.failures);
        composed.explanation_score = verify::verify(&composed, self.memory.topology()).score;
        (composed, false)
    }

    fn provenance(&self, snapshot: &Snapshot) -> Provenance {
        let mut plugins = self.checks.modules();
        plugins.extend([self.source.plugin()]);
        Provenance {
            host: env!("CARGO_PKG_VERSION").to_owned(),
            plugins,
            config: self.config.clone(),
            knowledge: self.knowledge.version.clone(),
            snapshot: snapshot.hash.to_string(),
        }
    }
}
