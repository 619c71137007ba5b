//! Reading of tables: rows with typed getters, each column fetched from the host once and only when it is read.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::bindings::shared::tables::{Aggregate, JoinPair, Measure, SortKey, Table, Term};
use crate::fetched::Fetched;
use crate::memory::{compare_rows, holds, take};
#[cfg(feature = "check")]
use crate::outcome::{Cell, Evidence, EvidenceSource};
use crate::table::{Column, TableData, Values};
use crate::{Comparison, Field, Scalar, TableError};

/// A frozen table. A missing column, a value of another kind and a null all read as `None`: not known.
pub struct TableView {
    source: Source,
    rows: usize,
    /// Whether it is a table of the snapshot as it is, whose cells evidence can cite.
    #[cfg_attr(
        not(feature = "check"),
        expect(dead_code, reason = "subjects cite no evidence")
    )]
    citable: bool,
    /// Read from the host on first use.
    name: OnceCell<String>,
    columns: OnceCell<Columns>,
}

enum Source {
    Host(Table),
    Memory(TableData),
}

struct Columns {
    fields: Rc<[Field]>,
    fetched: Vec<OnceCell<Fetched>>,
}

impl Columns {
    fn new(fields: Rc<[Field]>) -> Self {
        let fetched = fields.iter().map(|_| OnceCell::new()).collect();
        Self { fields, fetched }
    }
}

impl TableView {
    pub(crate) fn of_host(table: Table) -> Self {
        let rows = usize::try_from(table.rows()).unwrap_or(usize::MAX);
        Self {
            source: Source::Host(table),
            rows,
            citable: false,
            name: OnceCell::new(),
            columns: OnceCell::new(),
        }
    }

    /// A table of the snapshot as it is.
    #[cfg(feature = "check")]
    pub(crate) fn of_snapshot(table: Table) -> Self {
        Self {
            citable: true,
            ..Self::of_host(table)
        }
    }

    /// A table made of another one in memory.
    fn derived(data: TableData) -> Self {
        Self {
            citable: false,
            ..Self::from(data)
        }
    }

    /// Some rows of this table: what is known of the whole is known of them.
    fn part(&self, part: Table) -> Self {
        let part = Self::of_host(part);
        if let Some(columns) = self.columns.get() {
            let _ = part.columns.set(Columns::new(Rc::clone(&columns.fields)));
        }
        part
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.get_or_init(|| match &self.source {
            Source::Host(table) => table.name(),
            Source::Memory(data) => data.name.clone(),
        })
    }

