//! Space on the stores' disks.

mod foreign;
mod full;
mod shared;
mod space;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The check plugin.
pub struct Disk;

impl Invariants for Disk {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "disk".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "every store has space to write, and its disk holds mostly its own data"
                .to_owned(),
        }
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

operator_plugin::export_invariants!(Disk);
