//! What a claim says, in a form that can be checked again.

use crate::knowledge::Risk;
use crate::{Comparison, EntityId, Scalar};
use serde::{Deserialize, Serialize};

/// A predicate over the evidence that a claim cites. The verifier evaluates it on the recorded
/// values; a claim whose predicate does not hold is never shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Predicate {
    /// Every cited value compares so with `value`.
    Compares {
        /// What is compared, in words.
        what: String,
        /// About whom.
        entity: Option<EntityId>,
        /// How.
        comparison: Comparison,
        /// With what.
        value: Scalar,
    },
    /// The cited value deviates from its recorded baseline by at least `robust_z` (signed).
    Deviates {
        /// What deviates, in words.
        what: String,
        /// About whom.
        entity: EntityId,
        /// Lower bound of the absolute robust z.
        robust_z: f64,
        /// True for up.
        up: bool,
    },
    /// Every cited value is no further from its recorded baseline than this, in robust z.
    Steady {
        /// What is steady, in words.
        what: String,
        /// About whom; absent when several entities are cited.
        entity: Option<EntityId>,
        /// Lower bound of the signed robust z, where falling is bad.
        z_min: Option<f64>,
        /// Upper bound of the signed robust z, where rising is bad.
        z_max: Option<f64>,
    },
    /// The first cited value is at least `factor` times (or, if `up` is false, at most 1/`factor`
    /// of) the median of the other cited values.
    Outlies {
        /// What outlies, in words.
        what: String,
        /// About whom.
        entity: EntityId,
        /// At least 1.
        factor: f64,
        /// True for above.
        up: bool,
    },
    /// Every cited verdict has this status for the entity: `fail` or `pass`.
    Verdict {
        /// What the check claims.
        what: String,
        /// About whom.
        entity: Option<EntityId>,
        /// True for a violation.
        violated: bool,
    },
    /// The cited value is text and contains this text.
    Quotes {
        /// About whom.
        entity: Option<EntityId>,
        /// The exact text.
        text: String,
    },
    /// The winner was told from a rival by a likelihood ratio of at least `ratio`.
    ToldApart {
        /// Winning card and component.
        winner: String,
        /// Rival card and component.
        rival: String,
        /// Combined likelihood ratio of the cited evidence.
        ratio: f64,
        /// The claim that weighed most; empty when nothing told them apart.
        because: String,
    },
    /// The recommended option is worth more than this one, or is the safer one while the cause is open.
    Prefers {
        /// Recommended action.
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
