//! Stage 6: open, update, resolve, reopen. One incident key has at most one open ticket.
//!
//! This is a function of the register and its arguments: what is decided here is written to the journal
//! first and to the store then, by [`operator_journal::store::TicketLog`].

mod compose;
mod material;
mod ticket_table;

pub use compose::{Proposal, compose, withhold};
pub use operator_model::ticket::REOPEN_WITHIN_MS;
pub use ticket_table::{Entry, TicketTable, number};

#[cfg(test)]
pub(crate) mod tests;
