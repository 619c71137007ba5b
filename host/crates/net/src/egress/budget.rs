//! What one tick may spend, and how fast one origin may be queried.

use super::{EgressLimits, Rate};
use operator_model::Timestamp;
use std::time::Duration;

/// Counts the requests and bytes of the current tick.
#[derive(Debug, Default)]
pub(super) struct TickBudget {
    deadline: Option<Timestamp>,
    requests: u32,
    bytes: u64,
}

impl TickBudget {
    /// A fresh budget until `deadline`.
    pub(super) fn until(deadline: Timestamp) -> Self {
        Self {
            deadline: Some(deadline),
            requests: 0,
            bytes: 0,
        }
    }

    /// Takes one request, if there is one left.
    pub(super) fn take(&mut self, limits: &EgressLimits) -> bool {
        if self.requests >= limits.requests_per_tick_max || self.bytes >= limits.bytes_per_tick_max
        {
            return false;
        }
        self.requests += 1;
        true
    }

    /// Counts the body of an answer.
    pub(super) fn spend_bytes(&mut self, bytes: usize) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Time until the deadline; before the first tick there is none.
    pub(super) fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.deadline
            .map(|deadline| Duration::from_millis(deadline.since_ms(now)))
    }
}

/// Requests that one origin may get now: as many as the burst, refilled with time.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// Thousandths of a request, so that every millisecond counts.
    millitokens: u64,
    filled_at: Timestamp,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn full(rate: Rate, now: Timestamp) -> Self {
        Self {
            millitokens: burst_millitokens(rate),
            filled_at: now,
        }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// How long until there is one.
    pub(super) fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let per_second = u64::from(rate.requests_per_second_max).max(1);
        let refilled = now.since_ms(self.filled_at).saturating_mul(per_second);
        self.millitokens = self
            .millitokens
            .saturating_add(refilled)
            .min(burst_millitokens(rate));
        self.filled_at = now;
        match self.millitokens.checked_sub(1_000) {
            Some(rest) => {
                self.millitokens = rest;
                Ok(())
            }
            None => Err(Duration::from_millis(
                (1_000 - self.millitokens).div_ceil(per_second),
            )),
        }
    }
}

fn burst_millitokens(rate: Rate) -> u64 {
    u64::from(rate.requests_burst_max)
        .max(1)
        .saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let rate = Rate {
            requests_per_second_max: 4,
            requests_burst_max: 2,
        };
        let mut bucket = TokenBucket::full(rate, Timestamp(1_000));
        assert_eq!(bucket.take(rate, Timestamp(1_000)), Ok(()));
        assert_eq!(bucket.take(rate, Timestamp(1_000)), Ok(()));
        assert_eq!(
            bucket.take(rate, Timestamp(1_000)),
            Err(Duration::from_millis(250))
        );
        assert_eq!(
            bucket.take(rate, Timestamp(1_200)),
            Err(Duration::from_millis(50))
        );
        assert_eq!(bucket.take(rate, Timestamp(1_250)), Ok(()));
        assert!(bucket.take(rate, Timestamp(1_250)).is_err());
        let much_later = Timestamp(1_000_000);
        assert_eq!(
            (bucket.take(rate, much_later), bucket.take(rate, much_later)),
            (Ok(()), Ok(()))
        );
        assert!(
            bucket.take(rate, much_later).is_err(),
            "no more than the burst is saved"
        );
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let rate = Rate {
            requests_per_second_max: 1,
            requests_burst_max: 1,
        };
        let mut bucket = TokenBucket::full(rate, Timestamp(5_000));
        assert_eq!(bucket.take(rate, Timestamp(5_000)), Ok(()));
        assert!(bucket.take(rate, Timestamp(4_000)).is_err());
    }
}
