//! The conveyor: the only place that knows the order of the stages.
//!
//! `observe → freeze → (swap modules) → check ‖ detect → diagnose → decide → verify → ticket`, then the
//! decision log, then the store. One tick never overlaps the next.

mod assemble;
mod changes;
mod conveyor;
mod eyes;
mod observer;
mod record;
mod subject_file;
mod told;
mod troubles;

pub use assemble::{Assembly, AssemblyError, assemble, config_digest};
pub use conveyor::{Conveyor, TickReport};
pub use eyes::{Eyes, Looking, SubjectChange};
pub use observer::Observer;
pub use record::Recordable;
pub use subject_file::SubjectFile;

#[cfg(test)]
mod tests;
