//! The cluster as a whole: versions, scheduling, links between stores, garbage collection, critical errors.

mod errors;
mod garbage;
mod links;
mod scheduling;
mod timestamps;
mod versions;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Cluster;

impl Checks for Cluster {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "cluster",
            env!("CARGO_PKG_VERSION"),
            "one version, scheduling enabled, links intact, garbage collection not blocked, no critical error",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            versions::agree(),
            scheduling::enabled(),
            scheduling::running(),
            scheduling::no_eviction(),
            scheduling::no_leftovers(),
            links::intact(),
            errors::none(),
            garbage::not_held_back(),
            garbage::advances(),
            timestamps::resolved(),
        ]
    }
}

operator_plugin::export_checks!(Cluster);
