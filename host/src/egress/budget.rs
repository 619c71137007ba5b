//! What one tick may spend.

use super::EgressLimits;
use crate::model::Timestamp;
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
        Self { deadline: Some(deadline), requests: 0, bytes: 0 }
    }

    /// Takes one request, if there is one left.
    pub(super) fn take(&mut self, limits: &EgressLimits) -> bool {
        if self.requests >= limits.requests_per_tick_max || self.bytes >= limits.bytes_per_tick_max {
            return false;
        }
        self.requests += 1;
        true
    }

    /// Counts the body of an answer.
    pub(super) fn spend_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Time until the deadline; before the first tick there is none.
    pub(super) fn remaining(&self, now: Timestamp) -> Option<Duration> {
        self.deadline.map(|deadline| Duration::from_millis(deadline.since_ms(now)))
    }
}
