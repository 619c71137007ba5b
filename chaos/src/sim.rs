//! A deterministic model of a TiKV cluster.
//!
//! Two truths are kept apart: the cluster as it is (`cluster`), and what PD believes of it (`pd::view`), which only
//! heartbeats change. Everything that an observer sees is rendered from one of them by `faces`. One seed decides all
//! that is left to chance, and observing changes nothing, so the same seed always shows the same bytes.

mod clients;
mod cluster;
pub mod config;
mod disk;
mod faces;
mod faults;
mod histogram;
mod ids;
mod key;
mod layouts;
mod links;
mod log_book;
mod number;
mod pd;
mod queue;
mod region;
mod rng;
mod slow_score;
mod stages;
mod store;
mod world;

use crate::cards::Card;
use crate::scenario::{FaultKind, Scenario, Variant};
use cluster::{Cluster, Event};
use config::ClusterConfig;

/// A simulated cluster under observation.
#[derive(Debug)]
pub struct Simulator {
    cluster: Cluster,
}

impl Simulator {
    /// A healthy cluster.
    #[must_use]
    pub fn new(config: ClusterConfig) -> Self {
        Self {
            cluster: Cluster::new(config),
        }
    }

    /// A cluster to which a variant of a scenario will happen.
    #[must_use]
    pub fn with_scenario(config: ClusterConfig, scenario: &Scenario, variant: &Variant) -> Self {
        let mut simulator = Self::new(config.shaped(&variant.shape));
        for fault in &variant.faults {
            simulator.cluster.after(
                scenario.onset_ms + fault.after_ms,
                Event::Fault(fault.kind.clone()),
            );
        }
        simulator
    }

    /// A cluster to which a card will happen.
    #[must_use]
    pub fn with_card(config: ClusterConfig, card: &Card) -> Self {
        let scenario = card.scenario();
        Self::with_scenario(config, &scenario, &card.variant(&card.id))
    }

    /// Something happens to the cluster now, for example what undoes a card.
    pub fn suffer(&mut self, fault: &FaultKind) {
        self.cluster.suffer(fault);
    }

    /// For the judge of a run, not for an observer: the key of the component at fault, where only the run could
    /// choose it.
    #[must_use]
    pub fn chosen_component(&self) -> Option<String> {
        self.hot_region().map(|id| id.to_string())
    }

    /// For the judge of a run, not for an observer: the region that a fault made hot.
    #[must_use]
    pub fn hot_region(&self) -> Option<u64> {
        self.cluster.hot_region.map(|region| region.0)
    }
}

#[cfg(test)]
mod tests;
