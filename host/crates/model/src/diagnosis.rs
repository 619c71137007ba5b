//! Why something happens, as far as the evidence says.

use crate::sentence::TOLD_APART_RATIO_MIN;
use crate::title::NONE_OF_THESE;
use crate::{
    CheckId, EntityId, Evidence, EvidenceId, FailureModeId, IncidentKey, Severity, SignalId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of trouble a symptom is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymptomKind {
    /// A check has a violation.
    Violation(CheckId),
    /// A signal left its baseline in the bad direction.
    Anomaly(SignalId),
    /// The operator has not been able to look; the entity is `source/…`.
    Blind,
}

/// Something that is not as it should be, on one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    /// What kind.
    pub kind: SymptomKind,
    /// Who shows it.
    pub entity: EntityId,
    /// Earliest and latest time at which it can have begun.
    pub onset: (Timestamp, Timestamp),
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// What was seen.
    pub evidence: Vec<EvidenceId>,
}

/// A sentence that is rendered from a typed predicate and cites what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The predicate: a name and its arguments, re-evaluated by the verifier.
    pub predicate: crate::evidence_predicate::Predicate,
    /// Evidence ids of the same incident; never empty.
    pub evidence: Vec<EvidenceId>,
    /// The sentence, rendered by the host.
    pub text: String,
}

/// One evidence rule of a card, as it turned out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessedEvidence {
    /// Rule id within the card.
    pub rule: String,
    /// Likelihood ratio that it contributed (after grouping; 1 when another of its group counted).
    pub ratio: f64,
    /// What was found.
    pub claim: Claim,
    /// Why it matters.
    pub because: String,
    /// Where this is known from.
    pub reference: String,
}

/// A card applied to a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Which card; `none-of-these` for the remainder.
    pub card: FailureModeId,
    /// The suspect; absent for `none-of-these`.
    pub component: Option<EntityId>,
    /// The card's title.
    pub title: String,
    /// What would be happening, filled in for the component.
    pub mechanism: String,
    /// Probability before any evidence.
    pub prior: f64,
    /// Posterior probability among the hypotheses of the incident.
    pub probability: f64,
    /// Natural logarithm of the posterior odds before normalisation: that of the prior odds plus
    /// that of every ratio in `supports` and `contradicts`.
    pub log_odds: f64,
    /// Rules whose ratio is above 1.
    pub supports: Vec<AssessedEvidence>,
    /// Rules whose ratio is below 1.
    pub contradicts: Vec<AssessedEvidence>,
    /// What could not be looked at, in words.
    pub missing: Vec<String>,
}

/// Hypotheses whose blind corners are gaps of the incident: the first so many that a card describes …
pub const GAP_HYPOTHESES: usize = 3;

/// … if they are at least this likely.
pub const GAP_PROBABILITY_MIN: f64 = 0.05;

/// Below this share the leading hypothesis is not named: something else is likelier than it.
pub const NAMED_PROBABILITY_MIN: f64 = 0.5;

impl Hypothesis {
    /// The remainder: a cause that no card describes.
    #[must_use]
    pub fn is_none_of_these(&self) -> bool {
        self.card.as_str() == NONE_OF_THESE
    }

    /// Title and component, as claims name a hypothesis.
    #[must_use]
    pub fn label(&self) -> String {
        self.component.as_ref().map_or_else(
            || self.title.clone(),
            |entity| format!("{} ({entity})", self.title),
        )
    }

    /// Everything that was weighed, supports first.
    pub fn assessed(&self) -> impl Iterator<Item = &AssessedEvidence> {
        self.supports.iter().chain(&self.contradicts)
    }
}

/// Whether no hypothesis may be named: the likeliest is the remainder, is less likely than not, or the
/// next is nearly as likely. `hypotheses` by falling probability.
#[must_use]
pub fn must_abstain(hypotheses: &[Hypothesis]) -> bool {
    let Some(first) = hypotheses.first() else {
        return true;
    };
    let second = hypotheses
        .get(1)
        .map_or(0.0, |hypothesis| hypothesis.probability);
    first.is_none_of_these()
        || first.probability < NAMED_PROBABILITY_MIN
        || first.probability < second * TOLD_APART_RATIO_MIN
}

/// One step from the cause to a symptom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathStep {
    /// The entity.
    pub entity: EntityId,
    /// When trouble began there, at the latest.
    pub onset: Timestamp,
    /// What is seen there.
    pub summary: String,
}

/// The weighed hypotheses of one incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// By falling probability; `none-of-these` is always among them.
    pub hypotheses: Vec<Hypothesis>,
    /// From the cause to the symptoms, by onset.
    pub path: Vec<PathStep>,
    /// What could not be seen or asked.
    pub gaps: Vec<String>,
    /// No hypothesis is likely enough to be named.
    pub abstained: bool,
    /// What told the winner from each rival, or that nothing did.
    pub told_apart: Vec<Claim>,
}

/// Symptoms with one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Stable across ticks and restarts.
    pub key: IncidentKey,
    /// One line for people; always what [`crate::title::title`] makes of the other fields.
    pub title: String,
    /// When the first symptom began.
    pub started_at: Timestamp,
    /// Worst severity.
    pub severity: Severity,
    /// What people call the entities that are named here.
    pub names: BTreeMap<EntityId, String>,
    /// The one thing that the suspect runs on: where a person has to look. Empty when nobody is suspected, or there are many.
    #[serde(default)]
    pub located: Vec<EntityId>,
    /// Sorted by onset.
    pub symptoms: Vec<Symptom>,
    /// Everything that claims of this incident may cite.
    pub evidence: Vec<Evidence>,
    /// Why.
    pub diagnosis: Diagnosis,
    /// False while no violation has lasted long enough to count.
    pub confirmed: bool,
}
