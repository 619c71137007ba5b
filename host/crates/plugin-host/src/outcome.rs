//! What a check found, as far as it can be used: bounded, cleaned, sorted, and free of
//! contradictions.

use crate::bindings::checks::findings as wit;
use crate::bindings::tables::tables::PackedText;
use crate::failure::PluginFailure;
use crate::limits::PluginLimits;
use crate::{convert, text};
use operator_data::Snapshot;
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
        snapshot: &Snapshot,
        limits: &PluginLimits,
    ) -> Result<Self, PluginFailure> {
        let parts = Parts::of(raw.verdict);
        at_most("violations", parts.violations.len(), limits.violations_max)?;
        at_most(
            "bytes of state",
            raw.state.as_ref().map_or(0, Vec::len),
            limits.state_bytes_max,
        )?;
        if parts.status == Status::Fail && parts.violations.is_empty() {
            let why = "it fails without a violation".to_owned();
            return Err(PluginFailure::Nonsense(why));
        }
        let violations = parts
            .violations
            .into_iter()
            .map(|violation| judge_violation(violation, check, snapshot, limits));
        let mut violations = violations.collect::<Result<Vec<_>, _>>()?;
        violations.sort_by(|a, b| a.entity.cmp(&b.entity));
        Ok(Self {
            status: parts.status,
            reason: text::clean(&parts.reason, limits.text_bytes_max),
            violations,
            passed: passed(&parts.passed, limits)?,
            state: raw.state,
        })
    }
}

/// A verdict, whichever it is.
struct Parts {
    status: Status,
    reason: String,
    violations: Vec<wit::Violation>,
    passed: Vec<wit::EntitySet>,
}

impl Parts {
    /// A rule that does not apply passes, and its reason says so.
    fn of(verdict: wit::Verdict) -> Self {
        let (status, reason, violations, passed) = match verdict {
            wit::Verdict::Pass(pass) => (Status::Pass, pass.summary, Vec::new(), pass.passed),
            wit::Verdict::Fail(fail) => (Status::Fail, fail.summary, fail.violations, fail.passed),
            wit::Verdict::Inconclusive(open) => {
                (Status::Inconclusive, open.reason, Vec::new(), open.passed)
            }
            wit::Verdict::NotApplicable(why) => {
                let reason = format!("does not apply: {why}");
                (Status::Pass, reason, Vec::new(), Vec::new())
            }
        };
        Self {
            status,
            reason,
            violations,
            passed,
        }
    }
}

/// Sorted, without repeats.
fn passed(sets: &[wit::EntitySet], limits: &PluginLimits) -> Result<Vec<EntityId>, PluginFailure> {
    let ends = sets.iter().map(|set| set.keys.ends.len()).sum();
    let parts_max = limits.passed_max.saturating_mul(KEY_PARTS_MAX);
    at_most("parts of keys of passed entities", ends, parts_max)?;
    let mut passed = Vec::new();
    for set in sets {
        add_set(set, &mut passed, limits)?;
    }
    at_most("passed entities", passed.len(), limits.passed_max)?;
    passed.sort();
    passed.dedup();
    Ok(passed)
}

fn add_set(
    set: &wit::EntitySet,
    passed: &mut Vec<EntityId>,
    limits: &PluginLimits,
) -> Result<(), PluginFailure> {
    let kind = &set.kind;
    let keys = unpacked(&set.keys).ok_or_else(|| {
        PluginFailure::Nonsense(format!(
            "the ends of the keys of kind {kind:?} do not fit their text"
        ))
    })?;
    let parts = usize::try_from(set.key_parts).unwrap_or(usize::MAX);
    if parts == 0 || keys.len() % parts != 0 {
        let count = keys.len();
        let why = format!(
            "{count} parts of keys of kind {kind:?} are no whole number of keys with {parts} parts"
        );
        return Err(PluginFailure::Nonsense(why));
    }
    for key in keys.chunks(parts) {
        passed.push(entity_id(kind, key, limits)?);
    }
    Ok(())
}

/// The texts, if the ends rise, fall between characters and use up the text.
fn unpacked(packed: &PackedText) -> Option<Vec<&str>> {
    let mut texts = Vec::with_capacity(packed.ends.len());
    let mut start = 0;
    for end in &packed.ends {
        let end = usize::try_from(*end).ok()?;
        texts.push(packed.text.get(start..end)?);
        start = end;
    }
    (start == packed.text.len()).then_some(texts)
}

fn judge_violation(
    raw: wit::Violation,
    check: &CheckDeclaration,
    snapshot: &Snapshot,
    limits: &PluginLimits,
) -> Result<Violation, PluginFailure> {
    let entity = entity_id(&raw.entity.kind, &raw.entity.key, limits)?;
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
        .map(|evidence| convert::observed(evidence, snapshot))
        .map(|observed| observed.map(|observed| clean_evidence(observed, limits)))
        .collect::<Result<_, _>>()
        .map_err(PluginFailure::Nonsense)?;
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

/// Most parts of a key: an entity is named by two things, seldom by three.
const KEY_PARTS_MAX: usize = 8;

/// Any entity may be named, also one that the topology does not know; but ids are parts of keys. The text of a key
/// may be empty, there is a system where it is.
fn entity_id(
    kind: &str,
    key: &[impl AsRef<str>],
    limits: &PluginLimits,
) -> Result<EntityId, PluginFailure> {
    if kind.is_empty() {
        let why = "the kind of an entity is empty".to_owned();
        return Err(PluginFailure::Nonsense(why));
    }
    if key.is_empty() {
        let why = format!("an entity of kind {kind:?} has no key");
        return Err(PluginFailure::Nonsense(why));
    }
    at_most("parts of a key", key.len(), KEY_PARTS_MAX)?;
    let mut id = kind.to_owned();
    for part in key {
        id.push('/');
        id.push_str(part.as_ref());
    }
    at_most(
        "bytes of an entity id",
        id.len(),
        limits.entity_id_bytes_max,
    )?;
    Ok(EntityId(text::clean(&id, limits.entity_id_bytes_max)))
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
