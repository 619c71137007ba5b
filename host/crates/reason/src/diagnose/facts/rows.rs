//! Evaluates row tests on the tables of the snapshot.

use super::{Facts, Finding, Observation, opposite, plain};
use crate::diagnose::DiagnoseInput;
use operator_data::Table;
use operator_model::knowledge::{Scope, Test};
use operator_model::{Comparison, EntityId, Evidence, EvidenceSource, Predicate, Scalar};
use std::collections::{BTreeMap, BTreeSet};

/// A row test of an evidence rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowTest<'a> {
    pub(super) table: &'a str,
    pub(super) key_columns: &'a [String],
    pub(super) column: &'a str,
    pub(super) comparison: Comparison,
    pub(super) value: &'a Scalar,
}

/// Rows by the key of their entity, for every table and column that a rule names.
#[derive(Debug, Default)]
pub(super) struct RowIndex<'a> {
    by_key: BTreeMap<(&'a str, &'a [String]), RowsByKey>,
}

/// Entity key → rows.
type RowsByKey = BTreeMap<String, Vec<usize>>;

impl<'a> RowIndex<'a> {
    pub(super) fn new(input: DiagnoseInput<'a>) -> Self {
        let mut index = Self::default();
        for rule in input.knowledge.cards.iter().flat_map(|one| &one.evidence) {
            let Test::RowMatches {
                table, key_columns, ..
            } = &rule.test
            else {
                continue;
            };
            if let Some(found) = input.snapshot.tables.get(table) {
                index
                    .by_key
                    .entry((table, key_columns))
                    .or_insert_with(|| keys(found, key_columns));
            }
        }
        index
    }
}

fn keys(table: &Table, columns: &[String]) -> RowsByKey {
    let mut rows = RowsByKey::new();
    for row in 0..table.rows {
        if let Some(key) = table.entity_key(row, columns) {
            rows.entry(key).or_default().push(row);
        }
    }
    rows
}

/// Whether a row about an entity of the scope has such a value.
pub(super) fn evaluate(
    facts: &Facts<'_>,
    test: RowTest<'_>,
    scope: Scope,
    suspect: &EntityId,
) -> Finding {
    let input = facts.input();
    let Some(table) = input.snapshot.tables.get(test.table) else {
        return Finding::Unknown("the table was not observed".to_owned());
    };
    let mut columns = test.key_columns.iter().map(String::as_str);
    let has_columns = columns.all(|column| table.column_index(column).is_some())
        && table.column_index(test.column).is_some();
    let index = facts.rows.by_key.get(&(test.table, test.key_columns));
    let Some(index) = index.filter(|_| has_columns) else {
        return Finding::Unknown("the table has no such column".to_owned());
    };
    let rows = rows_in_scope(facts, index, scope, suspect);
    let cells: Vec<Cell> = rows
        .iter()
        .map(|(key, row)| Cell::read(table, test, key, *row))
        .collect();
    let known: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.value != Scalar::Null)
        .collect();
    if known.is_empty() && !cells.is_empty() {
        return Finding::Unknown("the column has no value for it".to_owned());
    }
    match (
        known
            .iter()
            .find(|cell| test.comparison.holds(&cell.value, test.value)),
        known.as_slice(),
    ) {
        (Some(cell), _) => cell_finding(facts, test, suspect, cell, true),
        (None, [only]) => cell_finding(facts, test, suspect, only, false),
        (None, _) => none_of_them(facts, test, scope, suspect),
    }
}

struct Cell {
    key: String,
    row: usize,
    value: Scalar,
    unit: Option<String>,
}

impl Cell {
    fn read(table: &Table, test: RowTest<'_>, key: &str, row: usize) -> Self {
        let field = table
            .column_index(test.column)
            .and_then(|index| table.fields.get(index));
        let unit = field.and_then(|field| field.unit.clone());
        Self {
            key: key.to_owned(),
            row,
            value: table.scalar(row, test.column),
            unit,
        }
    }
}

