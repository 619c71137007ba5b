//! The JSON document of `operator check`; its schema is docs/schema/check.json.

use crate::console::render::{duration, human};
use operator_data::Snapshot;
use operator_model::verdict::Observed;
use operator_model::{
    CheckId, EntityId, EvidenceId, EvidenceSource, ObservationGap, Scalar, Severity, Status,
    Timestamp, Verdict,
};
use serde::Serialize;

/// The document.
#[derive(Debug, Serialize)]
pub(super) struct CheckReport {
    pub(super) subject: String,
    pub(super) cluster: String,
    pub(super) taken_at: Timestamp,
    pub(super) snapshot: String,
    pub(super) verdicts: Vec<ReportedVerdict>,
    pub(super) evidence: Vec<ReportedEvidence>,
    pub(super) blind: Vec<ObservationGap>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedVerdict {
    pub(super) invariant: CheckId,
    pub(super) module: String,
    pub(super) status: Status,
    pub(super) severity: Severity,
    pub(super) claim: String,
    pub(super) reason: String,
    pub(super) violations: Vec<ReportedViolation>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedViolation {
    pub(super) entity: EntityId,
    pub(super) name: String,
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) evidence: Vec<EvidenceId>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportedEvidence {
    pub(super) id: EvidenceId,
    pub(super) source: EvidenceSource,
    pub(super) query: String,
    pub(super) window: (Timestamp, Timestamp),
    pub(super) value: Scalar,
    pub(super) unit: Option<String>,
    pub(super) baseline: Option<String>,
}

impl CheckReport {
    pub(super) fn new(snapshot: &Snapshot, verdicts: Vec<Verdict>) -> Self {
        let mut evidence = Vec::new();
        let verdicts = verdicts
            .into_iter()
            .map(|verdict| reported(verdict, snapshot, &mut evidence))
            .collect();
        Self {
            subject: snapshot.subject.clone(),
            cluster: snapshot.system.clone(),
            taken_at: snapshot.taken_at,
            snapshot: snapshot.hash.to_string(),
            verdicts,
            evidence,
            blind: snapshot.blind.clone(),
        }
    }
}

impl ReportedEvidence {
    /// For people.
    pub(super) fn line(&self) -> String {
        let expected = self
            .baseline
            .as_ref()
            .map(|baseline| format!(" (expected: {baseline})"))
            .unwrap_or_default();
        format!(
            "[{}] {} = {}{expected}",
            self.id,
            self.query,
            human(&self.value, self.unit.as_deref())
        )
    }
}

fn reported(
    verdict: Verdict,
    snapshot: &Snapshot,
    evidence: &mut Vec<ReportedEvidence>,
) -> ReportedVerdict {
    let reason = reason(&verdict);
    let violations = verdict
        .violations
        .into_iter()
        .map(|violation| ReportedViolation {
            name: snapshot.topology.name_of(&violation.entity).to_owned(),
            entity: violation.entity,
            severity: violation.severity,
            summary: violation.summary,
            evidence: violation
                .evidence
                .into_iter()
                .map(|observed| cite(observed, snapshot, evidence))
                .collect(),
        })
        .collect();
    ReportedVerdict {
        invariant: verdict.check,
        module: verdict.module,
        status: verdict.status,
        severity: verdict.severity,
        claim: verdict.claim,
        reason,
        violations,
    }
}

/// A single observation cannot know how long a violation lasts, so the reason also names the pending time of `run`.
fn reason(verdict: &Verdict) -> String {
    let waits = verdict.status == Status::Fail
        && verdict.hold_ms > 0
        && verdict.violations.iter().any(|v| !v.confirmed);
    if !waits {
        return verdict.reason.clone();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a pending time is minutes, far below 2^53 ms"
    )]
    let pending_for = duration(verdict.hold_ms as f64 / 1_000.0);
    format!(
        "{}; `operator run` opens a ticket after {pending_for}",
        verdict.reason
    )
}

fn cite(
    observed: Observed,
    snapshot: &Snapshot,
    evidence: &mut Vec<ReportedEvidence>,
) -> EvidenceId {
    let id = EvidenceId(format!("e{}", evidence.len() + 1));
    let of_metrics = observed.table == "metrics";
    let query = match observed.row {
        _ if of_metrics => observed.column,
        Some(row) => format!("{}[{row}].{}", observed.table, observed.column),
        None => format!("{}.{}", observed.table, observed.column),
    };
    evidence.push(ReportedEvidence {
        id: id.clone(),
        source: if of_metrics {
            EvidenceSource::Metrics
        } else {
            EvidenceSource::Table
        },
        query,
        window: (snapshot.taken_at, snapshot.taken_at),
        value: observed.value,
        unit: observed.unit,
        baseline: observed.expected,
    });
    id
}
