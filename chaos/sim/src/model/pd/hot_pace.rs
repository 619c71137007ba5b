//! How often PD's hot-region scheduler acts, and what it expects of operators that are on their way.

use super::hot_cache::{HotKind, HotRates};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::{real, whole};
use std::collections::{BTreeMap, VecDeque};

/// It acts so often at most, and so seldom at least when there is nothing to do
/// (`pd: pkg/schedule/schedulers/hot_region.go`).
const INTERVAL_MS: (u64, u64) = (1_000, 20_000);
/// A turn for nothing makes it wait so much longer.
const BACK_OFF: f64 = 1.3;

/// Loads are remembered so often, for so many samples: a store must have been above or below the mean in all of them
/// (PD's history of store loads: 30 s, 5 min).
const SAMPLE_MS: u64 = 30_000;
const SAMPLES: usize = 10;

/// What can be moved, and what that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Move {
    /// Reads follow the leader, and so does a leader's part of writing.
    Leader,
    /// Every replica writes.
    Peer,
}

impl Move {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Leader, Self::Peer];
}

/// Hotness of a region that moves from one store to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    /// Whose.
    pub region: RegionId,
    /// Where it was.
    pub from: StoreId,
    /// Where it will be.
    pub to: StoreId,
    /// How much.
    pub rates: HotRates,
    /// When stores have reported it.
    pub until_ms: u64,
}

/// The scheduler's memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotPace {
    next_ms: u64,
    interval_ms: u64,
    writes: bool,
    shifts: Vec<(HotKind, Shift)>,
    sampled_ms: u64,
    samples: BTreeMap<(HotKind, Move, StoreId), VecDeque<f64>>,
}

impl HotPace {
    /// What it examines now, if it is its turn.
    pub(crate) fn turn(&mut self, now_ms: u64) -> Option<HotKind> {
        if now_ms < self.next_ms {
            return None;
        }
        self.shifts.retain(|(_, shift)| shift.until_ms > now_ms);
        self.writes = !self.writes;
        Some(if self.writes {
            HotKind::Write
        } else {
            HotKind::Read
        })
    }

    /// A turn is over; whether it found something to do.
    pub(crate) fn went(&mut self, found: bool, now_ms: u64) {
        let longer_ms = whole(real(self.interval_ms) * BACK_OFF);
        self.interval_ms = if found {
            INTERVAL_MS.0
        } else {
            longer_ms.clamp(INTERVAL_MS.0, INTERVAL_MS.1)
        };
        self.next_ms = now_ms + self.interval_ms;
    }

    /// Whether it is time for a sample.
    pub(crate) fn is_sampled(&mut self, now_ms: u64) -> bool {
        let due = now_ms >= self.sampled_ms + SAMPLE_MS;
        if due {
            self.sampled_ms = now_ms;
        }
        due
    }

    /// A store's load, as a multiple of the mean.
    pub(crate) fn sample(&mut self, of: (HotKind, Move, StoreId), ratio: f64) {
        let samples = self.samples.entry(of).or_default();
        samples.push_back(ratio);
        if samples.len() > SAMPLES {
            samples.pop_front();
        }
    }

    /// Whether something held of all samples of a store, of which there must be enough.
    pub(crate) fn always(&self, of: (HotKind, Move, StoreId), holds: fn(f64) -> bool) -> bool {
        let samples = self
            .samples
            .get(&of)
            .filter(|samples| samples.len() == SAMPLES);
        samples.is_some_and(|samples| samples.iter().all(|ratio| holds(*ratio)))
    }

    /// An operator is on its way.
    pub(crate) fn expect(&mut self, kind: HotKind, shift: Shift) {
        self.shifts.push((kind, shift));
    }

    /// A store's load when the operators on their way have come to their end.
    pub(crate) fn expected(
        &self,
        kind: HotKind,
        store: StoreId,
        load: HotRates,
        due: impl Fn(&Shift) -> bool,
    ) -> HotRates {
        let due = self
            .shifts
            .iter()
            .filter(|(of, shift)| *of == kind && due(shift));
        due.fold(load, |load, (_, shift)| match store {
            store if store == shift.from => load.minus(shift.rates),
            store if store == shift.to => load.plus(shift.rates),
            _ => load,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_more_seldom_while_there_is_nothing_to_do() {
        let mut pace = HotPace::default();
        let mut turns = 0;
        for second in 0..120 {
            if pace.turn(second * 1_000).is_some() {
                turns += 1;
                pace.went(false, second * 1_000);
            }
        }
        assert!((10..25).contains(&turns), "{turns}");
    }

    #[test]
    fn what_is_on_its_way_counts_until_stores_report_it() {
        let rates = HotRates {
            bytes: 5.0,
            keys: 5.0,
            queries: 0.0,
        };
        let shift = Shift {
            region: RegionId(8),
            from: StoreId(1),
            to: StoreId(4),
            rates,
            until_ms: 60_000,
        };
        let mut pace = HotPace::default();
        pace.expect(HotKind::Write, shift);
        let load = HotRates {
            bytes: 9.0,
            keys: 9.0,
            queries: 0.0,
        };
        let keys = |pace: &HotPace, store| {
            pace.expected(HotKind::Write, StoreId(store), load, |_| true)
                .keys
        };
        let near = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(
            near(keys(&pace, 1), 4.0) && near(keys(&pace, 4), 14.0) && near(keys(&pace, 5), 9.0)
        );
        assert!(pace.turn(60_000).is_some());
        assert!(near(keys(&pace, 1), 9.0));
    }
}
