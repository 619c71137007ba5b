//! The frozen observations of one tick, as a check sees them.

use std::collections::BTreeMap;

use crate::bindings::check::operator::check::snapshots;
use crate::table::TableData;
use crate::view::TableView;
use crate::{ObservationGap, TableError};

/// One tick's frozen observations.
pub struct Snapshot {
    source: Source,
}

enum Source {
    Host(snapshots::Snapshot),
    Memory(Frozen),
}

/// What a snapshot holds when a test makes one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frozen {
    pub(crate) tick: u64,
    pub(crate) taken_at: u64,
    pub(crate) subject: String,
    pub(crate) tables: BTreeMap<String, TableData>,
    pub(crate) past: BTreeMap<(String, u32), TableData>,
    pub(crate) gaps: Vec<ObservationGap>,
}

impl Snapshot {
    pub(crate) fn of_host(snapshot: snapshots::Snapshot) -> Self {
        Self {
            source: Source::Host(snapshot),
        }
    }

    /// Number of the tick.
    #[must_use]
    pub fn tick(&self) -> u64 {
        match &self.source {
            Source::Host(snapshot) => snapshot.tick(),
            Source::Memory(frozen) => frozen.tick,
        }
    }

    /// When it was taken, in nanoseconds since the epoch.
    #[must_use]
    pub fn taken_at(&self) -> u64 {
        match &self.source {
            Source::Host(snapshot) => snapshot.taken_at(),
            Source::Memory(frozen) => frozen.taken_at,
        }
    }

    /// Name of the subject plugin.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.source {
            Source::Host(snapshot) => snapshot.subject(),
            Source::Memory(frozen) => frozen.subject.clone(),
        }
    }

    /// Names of the tables, sorted.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        match &self.source {
            Source::Host(snapshot) => snapshot.tables(),
            Source::Memory(frozen) => frozen.tables.keys().cloned().collect(),
        }
    }

    /// Opens a table.
    ///
    /// # Errors
    /// [`TableError::NoSuchTable`] when it could not be filled in this tick.
    pub fn table(&self, name: &str) -> Result<TableView, TableError> {
        match &self.source {
            Source::Host(snapshot) => snapshot.open(name).map(TableView::of_snapshot),
            Source::Memory(frozen) => {
                let found = frozen.tables.get(name).cloned().map(TableView::from);
                found.ok_or_else(|| TableError::NoSuchTable(name.to_owned()))
            }
        }
    }

    /// Opens a table as it was some ticks ago; `None` when that is no longer kept.
    ///
    /// # Errors
    /// As [`Snapshot::table`].
    pub fn past_table(&self, name: &str, ticks_ago: u32) -> Result<Option<TableView>, TableError> {
        match &self.source {
            Source::Host(snapshot) => {
                Ok(snapshot.open_past(name, ticks_ago)?.map(TableView::of_host))
            }
            Source::Memory(frozen) => Ok(frozen
                .past
                .get(&(name.to_owned(), ticks_ago))
                .cloned()
                .map(TableView::from)),
        }
    }

    /// What could not be observed, and why.
    #[must_use]
    pub fn observation_gaps(&self) -> Vec<ObservationGap> {
        match &self.source {
            Source::Host(snapshot) => snapshot.observation_gaps(),
            Source::Memory(frozen) => frozen.gaps.clone(),
        }
    }
}

impl From<Frozen> for Snapshot {
    fn from(frozen: Frozen) -> Self {
        Self {
            source: Source::Memory(frozen),
        }
    }
}
