//! Load: whether one region takes most of it, and whether the stores share the rest.

mod balance;
mod between_reports;
mod hot_list;
mod hot_region;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The module.
pub struct Load;

impl Invariants for Load {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "load".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "no region takes most of the load, and the stores share leaders and data"
                .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            hot_region::written(),
            hot_region::read(),
            hot_list::of_pd(),
            balance::leaders(),
            balance::regions(),
            balance::every_store_leads(),
        ]
    }
}

operator_plugin::export_invariants!(Load);
