//! Actions on store processes: start, kill, relieve, add threads.

use operator_plugin::knowledge::{Action, Risk, command, instruction};

use super::action;

/// Actions that start, kill or relieve a store.
pub(super) fn processes() -> Vec<Action> {
    vec![
        action(
            "start-store",
            "Restart the store process",
            "The store comes back with its data and catches up; leaders return within \
            minutes",
            Risk::Low,
            "if its data or its disk made it crash, it crashes again",
            &[command("tiup cluster stop {CLUSTER} -N {address}")],
            &[
                "its disk is available and not full",
                "no other process uses its data directory",
            ],
            &[
                "tiup cluster start {CLUSTER} -N {address}",
                "pd-ctl -u {pd:url} store {key}",
            ],
        ),
        action(
            "kill-store",
            "Kill the store process",
            "Its connections close, clients fail over, and its leaders are elected \
            elsewhere within 10 to 20 s",
            Risk::Medium,
            "removes a replica; regions that already lack one lose their majority",
            &[command("tiup cluster start {CLUSTER} -N {address}")],
            &[
                "all other stores are up",
                "every region keeps a majority without it",
            ],
            &["pkill -9 -f 'tikv-server.*{address}'  # on its machine"],
        ),
        action(
            "evict-leaders",
            "Evict all leaders from the store",
            "Other stores serve its regions within 1 to 2 minutes; it remains a \
            follower",
            Risk::Medium,
            "the other stores take over its load and may be near their limits",
            &[command(
                "pd-ctl -u {pd:url} scheduler remove evict-leader-scheduler-{key}",
            )],
            &[
                "the other stores have CPU and disk headroom",
                "no more than a third of the stores is evicted",
            ],
            &["pd-ctl -u {pd:url} scheduler add evict-leader-scheduler {key}"],
        ),
        action(
            "remove-eviction",
            "Remove the leader eviction",
            "PD moves leaders back to it within minutes",
            Risk::Low,
            "interferes with an upgrade that is still running",
            &[command(
                "pd-ctl -u {pd:url} scheduler add evict-leader-scheduler {key}",
            )],
            &["the store is not being upgraded or maintained"],
            &["pd-ctl -u {pd:url} scheduler remove evict-leader-scheduler-{key}"],
        ),
    ]
}

pub(super) fn pools() -> Vec<Action> {
    [raft_pools(), request_pools()].concat()
}

fn raft_pools() -> Vec<Action> {
    vec![
        action(
            "enlarge-raftstore-pool",
            "Add raftstore threads",
            "Spreads the regions of the store over more threads; effective immediately",
            Risk::Medium,
            "takes CPU from everything else",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":2}'",
            )],
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":4}'",
            ],
        ),
        action(
            "enlarge-store-io-pool",
            "Add Raft log writers",
            "Spreads Raft log writes over more threads",
            Risk::Medium,
            "takes CPU from everything else",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-io-pool-size\":{OLD}}'",
            )],
            &["the machine has cores to spare", "its disk is not slow"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep store-io-pool-size",
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-io-pool-size\":{NEW}}'",
            ],
        ),
        action(
            "enlarge-apply-pool",
            "Add apply threads",
            "Applies log entries with more threads; effective immediately",
            Risk::Medium,
            "takes CPU from everything else",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.apply-pool-size\":2}'",
            )],
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.apply-pool-size\":4}'",
            ],
        ),
    ]
}

fn request_pools() -> Vec<Action> {
    vec![
        action(
            "enlarge-grpc-pool",
            "Add gRPC threads",
            "Requests wait less before they are accepted",
            Risk::Medium,
            "requires a process restart: its leaders move, and each region has one \
            replica less for a minute",
            &[instruction(
                "Restore the old number and restart the process again.",
            )],
            &["the machine has cores to spare", "all other stores are up"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep grpc-concurrency",
                "tiup cluster edit-config {CLUSTER}  # server.grpc-concurrency under tikv",
                "tiup cluster reload {CLUSTER} -N {address}",
            ],
        ),
        action(
            "enlarge-scheduler-pool",
            "Add scheduler threads",
            "Write commands wait less; effective immediately",
            Risk::Medium,
            "takes CPU from everything else",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.scheduler-worker-pool-size\":{OLD}}'",
            )],
            &["the machine has cores to spare"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep scheduler-worker-pool-size",
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.scheduler-worker-pool-size\":{NEW}}'",
            ],
        ),
        action(
            "enlarge-read-pool",
            "Add read pool threads",
            "Reads wait less; effective immediately",
            Risk::Medium,
            "takes CPU from writes",
            &[command(
                "curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":{OLD}}'",
            )],
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":{NEW}}'",
            ],
        ),
        action(
            "raise-processor-limit",
            "Raise the CPU limit of the store",
            "Raises its container limit or moves the competing workload away",
            Risk::Low,
            "the container may have to be restarted",
            &[instruction("Restore the old limit.")],
            &["its machine shows throttled periods or steal time"],
            &[
                "cat /sys/fs/cgroup/cpu.stat  # in its container: nr_throttled grows",
                "docker update --cpus {NEW} CONTAINER_OF_{key}",
            ],
        ),
    ]
}
