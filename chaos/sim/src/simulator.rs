//! The simulated cluster as a [`World`].

use crate::config::ClusterConfig;
use crate::endpoints;
use crate::fault::{Fault, SimAction};
use crate::model::cluster::{Cluster, Event};
use crate::scenario::{Scenario, Variant};
use operator_world::{Answer, World};
use std::collections::BTreeMap;

/// A simulated cluster under observation.
#[derive(Debug)]
pub struct Simulator {
    pub(crate) cluster: Cluster,
}

impl Simulator {
    /// A healthy cluster.
    #[must_use]
    pub fn new(config: ClusterConfig) -> Self {
        Self {
            cluster: Cluster::new(config),
        }
    }

    /// A cluster that will play a variant of a scenario.
    #[must_use]
    pub fn with_scenario(config: ClusterConfig, scenario: &Scenario, variant: &Variant) -> Self {
        let mut simulator = Self::new(config.shaped(&variant.shape));
        for scheduled in &variant.actions {
            simulator.cluster.after(
                scenario.onset_ms + scheduled.after_ms,
                Event::Action(scheduled.action.clone()),
            );
        }
        simulator
    }

    /// A cluster that will suffer a fault.
    #[must_use]
    pub fn with_fault(config: ClusterConfig, fault: &Fault) -> Self {
        let scenario = Scenario::of_fault(fault);
        Self::with_scenario(config, &scenario, &Variant::of_fault(&fault.id, fault))
    }

    /// Applies an action now, for example one that undoes a fault.
    pub fn apply(&mut self, action: &SimAction) {
        self.cluster.apply(action);
    }

    /// For scoring, not for an observer: the key of the component at fault, when it is chosen during the run.
    #[must_use]
    pub fn chosen_component(&self) -> Option<String> {
        self.hot_region().map(|id| id.to_string())
    }

    /// For scoring, not for an observer: the region that a fault made hot.
    #[must_use]
    pub fn hot_region(&self) -> Option<u64> {
        self.cluster.hot_region.map(|region| region.0)
    }
}

impl World for Simulator {
    fn now_ms(&self) -> u64 {
        self.cluster.now_ms
    }

    fn advance_to(&mut self, ms: u64) {
        self.cluster.advance_to(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        endpoints::answer(&self.cluster, origin, method, path_and_query)
    }

    fn listens(&self, origin: &str) -> bool {
        endpoints::find(&self.cluster, origin).is_some_and(|node| node.listens(&self.cluster))
    }

    fn origins(&self) -> Vec<String> {
        endpoints::origins(&self.cluster)
    }

    fn log_sources(&self) -> Vec<String> {
        self.cluster.logs.sources()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        self.cluster.logs.read(source, lines_max)
    }

    fn targets(&self) -> BTreeMap<String, String> {
        let first = self.cluster.pd.members.first();
        first
            .map(|member| ("pd".to_owned(), member.client_url()))
            .into_iter()
            .collect()
    }
}
