//! What a check found, as far as it can be used: bounded, cleaned, sorted, and free of
//! contradictions.

use crate::bindings::invariant::operator::plugin::checks as wit;
use crate::failure::PluginFailure;
use crate::limits::PluginLimits;
use crate::text;
use operator_model::verdict::Observed;
use operator_model::{CheckDeclaration, EntityId, Scalar, Severity, Status, Violation};

/// A usable outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Pass, fail or inconclusive.
    pub status: Status,
    /// Why inconclusive, or what was looked at.
    pub reason: String,
    /// Sorted by entity.
    pub violations: Vec<Violation>,
    /// Sorted, without repeats.
    pub passed: Vec<EntityId>,
    /// For the next call of this check.
    pub state: Option<Vec<u8>>,
}

impl Outcome {
    pub(crate) fn judge(
        raw: wit::Outcome,
        check: &CheckDeclaration,
        limits: &PluginLimits,
    ) -> Result<Self, PluginFailure> {
        at_most("violations", raw.violations.len(), limits.violations_max)?;
        at_most("passed entities", raw.passed.len(), limits.passed_max)?;
        at_most(
            "bytes of state",
            raw.state.as_ref().map_or(0, Vec::len),
            limits.state_bytes_max,
        )?;
        let status = Status::from(raw.status);
        refuse_contradiction(status, raw.violations.len())?;
        let violations = raw
            .violations
            .into_iter()
            .map(|violation| judge_violation(violation, check, limits));
        let mut violations = violations.collect::<Result<Vec<_>, _>>()?;
        violations.sort_by(|a, b| a.entity.cmp(&b.entity));
        let passed = raw
            .passed
            .into_iter()
            .map(|entity| entity_id(&entity, limits));
        let mut passed = passed.collect::<Result<Vec<_>, _>>()?;
        passed.sort();
        passed.dedup();
        Ok(Self {
            status,
            reason: text::clean(&raw.reason, limits.text_bytes_max),
            violations,
            passed,
            state: raw.state,
        })
    }
}

/// A check fails exactly when it names who breaks the rule.
fn refuse_contradiction(status: Status, violations: usize) -> Result<(), PluginFailure> {
    match (status, violations) {
        (Status::Fail, 0) => Err(PluginFailure::Nonsense(
            "it fails without a violation".to_owned(),
        )),
        (Status::Pass, 1..) => Err(PluginFailure::Nonsense(format!(
            "it passes with {violations} violations"
        ))),
        _ => Ok(()),
    }
}

fn judge_violation(
    raw: wit::Violation,
    check: &CheckDeclaration,
    limits: &PluginLimits,
) -> Result<Violation, PluginFailure> {
    let entity = entity_id(&raw.entity, limits)?;
    at_most(
        "pieces of evidence of a violation",
        raw.evidence.len(),
        limits.evidence_per_violation_max,
    )?;
    if raw.evidence.is_empty() {
        return Err(PluginFailure::Nonsense(format!(
            "its violation of {entity} has no evidence"
        )));
    }
    let severity = raw.severity.map_or(check.severity, Severity::from);
    let evidence = raw
        .evidence
        .into_iter()
        .map(|evidence| clean_evidence(evidence.into(), limits))
        .collect();
    let summary = text::clean(&raw.summary, limits.text_bytes_max);
    Ok(Violation {
        entity,
        summary,
        severity,
        confirmed: raw.confirmed,
        evidence,
    })
}

fn clean_evidence(evidence: Observed, limits: &PluginLimits) -> Observed {
    let clean = |text: &str| text::clean(text, limits.text_bytes_max);
    Observed {
        table: clean(&evidence.table),
        row: evidence.row,
        column: clean(&evidence.column),
        value: match evidence.value {
            Scalar::Text(text) => Scalar::Text(clean(&text)),
            other => other,
        },
        unit: evidence.unit.as_deref().map(clean),
        expected: evidence.expected.as_deref().map(clean),
    }
}

/// Any entity may be named, also one that the topology does not know; but ids are parts of keys.
fn entity_id(id: &str, limits: &PluginLimits) -> Result<EntityId, PluginFailure> {
    at_most(
        "bytes of an entity id",
        id.len(),
        limits.entity_id_bytes_max,
    )?;
    if id.is_empty() {
        return Err(PluginFailure::Nonsense("an entity id is empty".to_owned()));
    }
    Ok(EntityId(text::clean(id, limits.entity_id_bytes_max)))
}

fn at_most(what: &str, size: usize, limit: usize) -> Result<(), PluginFailure> {
    if size <= limit {
        Ok(())
    } else {
        Err(PluginFailure::OutputTooLarge {
            what: what.to_owned(),
            size,
            limit,
        })
    }
}
