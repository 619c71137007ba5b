//! The empty world of guests whose language runtime insists on WASI: no files, no environment, no
//! network, random numbers that are always the same, and a clock that stands at the time of the tick.

use operator_model::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

/// Random bytes of one call. Runtimes take some dozens to seed their hash tables.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// What the "random" numbers repeat. Any bytes do, as long as they never change.
const RANDOM_PATTERN: [u8; 16] = [
    0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15, 0xf3, 0x9c, 0xc0, 0x60, 0x5c, 0xed, 0xc8, 0x34,
];

/// Milliseconds since the Unix epoch, constant during one call.
#[derive(Clone, Default)]
pub(crate) struct TickClock(Arc<AtomicU64>);

impl TickClock {
    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

impl HostWallClock for TickClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(Self::now(self).0)
    }
}

impl HostMonotonicClock for TickClock {
    fn resolution(&self) -> u64 {
        1
    }

    /// Never 0: Go's runtime takes that for a broken clock.
    fn now(&self) -> u64 {
        Self::now(self).0.saturating_mul(1_000_000).max(1)
    }
}

/// WASI with nothing behind it.
pub(crate) fn empty_wasi(clock: &TickClock) -> WasiCtx {
    let random = || Deterministic::new(RANDOM_PATTERN.to_vec());
    WasiCtxBuilder::new()
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(random())
        .insecure_random(random())
        .insecure_random_seed(u128::from_le_bytes(RANDOM_PATTERN))
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}
