//! Replicas: whether the key space is whole, led, and stored as often as it should be.

mod keyspace;
mod majority;
mod peers;
mod removal;
mod sizes;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The module.
pub struct Replication;

impl Invariants for Replication {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "replication".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "the key space is whole and led, and every region has its replicas".to_owned(),
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
