//! The failure modes of a TiKV cluster.

mod certificates;
mod compaction;
mod cpu;
mod disk_space;
mod disks;
mod endings;
mod hot;
mod housekeeping;
mod links;
mod pd;
mod pd_resources;
mod pools;
mod pressure;
mod replicas;
mod restarts;
mod scheduling;
mod stores;
mod stuck;

use operator_plugin::knowledge::FailureMode;

/// All failure modes.
pub(super) fn all() -> Vec<FailureMode> {
    [
        certificates::all(),
        compaction::all(),
        cpu::all(),
        disk_space::all(),
        disks::all(),
        endings::all(),
        hot::all(),
        housekeeping::all(),
        links::all(),
        pd::all(),
        pd_resources::all(),
        pools::all(),
        pressure::all(),
        replicas::all(),
        restarts::all(),
        scheduling::all(),
        stores::all(),
        stuck::all(),
    ]
    .concat()
}

/// Checks of the stages of the request path.
const STAGES: [&str; 12] = [
    "append-latency",
    "apply-latency",
    "apply-wait",
    "commit-latency",
    "disk-inspection",
    "propose-wait",
    "raft-rounds",
    "read-index-latency",
    "read-pool-wait",
    "request-latency",
    "scheduler-latency",
    "write-latency",
];

/// Signals of the same stages.
const STAGE_SIGNALS: [&str; 14] = [
    "append-p99",
    "apply-p99",
    "apply-wait-p99",
    "commit-p99",
    "inspect-p99",
    "latch-p99",
    "log-queue-p99",
    "propose-wait-p99",
    "raft-sync-p99",
    "read-index-p99",
    "read-wait-p99",
    "request-p99",
    "scheduler-p99",
    "write-p99",
];

/// Checks of thread pools and of the CPU quota.
const POOLS: [&str; 7] = [
    "apply-cpu",
    "grpc-cpu",
    "processor-quota",
    "raftstore-cpu",
    "read-pool-cpu",
    "scheduler-cpu",
    "store-writer-cpu",
];

/// Signals of the same pools.
const POOL_SIGNALS: [&str; 6] = [
    "apply-cores",
    "grpc-cores",
    "processor-cores",
    "raftstore-cores",
    "read-cores",
    "scheduler-cores",
];

/// Signals of the load on a store.
const FLOWS: [&str; 5] = [
    "request-rate",
    "store-read-flow",
    "store-read-keys",
    "store-write-flow",
    "store-write-keys",
];

/// Checks of PD's abnormal-replica counts.
const REPLICAS: [&str; 6] = [
    "no-down-peers",
    "no-extra-peers",
    "no-lingering-learners",
    "no-missing-peers",
    "pending-peers-drain",
    "replica-majority",
];
