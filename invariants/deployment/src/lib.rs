//! Whether a cluster was put together rightly: what `operator verify` asks of a new installation.
//!
//! The numbers follow what the project's notes on TiKV say about a cluster of three and three. The reason of a check that
//! fails says what to change; its violations say what is wrong.

mod addresses;
mod agreement;
mod leadership;
mod members;
mod replicas;
mod report;
mod servers;
mod stores;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The module.
pub struct Deployment;

impl Invariants for Deployment {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "deployment".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "PD and TiKV were started so that they form one cluster, and say so rightly"
                .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            members::answers(),
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

operator_plugin::export_invariants!(Deployment);
