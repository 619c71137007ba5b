//! Tickets and events for the terminal.
