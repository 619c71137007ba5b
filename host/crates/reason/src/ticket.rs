//! Stage 6: open, update, resolve, reopen. One incident key has at most one open ticket.
//!
//! A function of the ticket table and its arguments: the ticket log of the journal crate writes what is
//! decided here, first to the journal and then to the store.

mod compose;
mod material;
mod ticket_table;

pub use compose::{Proposal, compose, withhold};
pub use operator_model::ticket::REOPEN_WITHIN_MS;
pub use ticket_table::{Entry, TicketTable, number};

#[cfg(test)]
pub(crate) mod tests;
