//! When the next tick begins. A late tick is followed immediately by the next, never overlapped by
//! it, and the ticks that had no time are counted.

use operator_model::Timestamp;
use std::time::Duration;

/// A tick every so often.
#[derive(Debug)]
pub(super) struct Pace {
    interval_ms: u64,
    /// When the next tick is due.
    due: Timestamp,
    end: Option<Timestamp>,
    skipped: u64,
}

impl Pace {
    pub(super) fn new(now: Timestamp, interval_ms: u64, duration: Option<Duration>) -> Self {
        let end = duration
            .map(|duration| now.plus_ms(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)));
        Self {
            interval_ms: interval_ms.max(1),
            due: now,
            end,
            skipped: 0,
        }
    }

    /// Whether the given time is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now >= end)
    }

    /// Ticks that were left out before the one that begins now.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// A tick ended at `now`: how long to wait for the next.
    pub(super) fn next(&mut self, now: Timestamp) -> Duration {
        // A clock that was set back must not make us wait for the past to come again.
        let began = self.due.min(now);
        let due = began.plus_ms(self.interval_ms);
        let late_ms = now.since_ms(due);
        self.skipped = late_ms / self.interval_ms;
        self.due = due.max(now);
        let until = self.end.map_or(self.due, |end| self.due.min(end));
        Duration::from_millis(until.since_ms(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_beat_and_a_late_one_is_followed_at_once() {
        let mut pace = Pace::new(Timestamp(10_000), 1_000, None);
        let mut next = |now| (pace.next(Timestamp(now)), pace.skipped());
        assert_eq!(next(10_300), (Duration::from_millis(700), 0));
        assert_eq!(next(11_999), (Duration::from_millis(1), 0));
        assert_eq!(next(15_500), (Duration::ZERO, 2));
        assert_eq!(next(15_600), (Duration::from_millis(900), 0));
    }

    #[test]
    fn a_clock_that_is_set_back_costs_one_interval_at_most() {
        let mut pace = Pace::new(Timestamp(1_000_000), 1_000, None);
        assert_eq!(pace.next(Timestamp(500_000)), Duration::from_millis(1_000));
    }

    #[test]
    fn the_end_is_not_slept_over() {
        let mut pace = Pace::new(Timestamp(0), 1_000, Some(Duration::from_millis(2_500)));
        assert_eq!(pace.next(Timestamp(2_100)), Duration::ZERO);
        let mut pace = Pace::new(Timestamp(2_000), 1_000, Some(Duration::from_millis(500)));
        assert_eq!(pace.next(Timestamp(2_100)), Duration::from_millis(400));
        assert!(pace.is_over(Timestamp(2_500)));
    }
}
