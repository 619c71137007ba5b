//! Replication: coverage of the key space, leaders, and replicas of each region.

mod keyspace;
mod majority;
mod peers;
mod removal;
mod sizes;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The check plugin.
pub struct Replication;

impl Invariants for Replication {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "replication".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "the key space is covered, and every region has a leader and its replicas"
                .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        let mut checks = peers::checks();
        checks.extend([
            peers::pending(),
            sizes::split(),
            sizes::merged(),
            keyspace::no_holes(),
            keyspace::led(),
            keyspace::no_missing_leaders(),
            majority::replicas(),
            majority::rules(),
            removal::has_room(),
        ]);
        checks
    }
}

operator_plugin::export_invariants!(Replication);
