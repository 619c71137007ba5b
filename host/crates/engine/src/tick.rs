//! The pipeline: the only place that knows the order of the stages.
//!
//! `observe → freeze → (swap check plugins) → check ‖ detect → diagnose → decide → verify →
//! ticket`, then the decision log, then the store. One tick never overlaps the next.

mod assemble;
mod changes;
mod journal_events;
mod observer;
mod pipeline;
mod plugin_health;
mod recording_start;
mod source;
mod subject_file;

pub use assemble::{Assembly, AssemblyError, assemble, config_digest};
pub use observer::Observer;
pub use pipeline::{Pipeline, TickReport};
pub use recording_start::Recordable;
pub use source::{ObserveFuture, SnapshotSource, SubjectChange};
pub use subject_file::SubjectFile;

#[cfg(test)]
mod tests;
