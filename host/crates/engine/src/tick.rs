//! The conveyor: the only place that knows the order of the stages.
//!
//! `observe → freeze → (swap modules) → check ‖ detect → diagnose → decide → verify → ticket`, then the
//! decision log, then the store. One tick never overlaps the next.

mod assemble;
mod changes;
mod pipeline;
mod source;
mod observer;
mod recording_start;
mod subject_file;
mod journal_events;
mod plugin_health;

pub use assemble::{Assembly, AssemblyError, assemble, config_digest};
pub use pipeline::{Pipeline, TickReport};
pub use source::{SnapshotSource, ObserveFuture, SubjectChange};
pub use observer::Observer;
pub use recording_start::Recordable;
pub use subject_file::SubjectFile;

#[cfg(test)]
mod tests;