fn rows_in_scope(
    facts: &Facts<'_>,
    index: &BTreeMap<String, Vec<usize>>,
    scope: Scope,
    suspect: &EntityId,
) -> Vec<(String, usize)> {
    let names = |entity: &EntityId| BTreeSet::from([entity.key().to_owned(), entity.to_string()]);
    let own = names(suspect);
    let of_keys = |keys: &BTreeSet<String>| -> Vec<(&String, &Vec<usize>)> {
        keys.iter()
            .filter_map(|key| index.get_key_value(key))
            .collect()
    };
    let found = match scope {
        Scope::Itself => of_keys(&own),
        Scope::Neighbours => of_keys(&facts.neighbours(suspect).flat_map(names).collect()),
        Scope::Others => index
            .iter()
            .filter(|(key, _)| !own.contains(*key))
            .collect(),
        Scope::Anyone => index.iter().collect(),
    };
    found
        .into_iter()
        .flat_map(|(key, rows)| rows.iter().map(|row| (key.clone(), *row)))
        .collect()
}

fn cell_finding(
    facts: &Facts<'_>,
    test: RowTest<'_>,
    suspect: &EntityId,
    cell: &Cell,
    holds: bool,
) -> Finding {
    let entity = entity_of(facts, suspect, &cell.key);
    let query = format!("{}[{}].{}", test.table, cell.row, test.column);
    let mut evidence = plain(
        EvidenceSource::Table,
        query,
        entity.clone(),
        facts.now(),
        cell.value.clone(),
    );
    evidence.unit.clone_from(&cell.unit);
    let comparison = if holds {
        test.comparison
    } else {
        opposite(test.comparison)
    };
    let value = if comparable(&cell.value, test.value) {
        test.value.clone()
    } else {
        Scalar::Null
    };
    if value == Scalar::Null {
        return Finding::Unknown(format!(
            "{} cannot be compared with the value of the rule",
            cell.value
        ));
    }
    let what = match entity {
        Some(_) => format!("{}.{}", test.table, test.column),
        None => format!("{}.{} of {}", test.table, test.column, cell.key),
    };
    observed(
        holds,
        Predicate::Compares {
            what,
            entity,
            comparison,
            value,
        },
        evidence,
    )
}

/// No row, or several of which none matches: their number is the evidence.
fn none_of_them(facts: &Facts<'_>, test: RowTest<'_>, scope: Scope, suspect: &EntityId) -> Finding {
    let what = format!(
        "number of rows in {} with {} {} {}",
        test.table,
        test.column,
        symbol(test.comparison),
        test.value
    );
    let entity = (scope == Scope::Itself).then(|| suspect.clone());
    let evidence = plain(
        EvidenceSource::Table,
        what.clone(),
        entity.clone(),
        facts.now(),
        Scalar::Integer(0),
    );
    let predicate = Predicate::Compares {
        what,
        entity,
        comparison: Comparison::Eq,
        value: Scalar::Integer(0),
    };
    observed(false, predicate, evidence)
}

fn observed(holds: bool, predicate: Predicate, evidence: Evidence) -> Finding {
    Finding::Known(Observation {
        holds,
        predicate,
        cited: vec![evidence],
        rests_on: BTreeSet::new(),
    })
}

/// Values of kinds that do not compare make a rule neither true nor false.
fn comparable(value: &Scalar, wanted: &Scalar) -> bool {
    Comparison::Eq.holds(value, wanted) || Comparison::Ne.holds(value, wanted)
}

/// The entity that a key names, if the system has it.
fn entity_of(facts: &Facts<'_>, suspect: &EntityId, key: &str) -> Option<EntityId> {
    let of_the_suspects_kind = EntityId::of_kind(suspect.kind(), key);
    let near = facts
        .neighbours(suspect)
        .find(|entity| entity.key() == key || entity.as_str() == key)
        .cloned();
    let known = facts
        .input()
        .snapshot
        .topology
        .entity(&of_the_suspects_kind)
        .is_some();
    if &of_the_suspects_kind == suspect || known {
        Some(of_the_suspects_kind)
    } else {
        near
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "=",
        Comparison::Ne => "≠",
        Comparison::Lt => "<",
        Comparison::Le => "≤",
        Comparison::Gt => ">",
        Comparison::Ge => "≥",
    }
}
