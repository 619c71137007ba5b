//! Evaluates check tests on the verdicts.

use super::{Facts, Finding, Observation, plain};
use operator_model::knowledge::Scope;
use operator_model::{
    CheckId, EntityId, Evidence, EvidenceSource, Predicate, Scalar, Status, SymptomKind, Timestamp,
    Verdict,
};
use std::collections::BTreeSet;

/// A verdict as evidence, about one entity or about all that the check covered.
pub(in crate::diagnose) fn read_verdict(
    verdict: &Verdict,
    entity: Option<&EntityId>,
    violated: bool,
    at: Timestamp,
) -> Evidence {
    let status = if violated { "fail" } else { "pass" };
    let value = Scalar::Text(status.to_owned());
    let mut evidence = plain(
        EvidenceSource::Check,
        verdict.check.to_string(),
        entity.cloned(),
        at,
        value,
    );
    evidence.baseline = Some(Scalar::Text(verdict.claim.clone()));
    evidence
}

/// Whether the check is violated (or holds) in the scope. While it is inconclusive, its last finding remains
/// valid for some time: a listing that is empty for a moment does not undo a diagnosis.
pub(super) fn evaluate(
    facts: &Facts<'_>,
    check: &CheckId,
    violated: bool,
    scope: Scope,
    suspect: &EntityId,
) -> Finding {
    match evaluate_now(facts, check, violated, scope, suspect) {
        Finding::Unknown(why) => {
            last_finding(facts, check, violated, scope, suspect).unwrap_or(Finding::Unknown(why))
        }
        known => known,
    }
}

/// The most recent violation in the scope that the check can now neither confirm nor clear.
fn last_finding(
    facts: &Facts<'_>,
    check: &CheckId,
    violated: bool,
    scope: Scope,
    suspect: &EntityId,
) -> Option<Finding> {
    let paused = facts.watched.iter().filter(|((kind, entity), tracked)| {
        let is_of_check = matches!(kind, SymptomKind::Violation(of) if of == check);
        is_of_check && tracked.is_still_valid() && facts.is_in_scope(scope, suspect, entity)
    });
    let ((_, entity), tracked) = paused.min_by_key(|(_, tracked)| tracked.paused_ms())?;
    let cited = tracked.evidence.first()?.clone();
    let Some(Scalar::Text(claim)) = cited.baseline.clone() else {
        return None;
    };
    let rests_on = if violated {
        BTreeSet::from([(SymptomKind::Violation(check.clone()), entity.clone())])
    } else {
        BTreeSet::new()
    };
    let predicate = Predicate::Verdict {
        what: claim,
        entity: Some(entity.clone()),
        violated: true,
    };
    Some(Finding::Known(Observation {
        holds: violated,
        predicate,
        cited: vec![cited],
        rests_on,
    }))
}

fn evaluate_now(
    facts: &Facts<'_>,
    check: &CheckId,
    violated: bool,
    scope: Scope,
    suspect: &EntityId,
) -> Finding {
    let Some(verdict) = facts
        .input()
        .verdicts
        .iter()
        .find(|verdict| &verdict.check == check)
    else {
        return Finding::Unknown("the check did not run".to_owned());
    };
    if verdict.status == Status::Inconclusive {
        return Finding::Unknown(format!("the check is inconclusive: {}", verdict.reason));
    }
    let in_scope = |entity: &&EntityId| facts.is_in_scope(scope, suspect, entity);
    let violators: Vec<&EntityId> = verdict
        .violations
        .iter()
        .map(|v| &v.entity)
        .filter(in_scope)
        .collect();
    let passed: Vec<&EntityId> = verdict.passed.iter().filter(in_scope).collect();
    let (wanted, other) = if violated {
        (violators, passed)
    } else {
        (passed, violators)
    };
    let at = facts.now();
    if let Some(first) = wanted.first() {
        return known(verdict, Some(first), true, violated, at);
    }
    if scope == Scope::Itself {
        if !other.is_empty() {
            return known(verdict, Some(suspect), false, !violated, at);
        }
        if mentions_kind(verdict, suspect.kind()) || verdict.status == Status::Fail {
            return Finding::Unknown("the check did not cover it".to_owned());
        }
        // A check of the whole system that passes: its result is the same for every entity.
        return known(verdict, None, !violated, false, at);
    }
    match (violated, other.is_empty()) {
        (true, _) => known(verdict, None, false, false, at).about(check, suspect),
        (false, false) => known(verdict, other.first().copied(), false, true, at),
        (false, true) if verdict.status == Status::Pass && verdict.passed.is_empty() => {
            known(verdict, None, true, false, at)
        }
        (false, true) => Finding::Unknown("the check did not cover it".to_owned()),
    }
}

fn mentions_kind(verdict: &Verdict, kind: &str) -> bool {
    let mut mentioned = verdict
        .passed
        .iter()
        .chain(verdict.violations.iter().map(|violation| &violation.entity));
    mentioned.any(|entity| entity.kind() == kind)
}

fn known(
    verdict: &Verdict,
    entity: Option<&EntityId>,
    holds: bool,
    violated: bool,
    at: Timestamp,
) -> Finding {
    let cited = vec![read_verdict(verdict, entity, violated, at)];
    let rests_on = match entity {
        Some(entity) if violated && holds => BTreeSet::from([(
            SymptomKind::Violation(verdict.check.clone()),
            entity.clone(),
        )]),
        _ => BTreeSet::new(),
    };
    let predicate = Predicate::Verdict {
        what: verdict.claim.clone(),
        entity: entity.cloned(),
        violated,
    };
    Finding::Known(Observation {
        holds,
        predicate,
        cited,
        rests_on,
    })
}

impl Finding {
    /// A pass of all but the suspect is not the same observation as a pass of all.
    fn about(mut self, check: &CheckId, suspect: &EntityId) -> Self {
        if let Self::Known(observation) = &mut self {
            for evidence in &mut observation.cited {
                evidence.query = format!("{check} (all but {suspect})");
            }
        }
        self
    }
}
