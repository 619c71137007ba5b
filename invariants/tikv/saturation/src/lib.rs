//! Resources that run out before requests get slow: threads, CPUs, memory, queues, compaction.

mod oom;
mod pools;
mod queues;
mod quota;
mod reads;
mod stall;

use operator_plugin::{Check, Checks, PluginInfo};

/// The check plugin.
pub struct Saturation;

impl Checks for Saturation {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "saturation",
            env!("CARGO_PKG_VERSION"),
            "no thread pool, quota, queue or compaction of a store is at its limit",
        )
    }

    fn checks() -> Vec<Check> {
        let mut checks = pools::checks();
        checks.extend([
            quota::cpu(),
            quota::memory(),
            oom::memory_used_up(),
            stall::write_stall(),
            stall::flow_control(),
            stall::shared(),
            queues::mailboxes(),
            queues::scheduler(),
            queues::raft_rounds(),
            reads::moving(),
        ]);
        checks
    }
}

operator_plugin::export_checks!(Saturation);
