//! Stores as processes: starting, ending, relieving and enlarging them.

use operator_plugin::knowledge::{Action, Risk};

use super::action;

/// What starts, ends or relieves a store.
pub(super) fn processes() -> Vec<Action> {
    vec![
        action(
            "start-store",
            "Start the store's process again",
            "The store comes back with its data and catches up; leaders return within minutes",
            Risk::Low,
            "if it died of its data or its disk, it dies again",
            "tiup cluster stop CLUSTER -N {address}",
            &[
                "its disk is there and not full",
                "no other process uses its data directory",
            ],
            &[
                "tiup cluster start CLUSTER -N {address}",
                "pd-ctl -u {pd} store {key}",
            ],
        ),
        action(
            "kill-store",
            "End the store's process",
            "Its connections close, clients let go of it, and its leaders are elected elsewhere within 10 to 20 s",
            Risk::Medium,
            "takes a replica away; where another one is missing, regions lose their majority",
            "tiup cluster start CLUSTER -N {address}",
            &[
                "all other stores are up",
                "every region keeps a majority without it",
            ],
            &["kill -9 $(pgrep -f 'tikv-server.*{address}')  # on its machine"],
        ),
        action(
            "evict-leaders",
            "Move all leaders away from the store",
            "Other stores serve its regions within a minute or two; it goes on following",
            Risk::Medium,
            "the other stores get its work, and may be near their limits",
            "pd-ctl -u {pd} scheduler remove evict-leader-scheduler-{key}",
            &[
                "the other stores have processor and disk to spare",
                "no more than a third of the stores is evicted",
            ],
            &["pd-ctl -u {pd} scheduler add evict-leader-scheduler {key}"],
        ),
        action(
            "remove-eviction",
            "Let the store lead again",
            "PD moves leaders back to it within minutes",
            Risk::Low,
            "disturbs an upgrade that is still running",
            "pd-ctl -u {pd} scheduler add evict-leader-scheduler {key}",
            &["nobody is upgrading or maintaining the store"],
            &["pd-ctl -u {pd} scheduler remove evict-leader-scheduler-{key}"],
        ),
    ]
}

pub(super) fn pools() -> Vec<Action> {
    [pools_of_raft(), pools_of_requests()].concat()
}

fn pools_of_raft() -> Vec<Action> {
    vec![
        action(
            "enlarge-raftstore-pool",
            "Give Raft more threads",
            "Spreads the regions of the store over more threads, at once",
            Risk::Medium,
            "takes processor from everything else",
            "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":2}'",
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-pool-size\":4}'",
            ],
        ),
        action(
            "enlarge-store-io-pool",
            "Give the Raft log more writers",
            "Shares the writing of the Raft log among more threads",
            Risk::Medium,
            "takes processor from everything else",
            "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-io-pool-size\":OLD}'",
            &["the machine has cores to spare", "its disk is not slow"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep store-io-pool-size",
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.store-io-pool-size\":NEW}'",
            ],
        ),
        action(
            "enlarge-apply-pool",
            "Give applying more threads",
            "Spreads what is to be applied over more threads, at once",
            Risk::Medium,
            "takes processor from everything else",
            "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.apply-pool-size\":2}'",
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"raftstore.apply-pool-size\":4}'",
            ],
        ),
    ]
}

fn pools_of_requests() -> Vec<Action> {
    vec![
        action(
            "enlarge-grpc-pool",
            "Give requests more threads",
            "Requests wait less for being taken",
            Risk::Medium,
            "the process is restarted: its leaders move, and each region has one replica less for a minute",
            "set the old number and restart it again",
            &["the machine has cores to spare", "all other stores are up"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep grpc-concurrency",
                "tiup cluster edit-config CLUSTER  # server.grpc-concurrency under tikv",
                "tiup cluster reload CLUSTER -N {address}",
            ],
        ),
        action(
            "enlarge-scheduler-pool",
            "Give the write scheduler more threads",
            "Write commands wait less, at once",
            Risk::Medium,
            "takes processor from everything else",
            "curl -sS -X POST http://{status_address}/config -d '{\"storage.scheduler-worker-pool-size\":OLD}'",
            &["the machine has cores to spare"],
            &[
                "curl -sS http://{status_address}/config | tr ',' '\\n' | grep scheduler-worker-pool-size",
                "curl -sS -X POST http://{status_address}/config -d '{\"storage.scheduler-worker-pool-size\":NEW}'",
            ],
        ),
        action(
            "enlarge-read-pool",
            "Give reads more threads",
            "Reads wait less, at once",
            Risk::Medium,
            "takes processor from writes",
            "curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":OLD}'",
            &["the machine has cores to spare"],
            &[
                "curl -sS -X POST http://{status_address}/config -d '{\"readpool.unified.max-thread-count\":NEW}'",
            ],
        ),
        action(
            "raise-processor-limit",
            "Give the store more processor time",
            "Raises its container's limit, or moves the neighbour away",
            Risk::Low,
            "a container may have to be restarted for it",
            "set the old limit again",
            &["throttled periods or steal time were seen on its machine"],
            &[
                "cat /sys/fs/cgroup/cpu.stat  # in its container: nr_throttled grows",
                "docker update --cpus NEW CONTAINER_OF_{key}",
            ],
        ),
    ]
}
