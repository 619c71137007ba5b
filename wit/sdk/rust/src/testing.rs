//! Stands in for Operator in tests that run on the author's machine.

use std::cell::RefCell;
use std::time::Duration;

use crate::{Query, Reduction, SeriesError, TableData, TableView};

#[cfg(feature = "check")]
pub use snapshots::SnapshotBuilder;

/// A question that the code under test put to the series store.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// `Query::reduce` with its window.
    Reduce(Query, Reduction, Duration),
    /// `Query::quantile` with the quantile and the window.
    Quantile(Query, f64, Duration),
    /// `promql`.
    Promql(String),
}

type Answers = Box<dyn Fn(&Question) -> Result<TableData, SeriesError>>;

thread_local! {
    static ANSWERS: RefCell<Option<Answers>> = const { RefCell::new(None) };
}

/// Answers the questions of this test's thread from now on. Without it every metric is unknown.
pub fn answer_series(answers: impl Fn(&Question) -> Result<TableData, SeriesError> + 'static) {
    ANSWERS.with(|slot| *slot.borrow_mut() = Some(Box::new(answers)));
}

pub(crate) fn answer(question: &Question) -> Result<TableView, SeriesError> {
    let unknown = || match question {
        Question::Reduce(query, ..) | Question::Quantile(query, ..) => {
            SeriesError::NoSuchMetric(query.selector.metric.clone())
        }
        Question::Promql(_) => SeriesError::Unavailable("no Prometheus in a test".to_owned()),
    };
    ANSWERS
        .with(|slot| {
            slot.borrow()
                .as_ref()
                .map_or_else(|| Err(unknown()), |answers| answers(question))
        })
        .map(Into::into)
}

#[cfg(feature = "check")]
mod snapshots {
    use crate::snapshot::Frozen;
    use crate::{ObservationGap, Snapshot, TableData};

    /// Puts a snapshot together.
    #[derive(Debug, Clone, Default)]
    pub struct SnapshotBuilder {
        frozen: Frozen,
    }

    impl SnapshotBuilder {
        /// An empty snapshot of this subject.
        #[must_use]
        pub fn of(subject: &str) -> Self {
            Self {
                frozen: Frozen {
                    subject: subject.to_owned(),
                    ..Frozen::default()
                },
            }
        }

        /// Adds a table.
        #[must_use]
        pub fn table(mut self, table: TableData) -> Self {
            self.frozen.tables.insert(table.name.clone(), table);
            self
        }

        /// Adds a table as it was some ticks ago.
        #[must_use]
        pub fn past_table(mut self, table: TableData, ticks_ago: u32) -> Self {
            self.frozen
                .past
                .insert((table.name.clone(), ticks_ago), table);
            self
        }

        /// Adds something that could not be observed.
        #[must_use]
        pub fn gap(mut self, gap: ObservationGap) -> Self {
            self.frozen.gaps.push(gap);
            self
        }

        /// Sets the tick and its time, in nanoseconds since the epoch.
        #[must_use]
        pub fn at(mut self, tick: u64, taken_at: u64) -> Self {
            self.frozen.tick = tick;
            self.frozen.taken_at = taken_at;
            self
        }

        /// The snapshot.
        #[must_use]
        pub fn build(self) -> Snapshot {
            self.frozen.into()
        }
    }
}
