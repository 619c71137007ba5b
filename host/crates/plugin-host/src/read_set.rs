//! What a check has read, so that it need not be called again while all of that is the same.
//!
//! A check is a function: its instance is fresh, and it can read nothing but its state, the snapshot and the series that were
//! frozen with it. Who gets the same answers to the same questions says the same. What is different in every tick (the time), or
//! would have to be kept although it is large, makes a check one that is always called.

use crate::question::{Answer, Question};
use arrow_array::{Array as _, ArrayRef};
use operator_data::{Field, Snapshot, Table};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns and answers of one check beyond this are not kept.
const KEPT_BYTES_MAX: usize = 256 * 1_024;
/// Questions and tables of one check beyond this are not kept.
const KEPT_MAX: usize = 64;

/// Everything that one call has read.
#[derive(Debug, Default)]
pub struct ReadSet {
    /// Something was read that cannot be compared.
    always_new: bool,
    bytes: usize,
    tables: Vec<(String, Option<Seen>)>,
    questions: Vec<(Question, Answer)>,
}

/// What was read of a table.
#[derive(Debug)]
struct Seen {
    name: String,
    rows: usize,
    fields: Option<Vec<Field>>,
    /// By name; nothing where there is no such column.
    columns: BTreeMap<String, Option<ArrayRef>>,
}

/// A part of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Fields,
    Column(&'a str),
    Everything,
}

impl ReadSet {
    /// Whether a call that read this would read the same in this snapshot.
    pub fn hold(&self, snapshot: &Snapshot) -> bool {
        let same_table =
            |(name, seen): &(String, Option<Seen>)| match (seen, snapshot.tables.get(name)) {
                (None, None) => true,
                (Some(seen), Some(table)) => seen.is_in(table),
                _ => false,
            };
        let same_answer = |(question, answer): &(Question, Answer)| {
            same(
                answer,
                &question
                    .ask(&snapshot.series, snapshot.taken_at)
                    .map(Arc::new),
            )
        };
        !self.always_new
            && self.tables.iter().all(same_table)
            && self.questions.iter().all(same_answer)
    }

    /// Whether it makes sense to keep this.
    pub(crate) fn can_hold(&self) -> bool {
        !self.always_new
    }

    /// Something was read that is never the same, or cannot be compared.
    pub(crate) fn never_hold(&mut self) {
        *self = Self {
            always_new: true,
            ..Self::default()
        };
    }

    /// A table was opened, or is not there. Later parts name its place.
    pub(crate) fn opened(&mut self, name: &str, table: Option<&Table>) -> usize {
        if self.tables.len() >= KEPT_MAX {
            self.never_hold();
        }
        if !self.always_new {
            self.tables.push((name.to_owned(), table.map(Seen::of)));
        }
        self.tables.len().saturating_sub(1)
    }

    /// A part of a table that was opened was read.
    pub(crate) fn part(&mut self, place: usize, table: &Table, part: Part<'_>) {
        let Some((_, Some(seen))) = self.tables.get_mut(place) else {
            return;
        };
        match part {
            Part::Fields => seen.note_fields(table),
            Part::Column(name) => self.bytes += seen.note_column(table, name),
            Part::Everything => {
                seen.note_fields(table);
                self.bytes += table
                    .fields
                    .iter()
                    .map(|field| seen.note_column(table, &field.name))
                    .sum::<usize>();
            }
        }
        self.stay_small();
    }

    /// A question on series was answered.
    pub(crate) fn asked(&mut self, question: Question, answer: &Answer) {
        if self.always_new {
            return;
        }
        let columns = answer.iter().flat_map(|table| &table.columns);
        self.bytes += columns
            .map(|column| column.get_array_memory_size())
            .sum::<usize>();
        self.questions.push((question, answer.clone()));
        self.stay_small();
    }

    fn stay_small(&mut self) {
        if self.bytes > KEPT_BYTES_MAX || self.questions.len() > KEPT_MAX {
            self.never_hold();
        }
    }
}

impl Seen {
    fn of(table: &Table) -> Self {
        Self {
            name: table.name.clone(),
            rows: table.rows,
            fields: None,
            columns: BTreeMap::new(),
        }
    }

    fn note_fields(&mut self, table: &Table) {
        self.fields.get_or_insert_with(|| table.fields.clone());
    }

