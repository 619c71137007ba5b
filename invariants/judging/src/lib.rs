//! What the checks of TiKV share: when not to judge, how one store is told from the others, how slow is slow.
//!
//! Numbers and guards follow the dossier on TiKV that the catalogue in `invariants/README.md` was made from.

pub mod entities;
pub mod guards;
pub mod locus;
pub mod metrics;
pub mod stage;
pub mod threshold;

#[cfg(all(feature = "examples", not(target_arch = "wasm32")))]
#[expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and should stop where an example is wrong"
)]
pub mod examples;
