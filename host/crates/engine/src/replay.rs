//! Replaying recorded ticks: by the code that decided them, which must produce the same bytes, or
//! by other code, to see the differences.

mod again;
mod against;
mod loaded;

pub use again::{Difference, Replayed, again};
pub use against::{Against, Flip, against};
pub use loaded::{ReplayError, limits};
