//! EventKind one snapshot says to one evidence rule: it holds, it does not, or it cannot be known.

mod rows;
mod signals;
mod verdicts;

use super::DiagnoseInput;
use super::symptoms::{Lasting, SymptomKey};
use operator_model::knowledge::{EvidenceRule, Scope, Signal, SignalSource, Test};
use operator_model::{
    Comparison, EntityId, Evidence, EvidenceId, EvidenceSource, Predicate, Scalar, SymptomKind,
    Timestamp, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) use signals::read_signal;
pub(super) use verdicts::read_verdict;

/// The answer to one test.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    /// Known, with what shows it.
    Known(Seen),
    /// Not observable, and why, in words.
    Unknown(String),
}

/// A known answer.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Whether the test holds.
    pub(super) holds: bool,
    /// EventKind the evidence says.
    pub(super) predicate: Predicate,
    /// Evidence without ids, in the order in which the predicate reads it.
    pub(super) cited: Vec<Evidence>,
    /// Symptoms on which a test that holds rests.
    pub(super) rests_on: BTreeSet<(SymptomKind, EntityId)>,
}

/// One snapshot, prepared for many questions.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    input: DiagnoseInput<'a>,
    watched: &'a BTreeMap<SymptomKey, Lasting>,
    neighbours: BTreeMap<&'a EntityId, BTreeSet<&'a EntityId>>,
    rows: rows::RowIndex<'a>,
}

impl<'a> Facts<'a> {
    /// Without symptoms nothing will be asked, and the rows need not be sorted.
    pub(super) fn new(
        input: DiagnoseInput<'a>,
        topology: &'a Topology,
        watched: &'a BTreeMap<SymptomKey, Lasting>,
    ) -> Self {
        let mut neighbours: BTreeMap<&EntityId, BTreeSet<&EntityId>> = BTreeMap::new();
        for edge in &topology.edges {
            neighbours.entry(&edge.from).or_default().insert(&edge.to);
            neighbours.entry(&edge.to).or_default().insert(&edge.from);
        }
        let rows = if watched.is_empty() {
            rows::RowIndex::default()
        } else {
            rows::RowIndex::new(input)
        };
        Self {
            input,
            watched,
            neighbours,
            rows,
        }
    }

    pub(super) fn input(&self) -> DiagnoseInput<'a> {
        self.input
    }

    pub(super) fn now(&self) -> Timestamp {
        self.input.snapshot.taken_at
    }

    pub(super) fn neighbours(&self, entity: &EntityId) -> impl Iterator<Item = &'a EntityId> + '_ {
        self.neighbours.get(entity).into_iter().flatten().copied()
    }

    pub(super) fn are_neighbours(&self, one: &EntityId, other: &EntityId) -> bool {
        self.neighbours
            .get(one)
            .is_some_and(|found| found.contains(other))
    }

    /// Whether a rule with this scope, asked about `suspect`, looks at `entity`.
    pub(super) fn is_in_scope(&self, scope: Scope, suspect: &EntityId, entity: &EntityId) -> bool {
        match scope {
            Scope::Itself => entity == suspect,
            Scope::Others => entity != suspect,
            Scope::Anyone => true,
            Scope::Neighbours => self.are_neighbours(suspect, entity),
        }
    }

    /// Puts the rule's question to the snapshot.
    pub(super) fn ask(&self, rule: &EvidenceRule, suspect: &EntityId) -> Finding {
        match &rule.test {
            Test::Violated(check) => verdicts::ask(self, check, true, rule.scope, suspect),
            Test::Holds(check) => verdicts::ask(self, check, false, rule.scope, suspect),
            Test::SignalDeviates(signal, deviation) => signals::ask(
                self,
                signal,
                signals::Question::Deviates(*deviation),
                rule.scope,
                suspect,
            ),
            Test::SignalCompares(signal, comparison, value) => signals::ask(
                self,
                signal,
                signals::Question::Compares(*comparison, *value),
                rule.scope,
                suspect,
            ),
            Test::RowMatches {
                table,
                key_columns,
                column,
                comparison,
                value,
            } => {
                let question = rows::Question {
                    table,
                    key_columns,
                    column,
                    comparison: *comparison,
                    value,
                };
                rows::ask(self, question, rule.scope, suspect)
            }
        }
    }

    /// Whether a symptom is one that the rule's failure brings with it.
    pub(super) fn explains(
        &self,
        rule: &EvidenceRule,
        suspect: &EntityId,
        kind: &SymptomKind,
        entity: &EntityId,
    ) -> bool {
        let same = match (&rule.test, kind) {
            (Test::Violated(check), SymptomKind::Violation(of)) => check == of,
            (
                Test::SignalDeviates(signal, _) | Test::SignalCompares(signal, _, _),
                SymptomKind::Anomaly(of),
            ) => signal == of,
            _ => false,
        };
        rule.explains && same && self.is_in_scope(rule.scope, suspect, entity)
    }
}

