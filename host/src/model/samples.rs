//! The samples of one series: a bounded ring whose copies share all but its youngest end.

use crate::model::{Sample, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Samples that are copied with each copy of a ring, at most. A copy is made and one sample appended in every
/// tick: shorter ends are cheaper to copy and have to be sealed more often.
const OPEN_MAX: usize = 16;

/// A bounded ring of samples, oldest first, strictly increasing in time.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Full pieces, oldest first; none is empty, none is ever changed.
    sealed: Arc<VecDeque<Arc<[Sample]>>>,
    /// Samples at the beginning of the oldest piece that are no longer kept; fewer than it has.
    dropped: usize,
    open: Vec<Sample>,
    length: usize,
}

impl Series {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The youngest sample.
    #[must_use]
    pub fn last(&self) -> Option<Sample> {
        self.open.last().or_else(|| self.sealed.back()?.last()).copied()
    }

    /// All samples, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> {
        self.pieces(None).flatten().copied()
    }

    /// The samples of `(begin, end]`, oldest first; from the first one on without a beginning. Fast for folds.
    pub fn window(&self, begin: Option<Timestamp>, end: Timestamp) -> impl Iterator<Item = Sample> + Clone {
        self.pieces(begin).flat_map(move |piece| between(piece, begin, end)).copied()
    }

    /// Appends a sample that is younger than all others, and lets go of the oldest beyond `samples_max`.
    pub fn push(&mut self, sample: Sample, samples_max: usize) {
        while self.length >= samples_max.max(1) {
            self.drop_oldest();
        }
        if self.open.len() >= OPEN_MAX {
            let full: Arc<[Sample]> = std::mem::take(&mut self.open).into();
            Arc::make_mut(&mut self.sealed).push_back(full);
        }
        self.open.push(sample);
        self.length += 1;
    }

    /// Lets go of all samples.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Pieces of samples, oldest first, without those that hold nothing younger than `begin`.
    fn pieces(&self, begin: Option<Timestamp>) -> impl DoubleEndedIterator<Item = &[Sample]> + Clone {
        let is_young = |piece: &[Sample]| begin.is_none_or(|begin| piece.last().is_some_and(|last| last.at > begin));
        let young = self.sealed.iter().rev().take_while(|piece| is_young(piece)).count();
        let first = self.sealed.len() - young;
        let dropped = if first == 0 { self.dropped } else { 0 };
        let mut sealed = self.sealed.range(first..).map(AsRef::as_ref);
        let oldest = sealed.next().and_then(|piece: &[Sample]| piece.get(dropped..)).unwrap_or_default();
        std::iter::once(oldest).chain(sealed).chain(std::iter::once(self.open.as_slice()))
    }

    fn drop_oldest(&mut self) {
        self.length = self.length.saturating_sub(1);
        let Some(oldest) = self.sealed.front().map(|piece| piece.len()) else {
            self.open.drain(..1.min(self.open.len()));
            return;
        };
        self.dropped += 1;
        if self.dropped >= oldest {
            Arc::make_mut(&mut self.sealed).pop_front();
            self.dropped = 0;
        }
    }
}

/// The samples of `(begin, end]` in one piece.
fn between(piece: &[Sample], begin: Option<Timestamp>, end: Timestamp) -> &[Sample] {
    let from = begin.map_or(0, |begin| piece.partition_point(|sample| sample.at <= begin));
    let to = match piece.last() {
        Some(last) if last.at > end => piece.partition_point(|sample| sample.at <= end),
        _ => piece.len(),
    };
    piece.get(from..to).unwrap_or_default()
}

impl FromIterator<Sample> for Series {
    fn from_iter<T: IntoIterator<Item = Sample>>(samples: T) -> Self {
        let mut series = Self::default();
        samples.into_iter().for_each(|sample| series.push(sample, usize::MAX));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(at: u64) -> Sample {
        Sample { at: Timestamp(at), value: 0.5 }
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
            let (mut series, mut plain, mut at) = (Series::default(), VecDeque::new(), 0);
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
