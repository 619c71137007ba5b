//! What a check finds: a verdict, violations with evidence, and the state for the next tick.

use std::collections::BTreeMap;

use crate::bindings::check::operator::check::findings as wit;
use crate::table::pack;
use crate::{EntityId, ObservationGap, Scalar, Severity};

pub use wit::{Cell, Evidence, EvidenceSource, Violation};

/// What a check returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the rule holds.
    pub verdict: Verdict,
    /// Handed back at the next tick.
    pub state: Option<Vec<u8>>,
}

/// Whether the rule holds. A verdict cannot contradict itself: only [`Verdict::Fail`] has violations.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It holds.
    Pass {
        /// What was evaluated.
        summary: String,
        /// Entities that pass.
        passed: Vec<EntityId>,
    },
    /// It does not.
    Fail {
        /// What was evaluated.
        summary: String,
        /// At least one.
        violations: Vec<Violation>,
        /// Entities that pass nevertheless.
        passed: Vec<EntityId>,
    },
    /// The check cannot decide.
    Inconclusive {
        /// Why.
        reason: String,
        /// Entities that pass nevertheless.
        passed: Vec<EntityId>,
    },
    /// The rule does not apply to this system or in its present state.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

/// A [`Verdict`] in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The rule holds.
    Pass,
    /// It does not.
    Fail,
    /// The check cannot decide.
    Inconclusive,
    /// The rule does not apply.
    NotApplicable,
}

impl Outcome {
    /// The rule holds; `summary` says what was evaluated.
    #[must_use]
    pub fn pass(summary: impl Into<String>) -> Self {
        Self::of(Verdict::Pass {
            summary: summary.into(),
            passed: Vec::new(),
        })
    }

    /// The rule does not hold; there is at least one violation.
    #[must_use]
    pub fn fail(summary: impl Into<String>, violations: Vec<Violation>) -> Self {
        Self::of(Verdict::Fail {
            summary: summary.into(),
            violations,
            passed: Vec::new(),
        })
    }

    /// The check cannot decide, and why.
    #[must_use]
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self::of(Verdict::Inconclusive {
            reason: reason.into(),
            passed: Vec::new(),
        })
    }

    /// The rule does not apply, and why.
    #[must_use]
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::of(Verdict::NotApplicable {
            reason: reason.into(),
        })
    }

    fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            state: None,
        }
    }

    /// Adds entities that were evaluated and pass. No effect where the rule does not apply.
    #[must_use]
    pub fn passing(mut self, entities: impl IntoIterator<Item = EntityId>) -> Self {
        match &mut self.verdict {
            Verdict::Pass { passed, .. }
            | Verdict::Fail { passed, .. }
            | Verdict::Inconclusive { passed, .. } => passed.extend(entities),
            Verdict::NotApplicable { .. } => {}
        }
        self
    }

    /// Handed back at the next tick.
    #[must_use]
    pub fn remember(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }

    /// Another summary or reason.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        match &mut self.verdict {
            Verdict::Pass { summary: place, .. }
            | Verdict::Fail { summary: place, .. }
            | Verdict::Inconclusive { reason: place, .. }
            | Verdict::NotApplicable { reason: place } => *place = text.into(),
        }
        self
    }

    /// The verdict in one word.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.verdict {
            Verdict::Pass { .. } => Status::Pass,
            Verdict::Fail { .. } => Status::Fail,
            Verdict::Inconclusive { .. } => Status::Inconclusive,
            Verdict::NotApplicable { .. } => Status::NotApplicable,
        }
    }

    /// The summary of what was evaluated, or the reason why the check does not decide.
    #[must_use]
    pub fn reason(&self) -> &str {
        match &self.verdict {
            Verdict::Pass { summary, .. } | Verdict::Fail { summary, .. } => summary,
            Verdict::Inconclusive { reason, .. } | Verdict::NotApplicable { reason } => reason,
        }
    }

    /// The violations; none unless it fails.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match &self.verdict {
            Verdict::Fail { violations, .. } => violations,
            _ => &[],
        }
    }

    /// Entities that were evaluated and pass.
    #[must_use]
    pub fn passed(&self) -> &[EntityId] {
        match &self.verdict {
            Verdict::Pass { passed, .. }
            | Verdict::Fail { passed, .. }
            | Verdict::Inconclusive { passed, .. } => passed,
            Verdict::NotApplicable { .. } => &[],
        }
    }

    pub(crate) fn into_host(self) -> wit::Outcome {
        let verdict = match self.verdict {
            Verdict::Pass { summary, passed } => wit::Verdict::Pass(wit::Pass {
                summary,
                passed: entity_sets(passed),
            }),
            Verdict::Fail {
                summary,
                violations,
                passed,
            } => wit::Verdict::Fail(wit::Failure {
                summary,
                violations,
                passed: entity_sets(passed),
            }),
            Verdict::Inconclusive { reason, passed } => {
                wit::Verdict::Inconclusive(wit::Inconclusive {
                    reason,
                    passed: entity_sets(passed),
                })
            }
            Verdict::NotApplicable { reason } => wit::Verdict::NotApplicable(reason),
        };
        wit::Outcome {
            verdict,
            state: self.state,
        }
    }
}