/// EventKind a rule looks at, in words.
pub(super) fn subject_of(rule: &EvidenceRule, suspect: &EntityId, signals: &[Signal]) -> String {
    let what = match &rule.test {
        Test::Violated(check) | Test::Holds(check) => format!("check {check}"),
        Test::SignalDeviates(signal, _) | Test::SignalCompares(signal, _, _) => signals
            .iter()
            .find(|s| &s.id == signal)
            .map_or_else(|| signal.to_string(), |s| s.title.clone()),
        Test::RowMatches { table, column, .. } => format!("{table}.{column}"),
    };
    format!("{what} {}", whose(rule.scope, suspect))
}

fn whose(scope: Scope, suspect: &EntityId) -> String {
    match scope {
        Scope::Itself => format!("of {suspect}"),
        Scope::Others => format!("of others than {suspect}"),
        Scope::Anyone => "of anyone".to_owned(),
        Scope::Neighbours => format!("of what is joined to {suspect}"),
    }
}

/// The comparison that holds exactly when this one does not, for values that compare at all.
fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Eq => Comparison::Ne,
        Comparison::Ne => Comparison::Eq,
        Comparison::Lt => Comparison::Ge,
        Comparison::Le => Comparison::Gt,
        Comparison::Gt => Comparison::Le,
        Comparison::Ge => Comparison::Lt,
    }
}

/// Evidence without an id and without a baseline.
fn plain(
    source: EvidenceSource,
    query: String,
    entity: Option<EntityId>,
    at: Timestamp,
    value: Scalar,
) -> Evidence {
    let tainted = matches!(value, Scalar::Text(_)) && source != EvidenceSource::Check;
    let id = EvidenceId(String::new());
    let (unit, baseline, robust_z, recent) = (None, None, None, Vec::new());
    Evidence {
        id,
        source,
        query,
        entity,
        window: (at, at),
        value,
        unit,
        baseline,
        robust_z,
        recent,
        tainted,
    }
}

/// The question behind a signal, as an expert would write it.
fn query_of(source: &SignalSource) -> String {
    match source {
        SignalSource::Series {
            selector,
            reduction,
            window_ms,
            by,
        } => format!(
            "{reduction:?}({}[{}]) by ({})",
            select(selector),
            seconds(*window_ms),
            by.join(", ")
        )
        .to_lowercase_first(),
        SignalSource::Quantile {
            quantile,
            selector,
            window_ms,
            by,
        } => {
            format!(
                "quantile({quantile}, {}[{}]) by ({})",
                select(selector),
                seconds(*window_ms),
                by.join(", ")
            )
        }
        SignalSource::Column {
            table,
            value_column,
            ..
        } => format!("{table}.{value_column}"),
    }
}

trait LowercaseFirst {
    fn to_lowercase_first(&self) -> String;
}

impl LowercaseFirst for String {
    fn to_lowercase_first(&self) -> String {
        let mut characters = self.chars();
        characters.next().map_or_else(Self::new, |first| {
            first.to_lowercase().chain(characters).collect()
        })
    }
}

fn seconds(window_ms: u64) -> String {
    format!("{}s", window_ms / 1_000)
}

fn select(selector: &operator_model::knowledge::Selector) -> String {
    use operator_model::knowledge::Matcher;
    let conditions: Vec<String> = selector
        .all_of
        .iter()
        .map(|matcher| match matcher {
            Matcher::Equals(label, value) => format!("{label}={value:?}"),
            Matcher::NotEquals(label, value) => format!("{label}!={value:?}"),
            Matcher::StartsWith(label, value) => format!("{label}=~{:?}", format!("{value}.*")),
        })
        .collect();
    if conditions.is_empty() {
        selector.metric.clone()
    } else {
        format!("{}{{{}}}", selector.metric, conditions.join(","))
    }
}

/// A blind spot as evidence.
pub(super) fn blind_spot(
    spot: &operator_model::ObservationGap,
    entity: EntityId,
    window: (Timestamp, Timestamp),
) -> Evidence {
    let value = Scalar::Text(spot.reason.clone());
    let evidence = plain(
        EvidenceSource::Operator,
        spot.source.to_string(),
        Some(entity),
        window.1,
        value,
    );
    Evidence { window, ..evidence }
}
