//! Load: hot regions, and the balance of leaders and data over the stores.

mod balance;
mod between_reports;
mod hot_list;
mod hot_region;
mod transfers;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Load;

impl Checks for Load {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "load",
            env!("CARGO_PKG_VERSION"),
            "no region is hot, and leaders and data are balanced over the stores",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            hot_region::written(),
            hot_region::read(),
            hot_list::of_pd(),
            balance::leaders(),
            balance::regions(),
            balance::every_store_leads(),
            transfers::stay(),
        ]
    }
}

operator_plugin::export_checks!(Load);
