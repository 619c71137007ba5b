//! What people see on the terminal: events as lines, tickets as pages.

pub mod human;
pub mod render;
pub mod sink;

pub use human::{HumanSink, Stamp};
pub use sink::JsonSink;
