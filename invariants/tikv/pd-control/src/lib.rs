//! PD, the control plane: members, leader, clocks, disk.

mod clock;
mod etcd;
mod leader;
mod members;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct PdControl;

impl Checks for PdControl {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "pd-control",
            env!("CARGO_PKG_VERSION"),
            "PD has a quorum, one leader, agreeing clocks and a disk that keeps up",
        )
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

operator_plugin::export_checks!(PdControl);
