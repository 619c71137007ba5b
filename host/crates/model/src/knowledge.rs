//! What a subject's experts know, as data. Mirrors `wit/knowledge.wit`, where each word is explained.

pub mod validate;

use crate::command::Step;
use crate::{CheckId, Comparison, EntityId, FailureModeId, Scalar, Severity, SignalId};
use serde::{Deserialize, Serialize};

/// Condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matcher {
    /// The label has this value.
    Equals(String, String),
    /// The label is absent or has another value.
    NotEquals(String, String),
    /// The value begins so.
    StartsWith(String, String),
}

/// Which series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Metric name.
    pub metric: String,
    /// Conditions that must all hold.
    pub all_of: Vec<Matcher>,
}

/// How the samples of a window become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Newest sample.
    Last,
    /// Growth of a counter a second.
    Rate,
    /// Growth of a counter over the window.
    Increase,
    /// Newest minus oldest.
    Delta,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Average.
    Mean,
    /// Number of samples.
    Count,
}

/// Which direction is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// More is worse.
    Up,
    /// Less is worse.
    Down,
    /// Both are.
    Either,
}

/// Where a signal's values come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalSource {
    /// A reduction of series, summed by one label.
    Series {
        /// Which series.
        selector: Selector,
        /// How samples become a value.
        reduction: Reduction,
        /// Window, in milliseconds.
        window_ms: u64,
        /// The labels that hold the parts of the entity's key.
        by: Vec<String>,
    },
    /// A quantile of a histogram by one label.
    Quantile {
        /// 0 to 1.
        quantile: f64,
        /// Which histogram, by base name.
        selector: Selector,
        /// Window, in milliseconds.
        window_ms: u64,
        /// The labels that hold the parts of the entity's key.
        by: Vec<String>,
    },
    /// A numeric column of a table.
    Column {
        /// Table name.
        table: String,
        /// Columns with the parts of the entity's key.
        key_columns: Vec<String>,
        /// Column with the value.
        value_column: String,
    },
}

/// A number that is followed for each entity of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Unique id.
    pub id: SignalId,
    /// For tickets.
    pub title: String,
    /// Unit of the values.
    pub unit: String,
    /// Kind of the entities.
    pub entity_kind: String,
    /// Where the values come from.
    pub source: SignalSource,
    /// The direction that is bad.
    pub bad: Direction,
    /// Deviations smaller than this are nothing.
    pub floor: f64,
}

/// Whose observation a rule looks at, seen from the suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The suspect.
    Itself,
    /// At least one other entity.
    Others,
    /// Any entity.
    Anyone,
    /// An entity joined to the suspect by an edge.
    Neighbours,
}

/// How a signal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deviation {
    /// Far from its own baseline, in the bad direction.
    Anomalous,
    /// Far from the other entities, in the bad direction.
    Outlier,
    /// Close to its baseline.
    Normal,
}

/// What an evidence rule looks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// The check has a violation there.
    Violated(CheckId),
    /// The check ran and found the entity in order.
    Holds(CheckId),
    /// The signal stands so.
    SignalDeviates(SignalId, Deviation),
    /// The newest value of the signal compares so.
    SignalCompares(SignalId, Comparison, f64),
    /// A row of a table about the entity has such a value.
    RowMatches {
        /// Table name.
        table: String,
        /// Columns with the parts of the entity's key, or one column with its whole id.
        key_columns: Vec<String>,
        /// Column that is compared.
        column: String,
        /// How.
        comparison: Comparison,
        /// With what.
        value: Scalar,
    },
}

/// One rule of a card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceRule {
    /// Unique within the card.
    pub id: String,
    /// Whose observation.
    pub scope: Scope,
    /// What is looked for.
    pub test: Test,
    /// Likelihood ratio when the test holds.
    pub ratio_if_true: f64,
    /// Likelihood ratio when it does not.
    pub ratio_if_false: f64,
    /// Only the strongest of a group counts.
    pub group: String,
    /// Symptoms that match are explained by the failure.
    pub explains: bool,
    /// What it means when the test holds, for the ticket.
    pub because: String,
    /// What it means when the test does not hold; empty where the host derives it from `because`.
    #[serde(default)]
    pub because_not: String,
    /// Where this is known from.
    pub reference: String,
}

