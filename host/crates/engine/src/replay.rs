//! Deciding recorded ticks again: by the code that decided them, which must give the same bytes, or by other
//! code, to see what would have been different.

mod again;
mod against;
mod loaded;

pub use again::{Difference, Replayed, again};
pub use against::{Against, Flip, against};
pub use loaded::{ReplayError, limits};
