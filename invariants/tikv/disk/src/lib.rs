//! Space on the stores' disks.

mod foreign;
mod full;
mod shared;
mod space;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Disk;

impl Checks for Disk {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "disk",
            env!("CARGO_PKG_VERSION"),
            "every store has space to write, and its disk holds mostly its own data",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            space::left(),
            shared::room(),
            full::writable(),
            foreign::own(),
            foreign::capacity_spread(),
        ]
    }
}

operator_plugin::export_checks!(Disk);
