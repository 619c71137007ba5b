//! `vocabulary`, `commands` and `topology`.

use super::{entity_of, enums, ms_of};
use crate::bindings::knowledge::{commands, vocabulary as wit};
use crate::bindings::observe::topology;
use crate::bindings::types::selectors;
use operator_model::command::{Command, Part, PlaceholderKind, Step};
use operator_model::{CheckId, Edge, Entity, Relation, SignalId, Topology, knowledge as own};

enums!(topology::Relation => Relation { RunsOn, DependsOn, PeersWith });
enums!(wit::Direction => own::Direction { Up, Down, Either });
enums!(wit::Scope => own::Scope { Itself, Others, Anyone, Neighbours });
enums!(wit::Deviation => own::Deviation { Anomalous, Outlier, Normal });
enums!(wit::Fitness => own::Fitness { Best, Acceptable, Useless, Harmful });
enums!(wit::Risk => own::Risk { None, Low, Medium, High });

/// Converts every element.
fn all<A, B: From<A>>(values: Vec<A>) -> Vec<B> {
    values.into_iter().map(B::from).collect()
}

impl From<topology::Topology> for Topology {
    fn from(topology: topology::Topology) -> Self {
        Self {
            entities: all(topology.entities),
            edges: all(topology.edges),
        }
    }
}

impl From<topology::Entity> for Entity {
    fn from(entity: topology::Entity) -> Self {
        Self {
            id: entity_of(&entity.id),
            name: entity.name,
        }
    }
}

impl From<topology::Edge> for Edge {
    fn from(edge: topology::Edge) -> Self {
        Self {
            from: entity_of(&edge.from),
            to: entity_of(&edge.to),
            relation: edge.relation.into(),
        }
    }
}

/// # Errors
/// This host does not know the reduction.
pub(crate) fn reduction_of(reduction: &selectors::Reduction) -> Result<own::Reduction, String> {
    Ok(match reduction {
        selectors::Reduction::Last => own::Reduction::Last,
        selectors::Reduction::Rate => own::Reduction::Rate,
        selectors::Reduction::Increase => own::Reduction::Increase,
        selectors::Reduction::Delta => own::Reduction::Delta,
        selectors::Reduction::Min => own::Reduction::Min,
        selectors::Reduction::Max => own::Reduction::Max,
        selectors::Reduction::Mean => own::Reduction::Mean,
        selectors::Reduction::Count => own::Reduction::Count,
        selectors::Reduction::Other(name) => {
            return Err(format!("this host has no reduction {name:?}"));
        }
    })
}

impl From<selectors::Matcher> for own::Matcher {
    fn from(matcher: selectors::Matcher) -> Self {
        match matcher {
            selectors::Matcher::Equals(label) => Self::Equals(label.key, label.value),
            selectors::Matcher::NotEquals(label) => Self::NotEquals(label.key, label.value),
            selectors::Matcher::StartsWith(label) => Self::StartsWith(label.key, label.value),
        }
    }
}

impl From<selectors::Selector> for own::Selector {
    fn from(selector: selectors::Selector) -> Self {
        Self {
            metric: selector.metric,
            all_of: all(selector.all_of),
        }
    }
}

/// # Errors
/// This host does not know the reduction.
pub(crate) fn signal_source(source: wit::SignalSource) -> Result<own::SignalSource, String> {
    Ok(match source {
        wit::SignalSource::Series(source) => own::SignalSource::Series {
            reduction: reduction_of(&source.reduction)?,
            selector: source.selector.into(),
            window_ms: ms_of(source.window),
            by: source.by,
        },
        wit::SignalSource::Quantile(source) => own::SignalSource::Quantile {
            quantile: source.quantile,
            selector: source.selector.into(),
            window_ms: ms_of(source.window),
            by: source.by,
        },
        wit::SignalSource::Column(source) => own::SignalSource::Column {
            table: source.table,
            key_columns: source.key_columns,
            value_column: source.value_column,
        },
    })
}

impl From<wit::Test> for own::Test {
    fn from(test: wit::Test) -> Self {
        match test {
            wit::Test::Violated(check) => Self::Violated(CheckId(check)),
            wit::Test::Holds(check) => Self::Holds(CheckId(check)),
            wit::Test::SignalDeviates(test) => {
                Self::SignalDeviates(SignalId(test.signal), test.deviation.into())
            }
            wit::Test::SignalCompares(test) => {
                Self::SignalCompares(SignalId(test.signal), test.comparison.into(), test.value)
            }
            wit::Test::RowMatches(row) => Self::RowMatches {
                table: row.table,
                key_columns: row.key_columns,
                column: row.column,
                comparison: row.comparison.into(),
                value: row.value.into(),
            },
        }
    }
}

impl From<wit::RowTest> for own::RowTest {
    fn from(row: wit::RowTest) -> Self {
        Self {
            table: row.table,
            key_columns: row.key_columns,
            column: row.column,
            comparison: row.comparison.into(),
            value: row.value.into(),
        }
    }
}

impl From<wit::EntityPattern> for own::EntityPattern {
    fn from(pattern: wit::EntityPattern) -> Self {
        match pattern {
            wit::EntityPattern::Suspect => Self::Suspect,
            wit::EntityPattern::Entity(entity) => Self::Entity(entity_of(&entity)),
            wit::EntityPattern::Neighbours(kind) => Self::Neighbours(kind),
            wit::EntityPattern::Every(kind) => Self::Every(kind),
            wit::EntityPattern::Attribute(of) => Self::Attribute {
                kind: of.kind,
                attribute: of.attribute,
            },
        }
    }
}

impl From<wit::Attribute> for own::Attribute {
    fn from(attribute: wit::Attribute) -> Self {
        Self {
            name: attribute.name,
            table: attribute.table,
            key_columns: attribute.key_columns,
            value_column: attribute.value_column,
            entity_kind: attribute.entity_kind,
        }
    }
}

pub(crate) fn step(step: commands::Step) -> Step {
    match step {
        commands::Step::Run(command) => Step::Run(Command {
            pipeline: command.pipeline.into_iter().map(invocation).collect(),
            note: command.note,
        }),
        commands::Step::Instruction(text) => Step::Instruction(text),
    }
}

fn invocation(invocation: commands::Invocation) -> Vec<Vec<Part>> {
    let argument = |argument: commands::Argument| all(argument.parts);
    invocation.argv.into_iter().map(argument).collect()
}

impl From<commands::Part> for Part {
    fn from(part: commands::Part) -> Self {
        match part {
            commands::Part::Literal(text) => Self::Literal(text),
            commands::Part::Placeholder(placeholder) => Self::Placeholder {
                name: placeholder.name,
                kind: placeholder.kind.into(),
            },
            commands::Part::Blank(word) => Self::Blank(word),
        }
    }
}

impl From<commands::PlaceholderKind> for PlaceholderKind {
    fn from(kind: commands::PlaceholderKind) -> Self {
        match kind {
            commands::PlaceholderKind::Address => Self::Address,
            commands::PlaceholderKind::Host => Self::Host,
            commands::PlaceholderKind::Port => Self::Port,
            commands::PlaceholderKind::Url => Self::Url,
            commands::PlaceholderKind::Name => Self::Name,
            commands::PlaceholderKind::Number => Self::Number,
            commands::PlaceholderKind::Id | commands::PlaceholderKind::Other(_) => Self::Id,
        }
    }
}
