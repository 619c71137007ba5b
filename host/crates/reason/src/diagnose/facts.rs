//! Evaluates one evidence rule on one snapshot: it holds, it does not, or it cannot be observed.

mod rows;
mod signals;
mod verdicts;

use super::DiagnoseInput;
use super::symptoms::{SymptomKey, TrackedSymptom};
use operator_model::knowledge::{EvidenceRule, Scope, Signal, SignalSource, Test};
use operator_model::{
    Comparison, EntityId, Evidence, EvidenceId, EvidenceSource, Predicate, Scalar, SymptomKind,
    Timestamp, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) use signals::read_signal;
pub(super) use verdicts::read_verdict;

/// The result of one test.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    /// Observed, with the evidence.
    Known(Observation),
    /// Not observable, and why, in words.
    Unknown(String),
}

/// An observed result.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// Whether the test holds.
    pub(super) holds: bool,
    /// What the evidence shows.
    pub(super) predicate: Predicate,
    /// Evidence without ids, in the order in which the predicate reads it.
    pub(super) cited: Vec<Evidence>,
    /// Symptoms on which a test that holds rests.
    pub(super) rests_on: BTreeSet<SymptomKey>,
}

impl Observation {
    /// Whether it rests on symptoms, all of which are in `taken`.
    pub(super) fn rests_only_on(&self, taken: &BTreeSet<SymptomKey>) -> bool {
        !self.rests_on.is_empty() && self.rests_on.is_subset(taken)
    }
}

/// One snapshot, indexed for many rules.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    input: DiagnoseInput<'a>,
    watched: &'a BTreeMap<SymptomKey, TrackedSymptom>,
    neighbours: BTreeMap<&'a EntityId, BTreeSet<&'a EntityId>>,
    rows: rows::RowIndex<'a>,
}

impl<'a> Facts<'a> {
    /// Without symptoms no rule is evaluated, and the rows need no index.
    pub(super) fn new(
        input: DiagnoseInput<'a>,
        topology: &'a Topology,
        watched: &'a BTreeMap<SymptomKey, TrackedSymptom>,
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

    /// Whether a rule with this scope, evaluated for `suspect`, covers `entity`.
    pub(super) fn is_in_scope(&self, scope: Scope, suspect: &EntityId, entity: &EntityId) -> bool {
        match scope {
            Scope::Itself => entity == suspect,
            Scope::Others => entity != suspect,
            Scope::Anyone => true,
            Scope::Neighbours => self.are_neighbours(suspect, entity),
        }
    }

    /// Evaluates the rule on the snapshot.
    pub(super) fn evaluate(&self, rule: &EvidenceRule, suspect: &EntityId) -> Finding {
        match &rule.test {
            Test::Violated(check) => verdicts::evaluate(self, check, true, rule.scope, suspect),
            Test::Holds(check) => verdicts::evaluate(self, check, false, rule.scope, suspect),
            Test::SignalDeviates(signal, deviation) => signals::evaluate(
                self,
                signal,
                signals::SignalTest::Deviates(*deviation),
                rule.scope,
                suspect,
            ),
            Test::SignalCompares(signal, comparison, value) => signals::evaluate(
                self,
                signal,
                signals::SignalTest::Compares(*comparison, *value),
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
                let test = rows::RowTest {
                    table,
                    key_columns,
                    column,
                    comparison: *comparison,
                    value,
                };
                rows::evaluate(self, test, rule.scope, suspect)
            }
        }
    }

    /// Whether the failure that the rule belongs to causes this symptom.
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

/// What a rule observes, in words.
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

/// What a rule tests, whatever comes out: two rules with the same text are decided by the same observation.
pub(super) fn observation_of(rule: &EvidenceRule, suspect: &EntityId) -> String {
    let what = match &rule.test {
        Test::Violated(check) | Test::Holds(check) => format!("check {check}"),
        Test::SignalDeviates(signal, deviation) => format!("{signal} {deviation:?}").to_lowercase(),
        Test::SignalCompares(signal, comparison, value) => {
            format!("{signal} {} {value}", comparison.symbol())
        }
        Test::RowMatches {
            table,
            column,
            comparison,
            value,
            ..
        } => format!("{table}.{column} {} {value}", comparison.symbol()),
    };
    format!("{what} {}", whose(rule.scope, suspect))
}

fn whose(scope: Scope, suspect: &EntityId) -> String {
    match scope {
        Scope::Itself => format!("of {suspect}"),
        Scope::Others => format!("of entities other than {suspect}"),
        Scope::Anyone => "of any entity".to_owned(),
        Scope::Neighbours => format!("of the neighbours of {suspect}"),
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
    Evidence {
        id: EvidenceId(String::new()),
        source,
        query,
        entity,
        window: (at, at),
        seen_at: None,
        value,
        unit: None,
        baseline: None,
        robust_z: None,
        recent: Vec::new(),
        tainted,
    }
}

/// The query of a signal, as an expert would write it.
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

/// An observation gap as evidence.
pub(super) fn read_gap(
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