/// One set for each kind and number of key parts.
fn entity_sets(entities: Vec<EntityId>) -> Vec<wit::EntitySet> {
    let mut sets: BTreeMap<(String, usize), Vec<Option<String>>> = BTreeMap::new();
    for entity in entities {
        let set = sets.entry((entity.kind, entity.key.len())).or_default();
        set.extend(entity.key.into_iter().map(Some));
    }
    let set = |((kind, parts), keys)| wit::EntitySet {
        kind,
        key_parts: u32::try_from(parts).unwrap_or(u32::MAX),
        keys: pack(keys),
    };
    sets.into_iter().map(set).collect()
}

impl Violation {
    /// `entity` breaks the rule; `summary` is one sentence without a full stop.
    pub fn new(entity: EntityId, summary: impl Into<String>) -> Self {
        Self {
            entity,
            summary: summary.into(),
            evidence: Vec::new(),
            severity: None,
            confirmed: false,
        }
    }

    /// Cites an observation; every violation needs at least one.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Independent observations agree: the pending time would add nothing.
    #[must_use]
    pub fn confirmed(mut self, confirmed: bool) -> Self {
        self.confirmed = confirmed;
        self
    }

    /// This one is worse, or less bad, than the check declares.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

impl Evidence {
    /// A reference without a value of its own.
    #[must_use]
    pub fn of(source: EvidenceSource) -> Self {
        Self {
            source,
            observed: None,
            unit: None,
            expected: None,
        }
    }

    /// A value that the frozen series gave; `query` is the question in PromQL.
    pub fn metric(query: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::of(EvidenceSource::Query(query.into())).observed(Scalar::Float(value), unit)
    }

    /// A table as a whole, for example that it has no rows.
    pub fn table(name: impl Into<String>) -> Self {
        Self::of(EvidenceSource::Table(name.into()))
    }

    /// Something that could not be observed.
    #[must_use]
    pub fn gap(gap: ObservationGap) -> Self {
        Self::of(EvidenceSource::Gap(gap))
    }

    /// The value, where the host cannot read it itself; `unit` may be empty.
    #[must_use]
    pub fn observed(mut self, value: Scalar, unit: &str) -> Self {
        self.observed = Some(value);
        self.unit = (!unit.is_empty()).then(|| unit.to_owned());
        self
    }

    /// What the value would be if all were well.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

/// Collects what a check finds, entity by entity, and draws the conclusion: one violation fails, one entity that could
/// not be evaluated leaves the rule open, and it passes only when every entity does.
#[derive(Debug, Default)]
pub struct Findings {
    violations: Vec<Violation>,
    passed: Vec<EntityId>,
    unknown: Vec<String>,
}

impl Findings {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The entity passes.
    pub fn pass(&mut self, entity: EntityId) {
        self.passed.push(entity);
    }

    /// The entity breaks the rule.
    pub fn fail(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The entity could not be evaluated: `because` completes "store/4: …".
    pub fn unknown(&mut self, entity: &EntityId, because: &str) {
        self.unknown.push(format!("{entity}: {because}"));
    }

    /// Whether nothing at all was evaluated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.violations.is_empty() && self.passed.is_empty() && self.unknown.is_empty()
    }

    /// The outcome; `evaluated` says what was examined, for example `3 stores`.
    #[must_use]
    pub fn conclude(self, evaluated: impl Into<String>) -> Outcome {
        let evaluated = evaluated.into();
        let outcome = if !self.violations.is_empty() {
            Outcome::fail(evaluated, self.violations)
        } else if !self.unknown.is_empty() {
            Outcome::inconclusive(self.unknown.join("; "))
        } else if self.passed.is_empty() {
            Outcome::inconclusive(format!("nothing to evaluate: {evaluated}"))
        } else {
            Outcome::pass(evaluated)
        };
        outcome.passing(self.passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity;

    #[test]
    fn no_entity_at_all_is_never_a_pass() {
        let outcome = Findings::new().conclude("0 stores");
        assert_eq!(outcome.status(), Status::Inconclusive);
    }

    #[test]
    fn passing_entities_are_packed_by_kind() {
        let link = EntityId::of_parts("link", ["4", "2"]);
        let outcome = Outcome::pass("2 stores, 1 link").passing([
            entity("store", "1"),
            link,
            entity("store", "4"),
        ]);
        let wit::Verdict::Pass(pass) = outcome.into_host().verdict else {
            unreachable!("it passes");
        };
        let sets: Vec<_> = pass
            .passed
            .iter()
            .map(|set| (set.kind.as_str(), set.key_parts, set.keys.text.as_str()))
            .collect();
        assert_eq!(sets, [("link", 2, "42"), ("store", 1, "14")]);
    }
}
