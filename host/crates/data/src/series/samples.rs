//! The samples of one series: a bounded ring whose copies share what they hold.

use crate::Sample;
use operator_model::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Room of a series that begins.
const ROOM_MIN: usize = 8;

/// A bounded ring of samples, oldest first, strictly increasing in time.
///
/// Every snapshot copies every series, and the next tick appends to every one of them. A copy is a
/// range of a buffer that others hold, too: what is appended lies behind their ranges, so nothing
/// is copied until the buffer is full.
#[derive(Debug, Clone, Default)]
pub struct Series {
    buffer: Arc<Buffer>,
    /// Of the buffer's cells, those from here on are kept.
    begin: usize,
    end: usize,
}

/// Cells that are written once, by the ring that claims them.
///
/// The cells are atomic so that a ring may write behind the ranges that other threads read. Nothing
/// orders the writes: a range reaches another thread only by a channel or a lock, and that orders
/// all that was written before.
#[derive(Debug, Default)]
struct Buffer {
    claimed: AtomicUsize,
    cells: Box<[Cell]>,
}

/// Time, and the bits of the value.
type Cell = (AtomicU64, AtomicU64);

impl Series {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.begin
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// The youngest sample.
    #[must_use]
    pub fn last(&self) -> Option<Sample> {
        self.cells().last().map(read)
    }

    /// All samples, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> {
        self.cells().iter().map(read)
    }

    /// The samples of `(begin, end]`, oldest first; from the first one on without a beginning.
    pub fn window(
        &self,
        begin: Option<Timestamp>,
        end: Timestamp,
    ) -> impl Iterator<Item = Sample> + Clone + use<'_> {
        let young = |cell: &&Cell| begin.is_none_or(|begin| read(cell).at > begin);
        // From the youngest on: a search by halves would touch old cells, which no cache holds any
        // more.
        let cells = self.cells();
        let from = cells.len() - cells.iter().rev().take_while(young).count();
        let late = cells
            .iter()
            .rev()
            .take_while(|cell| read(cell).at > end)
            .count();
        cells
            .get(from..cells.len() - late)
            .unwrap_or_default()
            .iter()
            .map(read)
    }

    /// Appends a sample that is younger than all others, and lets go of the oldest beyond
    /// `samples_max`.
    pub fn push(&mut self, sample: Sample, samples_max: usize) {
        self.begin += (self.len() + 1).saturating_sub(samples_max.max(1));
        if !self.buffer.claim(self.end) {
            *self = self.moved();
            self.buffer.claimed.store(self.end + 1, Relaxed);
        }
        if let Some(cell) = self.buffer.cells.get(self.end) {
            write(cell, sample);
            self.end += 1;
        }
    }

    /// Lets go of all samples.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The same samples at the beginning of a buffer of their own, with half as much room again.
    fn moved(&self) -> Self {
        let room = (self.len() + self.len() / 2).max(ROOM_MIN);
        let mut cells = Vec::with_capacity(room);
        cells.extend(
            self.cells()
                .iter()
                .map(|(at, value)| (at.load(Relaxed).into(), value.load(Relaxed).into())),
        );
        cells.resize_with(room, Cell::default);
        let buffer = Buffer {
            claimed: AtomicUsize::default(),
            cells: cells.into(),
        };
        let end = self.len();
        Self {
            buffer: Arc::new(buffer),
            begin: 0,
            end,
        }
    }

    fn cells(&self) -> &[Cell] {
        self.buffer
            .cells
            .get(self.begin..self.end)
            .unwrap_or_default()
    }
}

impl Buffer {
    /// Whether the cell exists and was unclaimed.
    fn claim(&self, cell: usize) -> bool {
        cell < self.cells.len()
            && self
                .claimed
                .compare_exchange(cell, cell + 1, Relaxed, Relaxed)
                .is_ok()
    }
}

fn read((at, value): &Cell) -> Sample {
    Sample {
        at: Timestamp(at.load(Relaxed)),
        value: f64::from_bits(value.load(Relaxed)),
    }
}

fn write((at, value): &Cell, sample: Sample) {
    at.store(sample.at.0, Relaxed);
    value.store(sample.value.to_bits(), Relaxed);
}

impl FromIterator<Sample> for Series {
    fn from_iter<T: IntoIterator<Item = Sample>>(samples: T) -> Self {
        let mut series = Self::default();
        samples
            .into_iter()
            .for_each(|sample| series.push(sample, usize::MAX));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn sample(at: u64) -> Sample {
        Sample {
            at: Timestamp(at),
            value: 0.5,
        }
    }

    fn times(samples: impl Iterator<Item = Sample>) -> Vec<u64> {
        samples.map(|sample| sample.at.0).collect()
    }

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut series: Series = (0..40).map(sample).collect();
        let copy = series.clone();
        (40..80).for_each(|at| series.push(sample(at), 50));
        assert_eq!(times(copy.iter()), (0..40).collect::<Vec<u64>>());
        assert_eq!(times(series.iter()), (30..80).collect::<Vec<u64>>());
    }

    #[test]
    fn copies_that_go_on_do_not_disturb_one_another() {
        let mut one: Series = (0..10).map(sample).collect();
        let mut other = one.clone();
        (10..40).for_each(|at| one.push(sample(at), 100));
        (20..50).for_each(|at| other.push(sample(at), 100));
        assert_eq!(times(one.iter()), (0..40).collect::<Vec<u64>>());
        assert_eq!(
            times(other.iter()),
            (0..10).chain(20..50).collect::<Vec<u64>>()
        );
    }

    #[test]
    fn nothing_is_left_after_clearing() {
        let mut series: Series = (0..40).map(sample).collect();
        series.clear();
        assert!(series.is_empty() && series.last().is_none() && series.iter().next().is_none());
    }

    proptest! {
        #[test]
        fn it_is_what_a_plain_queue_would_be(
            gaps in prop::collection::vec(1_u64..5, 0..120), samples_max in 1_usize..60, begin in 0_u64..200, length in 0_u64..200,
        ) {
            let mut series = Series::default();
            let mut plain = VecDeque::new();
            let mut at = 0;
            for gap in gaps {
                at += gap;
                series.push(sample(at), samples_max);
                plain.push_back(at);
                if plain.len() > samples_max {
                    plain.pop_front();
                }
                prop_assert_eq!(series.last().map(|last| last.at.0), Some(at));
            }
            let end = begin + length;
            let inside: Vec<u64> = plain.iter().copied().filter(|at| *at > begin && *at <= end).collect();
            prop_assert_eq!(series.len(), plain.len());
            prop_assert_eq!(times(series.iter()), Vec::from(plain.clone()));
            prop_assert_eq!(times(series.iter().rev()), plain.iter().rev().copied().collect::<Vec<u64>>());
            prop_assert_eq!(times(series.window(Some(Timestamp(begin)), Timestamp(end))), inside);
        }
    }
}
