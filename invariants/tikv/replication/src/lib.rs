//! Replication: coverage of the key space, leaders, and replicas of each region.

mod keyspace;
mod majority;
mod peers;
mod removal;
mod repair;
mod sizes;
mod tiflash;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Replication;

impl Checks for Replication {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "replication",
            env!("CARGO_PKG_VERSION"),
            "the key space is covered, and every region has a leader and its replicas",
        )
    }

    fn checks() -> Vec<Check> {
        let mut checks = peers::checks();
        checks.extend(repair::checks());
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
            tiflash::space(),
            tiflash::keeps_up(),
        ]);
        checks
    }
}

operator_plugin::export_checks!(Replication);
