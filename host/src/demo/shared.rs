//! The simulator, shared by the pipeline (as any world) and the score (which asks for the ground truth).

use operator_sim::Simulator;
use operator_world::{Answer, World};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A simulator with two owners.
#[derive(Clone)]
pub(super) struct SharedSimulator(Arc<Mutex<Simulator>>);

impl SharedSimulator {
    pub(super) fn new(simulator: Simulator) -> Self {
        Self(Arc::new(Mutex::new(simulator)))
    }

    /// For the score: the key of the component chosen at run time.
    pub(super) fn chosen_component(&self) -> Option<String> {
        self.simulator().chosen_component()
    }

    fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.0.lock()
    }
}

impl World for SharedSimulator {
    fn now_ms(&self) -> u64 {
        self.simulator().now_ms()
    }

    fn advance_to(&mut self, ms: u64) {
        self.simulator().advance_to(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        self.simulator().request(origin, method, path_and_query)
    }

    fn listens(&self, origin: &str) -> bool {
        self.simulator().listens(origin)
    }

    fn origins(&self) -> Vec<String> {
        self.simulator().origins()
    }

    fn log_sources(&self) -> Vec<String> {
        self.simulator().log_sources()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        self.simulator().read_log(source, lines_max)
    }

    fn targets(&self) -> BTreeMap<String, String> {
        self.simulator().targets()
    }
}
