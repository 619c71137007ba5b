//! Where snapshots come from: a subject, or a recording of one.

use super::subject_file::SubjectFile;
use operator_check::{LoadedModule, SwapEvent};
use operator_data::Snapshot;
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Tick, Timestamp};
use operator_net::egress::EgressCounters;
use operator_recording::PortTraffic;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future that stays on its thread: a warm subject cannot be shared between threads.
pub type ObserveFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The first two stages, for those after them.
pub trait SnapshotSource: Send {
    /// Name and version of the subject.
    fn subject(&self) -> String;
    /// Name of the subject and digest of its component.
    fn plugin(&self) -> (String, String);
    /// The subject's expertise.
    fn knowledge(&self) -> &Arc<KnowledgeBase>;
    /// The operator's clock.
    fn now(&self) -> Timestamp;
    /// The time of the observed system.
    fn observed_now(&self) -> Timestamp;
    /// Learns what time it is in the observed system, before the first observation.
    fn prime(&self) -> ObserveFuture<'_, ()>;
    /// A tick begins; the operator's clock, which stands still for all of it.
    fn begin_tick(&mut self) -> Timestamp {
        self.now()
    }
    /// What changes about the subject between the last tick and this one. Nothing has changed
    /// before [`Self::commit`].
    fn boundary(&mut self) -> Vec<SubjectChange> {
        Vec::new()
    }
    /// Puts the changes into effect.
    fn commit(&mut self) {}
    /// What changed about the subject while it looked: it was rolled back.
    fn take_changes(&mut self) -> Vec<SubjectChange> {
        Vec::new()
    }
    /// The file that new versions of the subject come from, if there is one.
    fn file(&self) -> Option<Arc<SubjectFile>> {
        None
    }
    /// Takes one observation and freezes it.
    fn observe(&mut self, tick: Tick) -> ObserveFuture<'_, Arc<Snapshot>>;
    /// What happened to the requests so far.
    fn egress(&self) -> EgressCounters {
        EgressCounters::default()
    }
    /// What came through the ports since the last call, for a recording.
    fn seen(&self) -> PortTraffic {
        PortTraffic::default()
    }
}

/// Another version of the subject is active, or was refused.
#[derive(Debug, Clone)]
pub struct SubjectChange {
    /// The event.
    pub event: SwapEvent,
    /// The active version from now on, if it is another one.
    pub counts: Option<LoadedModule>,
}