    /// Its columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.columns().fields
    }

    fn columns(&self) -> &Columns {
        self.columns.get_or_init(|| {
            Columns::new(match &self.source {
                Source::Host(table) => table.fields().into(),
                Source::Memory(data) => data.columns.iter().map(Column::field).collect(),
            })
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows).map(|index| Row { table: self, index })
    }

    /// The only or first row.
    #[must_use]
    pub fn first(&self) -> Option<Row<'_>> {
        self.row(0)
    }

    /// The first row whose text column has this value.
    #[must_use]
    pub fn find(&self, column: &str, value: &str) -> Option<Row<'_>> {
        self.rows().find(|row| row.text(column) == Some(value))
    }

    /// Values of a text column, one for each row; none of them known when there is no such column.
    pub fn texts(&self, column: &str) -> impl Iterator<Item = Option<&str>> {
        self.values(column, Fetched::text)
    }

    /// Values of a float column, as [`Self::texts`].
    pub fn floats(&self, column: &str) -> impl Iterator<Item = Option<f64>> {
        self.values(column, Fetched::float)
    }

    /// Values of an integer column, as [`Self::texts`].
    pub fn integers(&self, column: &str) -> impl Iterator<Item = Option<i64>> {
        self.values(column, Fetched::integer)
    }

    /// Values of a float or an integer column, as [`Self::texts`].
    pub fn numbers(&self, column: &str) -> impl Iterator<Item = Option<f64>> {
        self.values(column, Fetched::number)
    }

    /// Values of a boolean column, as [`Self::texts`].
    pub fn booleans(&self, column: &str) -> impl Iterator<Item = Option<bool>> {
        self.values(column, Fetched::boolean)
    }

    /// Values of an instant column, in nanoseconds since the epoch, as [`Self::texts`].
    pub fn instants(&self, column: &str) -> impl Iterator<Item = Option<u64>> {
        self.values(column, Fetched::instant)
    }

    /// One row.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        (index < self.rows).then_some(Row { table: self, index })
    }

    /// Fails when the table lacks one of these columns, for checks that need them all.
    ///
    /// # Errors
    /// [`TableError::NoSuchColumn`] with the first missing one.
    pub fn require(&self, columns: &[&str]) -> Result<(), TableError> {
        let missing = columns
            .iter()
            .find(|name| !self.fields().iter().any(|field| field.name == **name));
        missing.map_or(Ok(()), |name| {
            Err(TableError::NoSuchColumn((*name).to_owned()))
        })
    }

    /// Rows for which all terms hold, found by the host: `view.filter(&[("state", Comparison::Ne, "Up".into())])`.
    ///
    /// # Errors
    /// When a column is missing or of another kind than its term.
    pub fn filter(&self, terms: &[(&str, Comparison, Scalar)]) -> Result<Self, TableError> {
        match &self.source {
            Source::Host(table) => {
                let term = |(column, comparison, value): &(&str, Comparison, Scalar)| Term {
                    column: (*column).to_owned(),
                    comparison: *comparison,
                    value: value.clone(),
                };
                table
                    .filter(&terms.iter().map(term).collect::<Vec<_>>())
                    .map(|part| self.part(part))
            }
            Source::Memory(data) => {
                self.require(&terms.iter().map(|term| term.0).collect::<Vec<_>>())?;
                let keep =
                    (0..self.rows).filter(|row| terms.iter().all(|term| holds(data, *row, term)));
                Ok(Self::derived(take(data, &keep.collect::<Vec<_>>())))
            }
        }
    }

    /// Rows in the order of these columns, `true` for descending, nulls last; done by the host.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn sort(&self, by: &[(&str, bool)]) -> Result<Self, TableError> {
        match &self.source {
            Source::Host(table) => {
                let by: Vec<_> = by
                    .iter()
                    .map(|(column, descending)| SortKey {
                        column: (*column).to_owned(),
                        descending: *descending,
                    })
                    .collect();
                table.sort(&by).map(|sorted| self.part(sorted))
            }
            Source::Memory(data) => {
                self.require(&by.iter().map(|key| key.0).collect::<Vec<_>>())?;
                let mut order: Vec<usize> = (0..self.rows).collect();
                order.sort_by(|left, right| compare_rows(data, *left, *right, by));
                Ok(Self::derived(take(data, &order)))
            }
        }
    }

    /// One row for each combination of `by`, with measures `(column, aggregate, name)`; done by the host alone.
    ///
    /// # Errors
    /// When a column is missing, and always for a table that lives in a test's memory.
    pub fn group(
        &self,
        by: &[&str],
        measures: &[(&str, Aggregate, &str)],
    ) -> Result<Self, TableError> {
        let Source::Host(table) = &self.source else {
            return Err(TableError::OutOfRange);
        };
        let by: Vec<String> = by.iter().map(|column| (*column).to_owned()).collect();
        let measure = |(column, aggregate, name): &(&str, Aggregate, &str)| Measure {
            column: (*column).to_owned(),
            aggregate: aggregate.clone(),
            name: (*name).to_owned(),
        };
        table
            .group(&by, &measures.iter().map(measure).collect::<Vec<_>>())
            .map(Self::of_host)
    }

    /// Inner join on equal columns; done by the host alone.
    ///
    /// # Errors
    /// When a column is missing, and always for a table that lives in a test's memory.
    pub fn join(&self, other: &Self, on: &[(&str, &str)]) -> Result<Self, TableError> {
        let (Source::Host(left), Source::Host(right)) = (&self.source, &other.source) else {
            return Err(TableError::OutOfRange);
        };
        let on: Vec<_> = on
            .iter()
            .map(|(left, right)| JoinPair {
                left: (*left).to_owned(),
                right: (*right).to_owned(),
            })
            .collect();
        left.join(right, &on).map(Self::of_host)
    }

    fn values<'table, T: 'table>(
        &'table self,
        column: &str,
        read: impl Fn(&'table Fetched, usize) -> Option<T> + 'table,
    ) -> impl Iterator<Item = Option<T>> {
        let fetched = self.column(column);
        (0..self.rows).map(move |row| read(fetched?, row))
    }

    fn column(&self, name: &str) -> Option<&Fetched> {
        let columns = self.columns();
        let index = columns.fields.iter().position(|field| field.name == name)?;
        let (field, cell) = (columns.fields.get(index)?, columns.fetched.get(index)?);
        Some(cell.get_or_init(|| self.load(field)))
    }

    fn load(&self, field: &Field) -> Fetched {
        let nothing = || Fetched::of_memory(Values::Text(Vec::new()));
        match &self.source {
            Source::Host(table) => Fetched::of_host(table, field).unwrap_or_else(|_| nothing()),
            Source::Memory(data) => {
                let found = data.columns.iter().find(|column| column.name == field.name);
                found.map_or_else(nothing, |column| Fetched::of_memory(column.values.clone()))
            }
        }
    }
}

