//! What a subject's experts know, as plain data. The SDK hands it to the host through the contract's builders.

mod command;
mod feed;

use std::time::Duration;

use crate::bindings::subject::operator::knowledge::{commands, vocabulary};
use crate::{Reduction, Selector, Severity};

pub use command::{TemplateError, command, instruction};
pub use commands::{Argument, Command, Invocation, Part, Placeholder, PlaceholderKind, Step};
pub use vocabulary::{
    Attribute, AttributeEntity, ColumnSource, Deviation, Direction, EntityPattern, Fitness, Risk,
    RowTest, Scope, SignalComparison, SignalDeviation, Test,
};

/// Everything together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnowledgeBase {
    /// The version of the knowledge, usually that of the plugin.
    pub version: String,
    /// Numbers that are followed for each entity.
    pub signals: Vec<Signal>,
    /// Ways in which the system fails.
    pub failure_modes: Vec<FailureMode>,
    /// What a person can do.
    pub actions: Vec<Action>,
    /// Text attributes of entities for commands and tickets.
    pub attributes: Vec<Attribute>,
}

/// A number that is followed for each entity of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Unique among the signals.
    pub id: String,
    /// What the number is.
    pub title: String,
    /// UCUM-like unit.
    pub unit: String,
    /// The labels or key columns are the key of an entity of this kind.
    pub entity_kind: String,
    /// Where the number comes from.
    pub source: SignalSource,
    /// The direction that is bad.
    pub bad: Direction,
    /// Smaller deviations from the baseline are ignored, in the signal's unit.
    pub floor: f64,
}

/// Where a signal comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalSource {
    /// Reduced series.
    Series(SeriesSource),
    /// A quantile of a histogram.
    Quantile(QuantileSource),
    /// A numeric column of a table.
    Column(ColumnSource),
}

/// A number for each group of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSource {
    /// Which series.
    pub selector: Selector,
    /// How the samples of the window become one value.
    pub reduction: Reduction,
    /// The window.
    pub window: Duration,
    /// Labels that are the parts of the entity's key.
    pub by: Vec<String>,
}

/// A quantile for each group of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSource {
    /// 0 to 1.
    pub quantile: f64,
    /// Which histogram.
    pub selector: Selector,
    /// The window.
    pub window: Duration,
    /// Labels that are the parts of the entity's key.
    pub by: Vec<String>,
}

/// One way in which the system fails.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureMode {
    /// Unique among the failure modes.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What happens, in one or two sentences; the host fills in `{entity}` and `{name}`.
    pub mechanism: String,
    /// Kind of the entity that is at fault.
    pub entity_kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// Probability before any evidence, for one entity in one incident.
    pub prior: f64,
    /// What speaks for or against it.
    pub evidence: Vec<EvidenceRule>,
    /// Failure modes that are hard to tell from this one at first, by id.
    pub alternatives: Vec<String>,
    /// What can be done, the fittest first.
    pub options: Vec<OptionFit>,
    /// What would change the recommendation, in one sentence.
    pub revisit_when: String,
}

/// What speaks for or against a failure mode.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceRule {
    /// One word within the failure mode.
    pub id: String,
    /// Whose verdict, signal or row.
    pub scope: Scope,
    /// The test.
    pub test: Test,
    /// Likelihood ratio when the test holds; 1 is no evidence.
    pub lr_positive: f64,
    /// Likelihood ratio when it does not.
    pub lr_negative: f64,
    /// Evidence that shares a cause; only the strongest of a group has weight.
    pub group: String,
    /// Whether the failure mode explains a violation or anomaly that matches.
    pub explains: bool,
    /// What it means when the test holds, in one sentence for the ticket.
    pub because: String,
    /// What it means when the test does not hold; empty where the host derives it from `because`.
    pub because_not: String,
    /// Where this is known from.
    pub reference: String,
}

/// How well an action fits a failure mode.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionFit {
    /// Id of the action.
    pub action: String,
    /// How well it fits.
    pub fitness: Fitness,
    /// Why, in one sentence.
    pub because: String,
    /// The option applies only where this row exists for the suspect.
    pub when: Option<RowTest>,
    /// Entities that it affects; none means the suspect alone.
    pub affects: Vec<EntityPattern>,
}

/// What a person can do. Operator runs none of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Unique among the actions.
    pub id: String,
    /// Imperative, a few words.
    pub title: String,
    /// What it does.
    pub effect: String,
    /// How much it can hurt.
    pub risk: Risk,
    /// What can go wrong.
    pub risk_note: String,
    /// What must be true before.
    pub preconditions: Vec<String>,
    /// How to do it.
    pub steps: Vec<Step>,
    /// How to undo it. Without steps the action is irreversible.
    pub undo: Vec<Step>,
}

impl Signal {
    /// A signal whose rise is bad, without title and unit.
    pub fn new(
        id: impl Into<String>,
        entity_kind: impl Into<String>,
        source: SignalSource,
    ) -> Self {
        Self {
            id: id.into(),
            title: String::new(),
            unit: String::new(),
            entity_kind: entity_kind.into(),
            source,
            bad: Direction::Up,
            floor: 0.0,
        }
    }
}

impl FailureMode {
    /// A failure mode without evidence and options.
    pub fn new(
        id: impl Into<String>,
        entity_kind: impl Into<String>,
        severity: Severity,
        prior: f64,
    ) -> Self {
        Self {
            id: id.into(),
            title: String::new(),
            mechanism: String::new(),
            entity_kind: entity_kind.into(),
            severity,
            prior,
            evidence: Vec::new(),
            alternatives: Vec::new(),
            options: Vec::new(),
            revisit_when: String::new(),
        }
    }
}

impl EvidenceRule {
    /// A rule that has no weight yet, in a group of its own.
    pub fn new(id: impl Into<String>, scope: Scope, test: Test) -> Self {
        let id = id.into();
        Self {
            group: id.clone(),
            id,
            scope,
            test,
            lr_positive: 1.0,
            lr_negative: 1.0,
            explains: false,
            because: String::new(),
            because_not: String::new(),
            reference: String::new(),
        }
    }
}

impl OptionFit {
    /// An option that always applies and affects the suspect alone.
    pub fn new(action: impl Into<String>, fitness: Fitness, because: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            fitness,
            because: because.into(),
            when: None,
            affects: Vec::new(),
        }
    }
}

impl Action {
    /// An action without steps, and so irreversible.
    pub fn new(id: impl Into<String>, title: impl Into<String>, risk: Risk) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            effect: String::new(),
            risk,
            risk_note: String::new(),
            preconditions: Vec::new(),
            steps: Vec::new(),
            undo: Vec::new(),
        }
    }
}
