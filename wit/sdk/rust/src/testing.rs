//! Stands in for Operator in tests that run on the author's machine.

use std::cell::RefCell;

use crate::{MetricsError, Query, Reduction, TableData, TableView};

#[cfg(feature = "invariant")]
pub use snapshots::SnapshotBuilder;

/// A question that the code under test put to the series store.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// `Query::reduce` with its window in milliseconds.
    Reduce(Query, Reduction, u64),
    /// `Query::quantile` with the quantile and the window in milliseconds.
    Quantile(Query, f64, u64),
    /// `promql`.
    Promql(String),
}

type Answers = Box<dyn Fn(&Asked) -> Result<TableData, MetricsError>>;

thread_local! {
    static ANSWERS: RefCell<Option<Answers>> = const { RefCell::new(None) };
}

/// Answers the questions of this test's thread from now on. Without it every metric is unknown.
pub fn answer_metrics(answers: impl Fn(&Asked) -> Result<TableData, MetricsError> + 'static) {
    ANSWERS.with(|slot| *slot.borrow_mut() = Some(Box::new(answers)));
}

pub(crate) fn answer(asked: &Asked) -> Result<TableView, MetricsError> {
    let unknown = || match asked {
        Asked::Reduce(query, ..) | Asked::Quantile(query, ..) => {
            MetricsError::NoSuchMetric(query.selector.metric.clone())
        }
        Asked::Promql(_) => MetricsError::Unavailable("no prometheus in a test".to_owned()),
    };
    ANSWERS
        .with(|slot| {
            slot.borrow()
                .as_ref()
                .map_or_else(|| Err(unknown()), |answers| answers(asked))
        })
        .map(Into::into)
}

#[cfg(feature = "invariant")]
mod snapshots {
    use crate::snapshot::Frozen;
    use crate::{BlindSpot, Snapshot, TableData};

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

        /// Adds something that could not be seen.
        #[must_use]
        pub fn blind(mut self, source: &str, reason: &str) -> Self {
            self.frozen.blind.push(BlindSpot {
                source: source.to_owned(),
                reason: reason.to_owned(),
            });
            self
        }

        /// Sets the tick and its time, in nanoseconds since the epoch.
        #[must_use]
        pub fn at(mut self, tick: u64, taken_at: u64) -> Self {
            (self.frozen.tick, self.frozen.taken_at) = (tick, taken_at);
            self
        }

        /// The snapshot.
        #[must_use]
        pub fn build(self) -> Snapshot {
            self.frozen.into()
        }
    }
}
