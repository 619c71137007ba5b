//! `knowledge` and `topology`.

use super::enums;
use crate::bindings::contract::{knowledge as wit, metrics};
use operator_model::{
    CheckId, Edge, Entity, EntityId, FailureModeId, Relation, SignalId, Topology, knowledge as own,
};

enums!(wit::Relation => Relation { RunsOn, DependsOn, PeersWith });
enums!(wit::Direction => own::Direction { Up, Down, Either });
enums!(wit::Scope => own::Scope { Itself, Others, Anyone, Neighbours });
enums!(wit::Deviation => own::Deviation { Anomalous, Outlier, Normal });
enums!(wit::Fitness => own::Fitness { Best, Acceptable, Useless, Harmful });
enums!(wit::Risk => own::Risk { None, Low, Medium, High });
enums!(metrics::Reduction => own::Reduction { Last, Rate, Increase, Delta, Min, Max, Mean, Count });

/// Converts every element.
fn all<A, B: From<A>>(values: Vec<A>) -> Vec<B> {
    values.into_iter().map(B::from).collect()
}

impl From<wit::Topology> for Topology {
    fn from(topology: wit::Topology) -> Self {
        Self {
            entities: all(topology.entities),
            edges: all(topology.edges),
        }
    }
}

impl From<wit::Entity> for Entity {
    /// The contract repeats the kind, which is the beginning of the id.
    fn from(entity: wit::Entity) -> Self {
        Self {
            id: EntityId(entity.id),
            name: entity.name,
        }
    }
}

impl From<wit::Edge> for Edge {
    fn from(edge: wit::Edge) -> Self {
        Self {
            from: EntityId(edge.from),
            to: EntityId(edge.to),
            relation: edge.relation.into(),
        }
    }
}

impl From<metrics::Matcher> for own::Matcher {
    fn from(matcher: metrics::Matcher) -> Self {
        match matcher {
            metrics::Matcher::Equals(label) => Self::Equals(label.key, label.value),
            metrics::Matcher::NotEquals(label) => Self::NotEquals(label.key, label.value),
            metrics::Matcher::StartsWith(label) => Self::StartsWith(label.key, label.value),
        }
    }
}

impl From<metrics::Selector> for own::Selector {
    fn from(selector: metrics::Selector) -> Self {
        Self {
            metric: selector.metric,
            all_of: all(selector.all_of),
        }
    }
}

impl From<wit::SignalSource> for own::SignalSource {
    fn from(source: wit::SignalSource) -> Self {
        match source {
            wit::SignalSource::Series(source) => Self::Series {
                selector: source.selector.into(),
                reduction: source.reduction.into(),
                window_ms: source.window,
                by: source.by,
            },
            wit::SignalSource::Quantile(source) => Self::Quantile {
                quantile: source.quantile,
                selector: source.selector.into(),
                window_ms: source.window,
                by: source.by,
            },
            wit::SignalSource::Column(source) => Self::Column {
                table: source.table,
                entity_column: source.entity_column,
                value_column: source.value_column,
            },
        }
    }
}

impl From<wit::Signal> for own::Signal {
    fn from(signal: wit::Signal) -> Self {
        Self {
            id: SignalId(signal.id),
            title: signal.title,
            unit: signal.unit,
            entity_kind: signal.entity_kind,
            source: signal.source.into(),
            bad: signal.bad.into(),
            floor: signal.floor,
        }
    }
}

impl From<wit::Test> for own::Test {
    fn from(test: wit::Test) -> Self {
        match test {
            wit::Test::Violated(check) => Self::Violated(CheckId(check)),
            wit::Test::Holds(check) => Self::Holds(CheckId(check)),
            wit::Test::SignalDeviates((signal, deviation)) => {
                Self::SignalDeviates(SignalId(signal), deviation.into())
            }
            wit::Test::SignalCompares((signal, comparison, value)) => {
                Self::SignalCompares(SignalId(signal), comparison.into(), value)
            }
            wit::Test::RowMatches(row) => Self::RowMatches {
                table: row.table,
                entity_column: row.entity_column,
                column: row.column,
                comparison: row.comparison.into(),
                value: row.value.into(),
            },
        }
    }
}

impl From<wit::EvidenceRule> for own::EvidenceRule {
    fn from(rule: wit::EvidenceRule) -> Self {
        Self {
            id: rule.id,
            scope: rule.scope.into(),
            test: rule.test.into(),
            ratio_if_true: rule.ratio_if_true,
            ratio_if_false: rule.ratio_if_false,
            group: rule.group,
            explains: rule.explains,
            because: rule.because,
            reference: rule.reference,
        }
    }
}

impl From<wit::OptionFit> for own::OptionFit {
    fn from(fit: wit::OptionFit) -> Self {
        Self {
            action: fit.action,
            fitness: fit.fitness.into(),
            because: fit.because,
        }
    }
}

impl From<wit::Card> for own::FailureMode {
    fn from(card: wit::Card) -> Self {
        Self {
            id: FailureModeId(card.id),
            title: card.title,
            mechanism: card.mechanism,
            entity_kind: card.entity_kind,
            severity: card.severity.into(),
            prior: card.prior,
            evidence: all(card.evidence),
            rivals: card.rivals.into_iter().map(FailureModeId).collect(),
            options: all(card.options),
            revisit_when: card.revisit_when,
        }
    }
}

impl From<wit::Action> for own::Action {
    fn from(action: wit::Action) -> Self {
        Self {
            id: action.id,
            title: action.title,
            effect: action.effect,
            risk: action.risk.into(),
            risk_note: action.risk_note,
            reversible: action.reversible,
            reversal: action.reversal,
            preconditions: action.preconditions,
            commands: action.commands,
        }
    }
}

impl From<wit::Attribute> for own::Attribute {
    fn from(attribute: wit::Attribute) -> Self {
        Self {
            name: attribute.name,
            table: attribute.table,
            entity_column: attribute.entity_column,
            value_column: attribute.value_column,
            entity_kind: attribute.entity_kind,
        }
    }
}

impl From<wit::KnowledgeBase> for own::KnowledgeBase {
    /// Sorted by id, whatever the order in which the plugin gives them.
    fn from(base: wit::KnowledgeBase) -> Self {
        let mut base = Self {
            version: base.version,
            signals: all(base.signals),
            cards: all(base.cards),
            actions: all(base.actions),
            attributes: all(base.attributes),
        };
        base.signals.sort_by(|a, b| a.id.cmp(&b.id));
        base.cards.sort_by(|a, b| a.id.cmp(&b.id));
        base.actions.sort_by(|a, b| a.id.cmp(&b.id));
        base
    }
}
