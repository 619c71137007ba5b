//! The TiKV subject: how to observe a cluster, and the failure modes of TiKV.
//!
//! `observe` runs one tick. Each other module covers one part of PD or TiKV: its responses and the
//! table built from them. `TABLES.md` documents the tables.

mod cluster;
mod configuration;
mod hot;
mod installation;
mod knowledge;
mod log_activity;
mod log_events;
mod log_format;
mod logs;
mod members;
mod metrics;
mod nodes;
mod observe;
mod pd;
mod pd_state;
mod pd_url;
mod process_logs;
mod region_repair;
mod region_scan;
mod regions;
mod response;
mod safepoints;
mod schedule;
mod schedulers;
mod settings;
mod shapes;
mod stores;
mod tiflash;
mod topology;
mod units;

use operator_plugin::{
    KnowledgeBase, Observation, ObserveContext, PluginError, PluginInfo, Subject, World,
};

/// The TiKV subject.
#[derive(Debug, Clone)]
pub struct Tikv {
    configuration: configuration::Configuration,
    observer: observe::Observer,
}

impl Subject for Tikv {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "tikv".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Observes a TiKV cluster through PD, its stores' status servers and its logs"
                .to_owned(),
        }
    }

    fn configure(config: &str) -> Result<Self, PluginError> {
        Ok(Self {
            configuration: configuration::read(config)?,
            observer: observe::Observer::default(),
        })
    }

    fn observe(
        &mut self,
        world: &mut dyn World,
        context: &ObserveContext,
    ) -> Result<Observation, PluginError> {
        Ok(self.observer.observe(world, &self.configuration, context))
    }

    fn knowledge(&self) -> Result<KnowledgeBase, PluginError> {
        Ok(knowledge::base())
    }
}

operator_plugin::export_subject!(Tikv);
