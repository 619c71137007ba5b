//! What the checks of TiKV share: when a check must not conclude anything, how one store is compared with the
//! others, which latency is slow, and how state is kept from one tick to the next.

pub mod entities;
pub mod guards;
pub mod metrics;
pub mod outlier;
pub mod stage;
pub mod state;
pub mod threshold;

#[cfg(all(feature = "examples", not(target_arch = "wasm32")))]
#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and should stop where an example is wrong"
)]
pub mod examples;
