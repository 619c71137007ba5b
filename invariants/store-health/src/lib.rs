//! Stores: whether they are there, heard of, started once, and not slow.

mod heartbeat;
mod restart;
mod slow;
mod stuck;
mod up;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The module.
pub struct StoreHealth;

impl Invariants for StoreHealth {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "store-health".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "every store is up, heard of, not restarted, not slow and not stuck".to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            up::store_up(),
            up::same_view(),
            heartbeat::fresh(),
            restart::none(),
            slow::score(),
            slow::busy(),
            stuck::threads(),
            stuck::disk_probe(),
        ]
    }
}

operator_plugin::export_invariants!(StoreHealth);