/// How well an action fits a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fitness {
    /// What an expert would do.
    Best,
    /// Works, at more cost.
    Acceptable,
    /// Changes nothing.
    Useless,
    /// Makes it worse.
    Harmful,
}

/// An action as an option of a card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionFit {
    /// Id of the action.
    pub action: String,
    /// How well it fits.
    pub fitness: Fitness,
    /// Why.
    pub because: String,
    /// The option applies only where this row exists for the suspect.
    #[serde(default)]
    pub when: Option<RowTest>,
    /// Entities that the action affects; none means the suspect alone.
    #[serde(default)]
    pub affects: Vec<EntityPattern>,
}

/// A row of a table about the suspect that has such a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowTest {
    /// Table name.
    pub table: String,
    /// Columns with the parts of the entity's key, or one column with its whole id.
    pub key_columns: Vec<String>,
    /// Column that is compared.
    pub column: String,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub value: Scalar,
}

/// Entities that an option affects, seen from the suspect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityPattern {
    /// The suspect.
    Suspect,
    /// This entity.
    Entity(EntityId),
    /// Every entity of this kind that an edge joins to the suspect.
    Neighbours(String),
    /// Every entity of this kind.
    Every(String),
    /// The entity of this kind whose key is the value of an attribute of the suspect.
    Attribute {
        /// Kind of the entity.
        kind: String,
        /// Name of the attribute.
        attribute: String,
    },
}

/// One way in which the system fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailureMode {
    /// Unique id.
    pub id: FailureModeId,
    /// For tickets.
    pub title: String,
    /// What happens; `{entity}` and `{name}` are filled in.
    pub mechanism: String,
    /// Kind of the entity at fault.
    pub entity_kind: String,
    /// Severity of a ticket about it.
    pub severity: Severity,
    /// Probability before any evidence.
    pub prior: f64,
    /// Rules.
    pub evidence: Vec<EvidenceRule>,
    /// Cards that look alike.
    pub rivals: Vec<FailureModeId>,
    /// What can be done.
    pub options: Vec<OptionFit>,
    /// What would change the recommendation.
    pub revisit_when: String,
}

/// Risk of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Changes nothing.
    None,
    /// Harmless if wrong.
    Low,
    /// Costs something if wrong.
    Medium,
    /// Can lose data or availability.
    High,
}

/// Something a person can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Unique id; every knowledge base has one called `wait`.
    pub id: String,
    /// For tickets.
    pub title: String,
    /// What it does.
    pub effect: String,
    /// How risky.
    pub risk: Risk,
    /// What the risk is.
    pub risk_note: String,
    /// What must be true before.
    pub preconditions: Vec<String>,
    /// What a person would do.
    pub steps: Vec<Step>,
    /// What undoes it. Without a step the action is irreversible.
    pub undo: Vec<Step>,
}

impl Action {
    /// Whether it can be undone.
    #[must_use]
    pub fn is_reversible(&self) -> bool {
        !self.undo.is_empty()
    }
}

/// A text attribute of entities that commands may use by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Name between braces in commands.
    pub name: String,
    /// Table name.
    pub table: String,
    /// Columns with the parts of the entity's key.
    pub key_columns: Vec<String>,
    /// Column with the text.
    pub value_column: String,
    /// Kind of the entities.
    pub entity_kind: String,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KnowledgeBase {
    /// Version, for provenance.
    pub version: String,
    /// Signals, sorted by id.
    pub signals: Vec<Signal>,
    /// Cards, sorted by id.
    pub cards: Vec<FailureMode>,
    /// Actions, sorted by id.
    pub actions: Vec<Action>,
    /// Attributes.
    pub attributes: Vec<Attribute>,
}
