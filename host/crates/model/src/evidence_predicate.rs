//! What a claim states, in a form that can be evaluated again.

use crate::knowledge::Risk;
use crate::{Comparison, EntityId, Scalar};
use serde::{Deserialize, Serialize};

/// A predicate over the evidence that a claim cites. The verifier evaluates it on the recorded
/// values; a claim whose predicate does not hold is never shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Predicate {
    /// The comparison with `value` holds for every cited value.
    Compares {
        /// What is compared, in words.
        what: String,
        /// The entity it is about.
        entity: Option<EntityId>,
        /// The comparison.
        comparison: Comparison,
        /// The limit.
        value: Scalar,
    },
    /// The cited value deviates from its recorded baseline by at least `robust_z` (signed).
    Deviates {
        /// What deviates, in words.
        what: String,
        /// The entity it is about.
        entity: EntityId,
        /// Lower bound of the absolute robust z.
        robust_z: f64,
        /// True if the value is above its baseline.
        up: bool,
    },
    /// Every cited value is no further from its recorded baseline than this, in robust z.
    Steady {
        /// What is steady, in words.
        what: String,
        /// The entity it is about; absent if several are cited.
        entity: Option<EntityId>,
        /// Lower bound of the signed robust z, where falling is bad.
        z_min: Option<f64>,
        /// Upper bound of the signed robust z, where rising is bad.
        z_max: Option<f64>,
    },
    /// The first cited value is at least `factor` times (or, if `up` is false, at most 1/`factor`
    /// of) the median of the other cited values.
    Outlies {
        /// What is an outlier, in words.
        what: String,
        /// The entity it is about.
        entity: EntityId,
        /// At least 1.
        factor: f64,
        /// True if the value is above its peers.
        up: bool,
    },
    /// Every cited verdict has this status for the entity: `fail` or `pass`.
    Verdict {
        /// What the check requires.
        what: String,
        /// The entity it is about.
        entity: Option<EntityId>,
        /// True for a violation.
        violated: bool,
    },
    /// The cited value is text and contains this text.
    Quotes {
        /// The entity it is about.
        entity: Option<EntityId>,
        /// The exact text.
        text: String,
    },
    /// The evidence discriminates the winner from an alternative by a likelihood ratio of at least `ratio`.
    #[serde(rename = "told-apart")]
    Discriminates {
        /// Label of the leading hypothesis.
        winner: String,
        /// Label of the alternative.
        #[serde(rename = "rival")]
        alternative: String,
        /// Combined likelihood ratio of the cited evidence.
        ratio: f64,
        /// The claim that contributes most; empty if no observation discriminates them.
        because: String,
    },
    /// The recommended option has the higher expected value, or is safer while the cause is undetermined.
    Prefers {
        /// The recommended action.
        option: String,
        /// The action that it is compared with.
        over: String,
        /// Expected value of the recommended one.
        expected_value: f64,
        /// Expected value of the other.
        other_value: f64,
        /// Risk of the recommended one.
        risk: Risk,
        /// Risk of the other.
        other_risk: Risk,
    },
}
