//! Terminal output: events as lines, tickets as pages.

pub mod document;
pub mod human;
pub mod render;
pub mod sink;
pub(crate) mod table;

pub use human::{HumanSink, Stamp};
pub use sink::JsonSink;
