//! PD, the control plane: members, leader, clocks, disk.

mod clock;
mod etcd;
mod leader;
mod members;

use operator_plugin::{Check, Invariants, PluginInfo};

/// The check plugin.
pub struct PdControl;

impl Invariants for PdControl {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "pd-control".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "PD has a quorum, one leader, agreeing clocks and a disk that keeps up"
                .to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            members::quorum(),
            members::healthy(),
            members::one_cluster(),
            leader::single(),
            leader::is_etcd_leader(),
            leader::stable(),
            clock::drift(),
            clock::tso(),
            clock::jumps(),
            etcd::disk(),
            etcd::space(),
        ]
    }
}

operator_plugin::export_invariants!(PdControl);