    /// Bytes that are kept because of it.
    fn note_column(&mut self, table: &Table, name: &str) -> usize {
        if self.columns.contains_key(name) {
            return 0;
        }
        let column = column(table, name).cloned();
        let bytes = column
            .as_ref()
            .map_or(0, |column| column.get_array_memory_size());
        self.columns.insert(name.to_owned(), column);
        bytes
    }

    fn is_in(&self, table: &Table) -> bool {
        let same_column =
            |(name, seen): (&String, &Option<ArrayRef>)| seen.as_ref() == column(table, name);
        self.name == table.name
            && self.rows == table.rows
            && self
                .fields
                .as_ref()
                .is_none_or(|fields| *fields == table.fields)
            && self.columns.iter().all(same_column)
    }
}

fn column<'a>(table: &'a Table, name: &str) -> Option<&'a ArrayRef> {
    table.columns.get(table.column_index(name)?)
}

/// Bit by bit: a NaN is the same as itself, and the two zeros differ.
fn same(before: &Answer, now: &Answer) -> bool {
    match (before, now) {
        (Ok(before), Ok(now)) => {
            before.name == now.name
                && before.rows == now.rows
                && before.fields == now.fields
                && before.columns == now.columns
        }
        (Err(before), Err(now)) => before == now,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_data::Kind;
    use operator_data::tables::TableBuilder;
    use operator_model::Tick;

    fn table(lags: &[f64]) -> Table {
        let field = |name: &str| Field {
            name: name.to_owned(),
            kind: Kind::Float,
            unit: None,
        };
        let mut builder = TableBuilder::new("stores".to_owned(), vec![field("lag"), field("room")]);
        builder.push_floats(0, lags).unwrap();
        builder.push_floats(1, &vec![1.0; lags.len()]).unwrap();
        builder.finish().unwrap()
    }

    fn snapshot(table: Option<Table>) -> Snapshot {
        let mut snapshot = Snapshot::nothing(Tick(1));
        snapshot
            .tables
            .extend(table.map(|table| ("stores".to_owned(), Arc::new(table))));
        snapshot
    }

    fn reads(table: &Table, parts: &[Part<'_>]) -> ReadSet {
        let mut reads = ReadSet::default();
        let place = reads.opened("stores", Some(table));
        parts
            .iter()
            .for_each(|part| reads.part(place, table, *part));
        reads
    }

    #[test]
    fn a_column_that_was_not_read_may_change() {
        let before = table(&[1.0, f64::NAN]);
        let room = reads(&before, &[Part::Fields, Part::Column("room")]);
        assert!(room.hold(&snapshot(Some(table(&[2.0, 3.0])))));
        let lag = reads(&before, &[Part::Column("lag")]);
        assert!(!lag.hold(&snapshot(Some(table(&[2.0, f64::NAN])))));
        assert!(
            lag.hold(&snapshot(Some(table(&[1.0, f64::NAN])))),
            "a NaN is the same as itself"
        );
        assert!(
            !reads(&before, &[Part::Everything]).hold(&snapshot(Some(table(&[2.0, f64::NAN]))))
        );
    }

    #[test]
    fn rows_that_come_or_go_and_tables_that_do_are_seen_by_who_only_opened_them() {
        let before = table(&[1.0]);
        assert!(!reads(&before, &[]).hold(&snapshot(Some(table(&[1.0, 1.0])))));
        assert!(!reads(&before, &[]).hold(&snapshot(None)));
        let mut absent = ReadSet::default();
        absent.opened("stores", None);
        assert!(absent.hold(&snapshot(None)) && !absent.hold(&snapshot(Some(before))));
    }

    #[test]
    fn a_column_that_was_missed_and_comes_is_a_change() {
        let missed = reads(&table(&[1.0]), &[Part::Column("other")]);
        assert!(missed.hold(&snapshot(Some(table(&[5.0])))));
        let mut with_other = table(&[5.0]);
        with_other.fields[0].name = "other".to_owned();
        assert!(!missed.hold(&snapshot(Some(with_other))));
    }

    #[test]
    fn what_is_large_or_never_the_same_is_not_kept() {
        let large = table(&vec![0.5; 100_000]);
        assert!(!reads(&large, &[Part::Column("lag")]).can_hold());
        let mut timed = reads(&table(&[1.0]), &[Part::Column("lag")]);
        timed.never_hold();
        assert!(!timed.can_hold() && !timed.hold(&snapshot(Some(table(&[1.0])))));
        timed.opened("stores", None);
        assert!(!timed.hold(&snapshot(None)), "once and for all");
    }
}
