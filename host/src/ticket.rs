//! Stage 6: open, update, resolve, reopen. One incident key has at most one open ticket.
//!
//! This is a function of the register and its arguments: what is decided here is written to the journal
//! first and to the store then, by [`crate::store::Book`].

mod compose;
mod material;
mod register;

pub use compose::{Proposal, compose, withhold};
pub(crate) use register::number;
pub use register::{Entry, REOPEN_WITHIN_MS, Register};

#[cfg(test)]
pub(crate) mod tests;
