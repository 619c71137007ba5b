//! The simulator, seen by the conveyor as any other world and by the judge as what it is.

use operator_sim::Simulator;
use operator_world::{Answer, World};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A simulator with two holders.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Simulator>>);

impl Shared {
    pub(super) fn new(simulator: Simulator) -> Self {
        Self(Arc::new(Mutex::new(simulator)))
    }

    /// For the judge: the key of the component that only the run could choose.
    pub(super) fn chosen_component(&self) -> Option<String> {
        self.simulator().chosen_component()
    }

    fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for Shared {
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