impl From<TableData> for TableView {
    /// A table in memory, for tests of checks.
    fn from(data: TableData) -> Self {
        let rows = data.rows();
        Self {
            source: Source::Memory(data),
            rows,
            citable: true,
            name: OnceCell::new(),
            columns: OnceCell::new(),
        }
    }
}

/// One row of a table.
#[derive(Clone, Copy)]
pub struct Row<'table> {
    table: &'table TableView,
    index: usize,
}

impl<'table> Row<'table> {
    /// Its place in the table.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// A text, if known.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&'table str> {
        self.table.column(column)?.text(self.index)
    }

    /// A number, if known: a float, or an integer as one.
    #[must_use]
    pub fn number(&self, column: &str) -> Option<f64> {
        self.table.column(column)?.number(self.index)
    }

    /// An integer, if known.
    #[must_use]
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.table.column(column)?.integer(self.index)
    }

    /// A boolean, if known.
    #[must_use]
    pub fn boolean(&self, column: &str) -> Option<bool> {
        self.table.column(column)?.boolean(self.index)
    }

    /// An instant in nanoseconds since the epoch, if known.
    #[must_use]
    pub fn instant(&self, column: &str) -> Option<u64> {
        self.table.column(column)?.instant(self.index)
    }

    /// The value as it is, whatever its kind.
    #[must_use]
    pub fn scalar(&self, column: &str) -> Scalar {
        self.table
            .column(column)
            .map_or(Scalar::Null, |values| values.scalar(self.index))
    }

    /// Evidence that cites this cell. The host reads the value itself, except for a table that was filtered, sorted or
    /// taken from the past: there the value travels with the evidence.
    #[cfg(feature = "check")]
    #[must_use]
    pub fn evidence(&self, column: &str) -> Evidence {
        let table = self.table.name().to_owned();
        let row = u32::try_from(self.index)
            .ok()
            .filter(|_| self.table.citable);
        let Some(row) = row else {
            let source = EvidenceSource::Other(format!("{table}.{column}"));
            return self.valued(Evidence::of(source), column);
        };
        let cell = Evidence::of(EvidenceSource::Cell(Cell {
            table,
            row,
            column: column.to_owned(),
        }));
        match self.table.source {
            Source::Host(_) => cell,
            Source::Memory(_) => self.valued(cell, column),
        }
    }

    #[cfg(feature = "check")]
    fn valued(&self, evidence: Evidence, column: &str) -> Evidence {
        let mut fields = self.table.fields().iter();
        let unit = fields
            .find(|field| field.name == column)
            .and_then(|field| field.unit.as_deref());
        evidence.observed(self.scalar(column), unit.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    fn stores() -> TableView {
        let names = ["1", "2", "3"].map(str::to_owned);
        table("stores")
            .texts("store", names)
            .floats("used", "By", [Some(3.0), None, Some(1.0)])
            .into()
    }

    #[test]
    fn rows_read_what_is_known_and_nothing_else() {
        let stores = stores();
        let read: Vec<_> = stores
            .rows()
            .map(|row| (row.text("store"), row.number("used")))
            .collect();
        assert_eq!(
            read,
            [
                (Some("1"), Some(3.0)),
                (Some("2"), None),
                (Some("3"), Some(1.0))
            ]
        );
        assert!(
            stores
                .rows()
                .all(|row| row.text("used").is_none() && row.number("absent").is_none())
        );
    }

    #[test]
    fn a_filter_never_keeps_a_null() {
        let kept = stores()
            .filter(&[("used", Comparison::Lt, Scalar::Float(9.0))])
            .unwrap();
        assert_eq!(
            kept.texts("store").collect::<Vec<_>>(),
            [Some("1"), Some("3")]
        );
    }

    #[test]
    fn nulls_sort_last_in_both_directions() {
        for (descending, first) in [(false, "3"), (true, "1")] {
            let sorted = stores().sort(&[("used", descending)]).unwrap();
            let order: Vec<_> = sorted.rows().filter_map(|row| row.text("store")).collect();
            assert_eq!((order[0], order[2]), (first, "2"));
        }
    }

    #[cfg(feature = "check")]
    #[test]
    fn evidence_cites_the_cell_with_its_unit() {
        let stores = stores();
        let evidence = stores
            .find("store", "3")
            .unwrap()
            .evidence("used")
            .expected("less than 1 byte");
        let EvidenceSource::Cell(cell) = &evidence.source else {
            unreachable!("it is a cell");
        };
        assert_eq!(
            (cell.table.as_str(), cell.row, cell.column.as_str()),
            ("stores", 2, "used")
        );
        assert_eq!(evidence.observed, Some(Scalar::Float(1.0)));
        assert_eq!(evidence.unit.as_deref(), Some("By"));
    }
}
