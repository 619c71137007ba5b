//! Why something happens, as far as the evidence shows.

use crate::sentence::DISCRIMINATING_RATIO_MIN;
use crate::title::UNKNOWN_CAUSE;
use crate::{
    CheckId, EntityId, Evidence, EvidenceId, FailureModeId, IncidentKey, Severity, SignalId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind of a symptom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SymptomKind {
    /// A check has a violation.
    Violation(CheckId),
    /// A signal left its baseline in the bad direction.
    Anomaly(SignalId),
    /// A source cannot be observed; the entity is `source/…`.
    Blind,
}

/// Something wrong with one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    /// Its kind.
    pub kind: SymptomKind,
    /// The entity that shows it.
    pub entity: EntityId,
    /// Earliest and latest time at which it can have begun.
    pub onset: (Timestamp, Timestamp),
    /// Its severity.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// The evidence for it.
    pub evidence: Vec<EvidenceId>,
    /// When it ended, by the observed clock; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// A sentence rendered from a typed predicate, with the evidence that it cites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The predicate: a name and its arguments, re-evaluated by the verifier.
    pub predicate: crate::evidence_predicate::Predicate,
    /// Evidence ids of the same incident; never empty.
    pub evidence: Vec<EvidenceId>,
    /// The sentence, rendered by the host.
    pub text: String,
}

/// The result of one evidence rule of a failure mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessedEvidence {
    /// Rule id within the failure mode.
    pub rule: String,
    /// Likelihood ratio that it contributed (after grouping; 1 if a stronger rule of its group contributed).
    pub ratio: f64,
    /// The finding.
    pub claim: Claim,
    /// Why it matters.
    pub because: String,
    /// Where this is known from.
    pub reference: String,
    /// What was observed, whatever came out: rules of different hypotheses with the same text change together.
    #[serde(default)]
    pub observation: String,
    /// Likelihood ratio that the rule states for what was observed, before grouping.
    #[serde(default = "weightless")]
    pub stated_ratio: f64,
    /// Likelihood ratio that the rule states for the opposite.
    #[serde(default = "weightless")]
    pub opposite_ratio: f64,
    /// Only the strongest rule of a group contributes; a rule without a group is its own.
    #[serde(default)]
    pub group: String,
}

/// The likelihood ratio of an observation that says nothing.
fn weightless() -> f64 {
    1.0
}

/// A failure mode applied to a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Which failure mode; `none-of-these` for an unknown cause.
    pub card: FailureModeId,
    /// The suspect; absent for `none-of-these`.
    pub component: Option<EntityId>,
    /// The failure mode's title.
    pub title: String,
    /// What happens, filled in for the component.
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
    /// Rules that weigh nothing as things are, and would if the opposite were observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neutral: Vec<AssessedEvidence>,
    /// What could not be observed, in words.
    pub missing: Vec<String>,
}

/// Missing observations are gaps of the incident for this many of the likeliest failure modes …
pub const GAP_HYPOTHESES: usize = 3;

/// … if they are at least this likely.
pub const GAP_PROBABILITY_MIN: f64 = 0.05;

/// Below this probability the leading hypothesis is not named: another cause is likelier.
pub const NAMED_PROBABILITY_MIN: f64 = 0.5;

impl Hypothesis {
    /// Whether it stands for a cause that no failure mode describes.
    #[must_use]
    pub fn is_unknown_cause(&self) -> bool {
        self.card.as_str() == UNKNOWN_CAUSE
    }

    /// Title and component, as claims name a hypothesis.
    #[must_use]
    pub fn label(&self) -> String {
        self.component.as_ref().map_or_else(
            || self.title.clone(),
            |entity| format!("{} ({entity})", self.title),
        )
    }

    /// All evidence that was weighed, supports first.
    pub fn assessed(&self) -> impl Iterator<Item = &AssessedEvidence> {
        self.supports.iter().chain(&self.contradicts)
    }
}

/// Whether no hypothesis may be named: the likeliest is the unknown cause, is less likely than not, or the
/// next one is nearly as likely. `hypotheses` are sorted by falling probability.
#[must_use]
pub fn must_abstain(hypotheses: &[Hypothesis]) -> bool {
    let Some(first) = hypotheses.first() else {
        return true;
    };
    let second = hypotheses
        .get(1)
        .map_or(0.0, |hypothesis| hypothesis.probability);
    first.is_unknown_cause()
        || first.probability < NAMED_PROBABILITY_MIN
        || first.probability < second * DISCRIMINATING_RATIO_MIN
}

/// One step from the cause to a symptom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathStep {
    /// The entity.
    pub entity: EntityId,
    /// The latest time at which the fault began there.
    pub onset: Timestamp,
    /// What is observed there.
    pub summary: String,
}

/// The weighed hypotheses of one incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// By falling probability; `none-of-these` is always among them.
    pub hypotheses: Vec<Hypothesis>,
    /// From the cause to the symptoms, by onset.
    pub path: Vec<PathStep>,
    /// What could not be observed.
    pub gaps: Vec<String>,
    /// No hypothesis is likely enough to be named.
    pub abstained: bool,
    /// What discriminates the leading hypothesis from each alternative, or that nothing does.
    #[serde(rename = "told_apart")]
    pub discrimination: Vec<Claim>,
}

/// Symptoms with one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Stable across ticks and restarts.
    pub key: IncidentKey,
    /// One line; always what [`crate::title::title`] renders from the other fields.
    pub title: String,
    /// When the first symptom began.
    pub started_at: Timestamp,
    /// Worst severity.
    pub severity: Severity,
    /// Names of the entities that are mentioned here.
    pub names: BTreeMap<EntityId, String>,
    /// The one host that the suspect runs on. Empty if there is no suspect, or it runs on several.
    #[serde(default)]
    pub located: Vec<EntityId>,
    /// Sorted by onset.
    pub symptoms: Vec<Symptom>,
    /// Everything that claims of this incident may cite.
    pub evidence: Vec<Evidence>,
    /// The weighed hypotheses.
    pub diagnosis: Diagnosis,
    /// False while its symptoms have not lasted for long enough.
    pub confirmed: bool,
    /// How long the next symptom has to last until it counts, in milliseconds of observed time; 0 once confirmed.
    #[serde(default)]
    pub awaits_ms: u64,
    /// Since when its symptoms end while its diagnosis is kept; absent while the fault lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovering_since: Option<Timestamp>,
}
