//! Tickets and events for the terminal.

use crate::model::Ticket;
pub use crate::model::quantity::{bytes, duration, escape, human, measure};

/// How to write for this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderStyle {
    /// Columns.
    pub width: usize,
    /// Whether ANSI colours are wanted.
    pub color: bool,
}

/// The whole ticket for a person, ending with a line feed.
#[must_use]
pub fn ticket(ticket: &Ticket, _style: &RenderStyle) -> String {
    format!("{}\n", ticket.title)
}

/// Recent values as `▁▂▃▄▅▆▇█`, newest last, at most `width` of them.
#[must_use]
pub fn sparkline(_values: &[f64], _width: usize) -> String {
    String::new()
}
