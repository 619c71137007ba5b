//! Checks of a new installation, evaluated by `operator verify`: whether PD and TiKV are deployed correctly.
//!
//! The reason of a failed check states what to change; its violations state what is wrong.

mod addresses;
mod agreement;
mod leadership;
mod members;
mod replicas;
mod report;
mod servers;
mod stores;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Deployment;

impl Checks for Deployment {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "deployment",
            env!("CARGO_PKG_VERSION"),
            "PD and TiKV form one cluster, and every process is reachable at the addresses that it advertises",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            members::responding(),
            members::joined(),
            members::healthy(),
            leadership::one_cluster(),
            leadership::one_leader(),
            stores::bootstrapped(),
            stores::up(),
            stores::enough(),
            addresses::advertised(),
            servers::reachable(),
            agreement::versions(),
            agreement::labels(),
            agreement::clocks(),
            replicas::placed(),
            servers::metrics(),
        ]
    }
}

operator_plugin::export_checks!(Deployment);
