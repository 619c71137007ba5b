//! The cluster as a whole: versions, scheduling, links between stores, garbage collection, critical errors.

mod errors;
mod garbage;
mod links;
mod scheduling;
mod timestamps;
mod versions;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The check plugin.
pub struct Cluster;

impl Invariants for Cluster {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "cluster".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary:
                "one version, scheduling enabled, links intact, garbage collection not blocked, no critical error"
                    .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            versions::agree(),
            scheduling::enabled(),
            scheduling::running(),
            scheduling::no_eviction(),
            scheduling::no_leftovers(),
            links::whole(),
            errors::none(),
            garbage::not_held_back(),
            timestamps::resolved(),
        ]
    }
}

operator_plugin::export_invariants!(Cluster);
