//! Playback speed of virtual time.

use std::time::Duration;

/// Virtual time relative to real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as possible.
    Unpaced,
    /// A readable pace: fast while nothing happens, slower from the fault on.
    Readable,
    /// Virtual seconds per second.
    Times(f64),
}

/// While the detectors learn: 120 ticks in at most 4 s.
const LEARNING_TICK_MS: u64 = 33;

/// From the fault on: 120 ticks in at most 18 s, which keeps a demo of four minutes below 30 s.
const EVENTFUL_TICK_MS: u64 = 120;

impl Speed {
    /// How long to pause after a tick that took `took_ms`.
    pub(super) fn pause(self, eventful: bool, took_ms: u64) -> Duration {
        let tick_ms = match self {
            Self::Unpaced => 0,
            Self::Readable if eventful => EVENTFUL_TICK_MS,
            Self::Readable => LEARNING_TICK_MS,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0 ..= 60,000"
            )]
            Self::Times(factor) => (1_000.0 / factor).clamp(0.0, 60_000.0) as u64,
        };
        Duration::from_millis(tick_ms.saturating_sub(took_ms))
    }
}
