//! Saturated thread pools on a store that has CPU to spare.

use operator_plugin::Severity;
use operator_plugin::knowledge::{FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, outlier};
use super::pressure::load_consequences;

const RAFTSTORE: &str = "tikv: components/raftstore/src/store";
const APPLY: &str = "tikv: components/raftstore/src/store/fsm/apply.rs";
const SCHEDULER: &str = "tikv: src/storage/txn/scheduler.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        log_writers(),
        request_threads(),
        apply_threads(),
        write_scheduler(),
        raftstore(),
        read_pool(),
    ]
}

fn log_writers() -> FailureMode {
    FailureMode::new("log-writers-saturated", "store", Severity::Warning, 0.015)
        .description(
            "Raft log writers saturated",
            "The store writer threads of {name}, which write the Raft log, are busy \
            nearly all the time: proposals wait for them before they reach the disk.",
        )
        .evidence(vec![
            check(Scope::Itself, "store-writer-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because(
                    "its store writers have no capacity left",
                    "tikv: components/raftstore/src/store/async_io/write.rs",
                ),
            anomaly(Scope::Itself, "log-queue-p99")
                .ratios(4.0, 0.8)
                .group("queue")
                .explains()
                .because(
                    "writes wait for a store writer",
                    "tikv: components/raftstore/src/store/async_io/write.rs",
                ),
            check(Scope::Itself, "append-latency")
                .ratios(2.0, 0.9)
                .group("append")
                .explains()
                .because(
                    "the wait is part of the append latency",
                    "tikv: components/raftstore/src/store/async_io/write.rs",
                ),
            outlier(Scope::Itself, "raft-sync-p99")
                .ratios(0.4, 1.3)
                .because(
                    "a slow disk would keep the writers waiting, not busy",
                    "tikv: components/raftstore/src/store/async_io/write.rs",
                ),
            check(Scope::Itself, "processor-quota")
                .ratios(0.5, 1.1)
                .because(
                    "a CPU-starved store has no CPU for its writers either",
                    "tikv: src/server",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "raftstore-saturated", "slow-disk"])
        .options(&[
            (
                "enlarge-store-io-pool",
                Fitness::Best,
                "spreads the log over more threads, if the machine has cores to spare",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "fewer or larger write batches",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "removes part of its load; it still writes the log as a follower",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
        ])
        .revisit_when("its machine has no cores to spare, or its disk turns out to be slow")
}

fn request_threads() -> FailureMode {
    FailureMode::new("grpc-saturated", "store", Severity::Warning, 0.015)
        .description(
            "gRPC threads saturated",
            "The gRPC threads of {name} are busy nearly all the time: requests wait \
            before any work is done for them.",
        )
        .evidence(vec![
            check(Scope::Itself, "grpc-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because(
                    "its gRPC threads have no capacity left",
                    "tikv: src/server/server.rs",
                ),
            check(Scope::Itself, "request-latency")
                .ratios(2.0, 0.8)
                .group("requests")
                .explains()
                .because("requests wait for them", "tikv: src/server/service"),
            check(Scope::Itself, "scheduler-latency")
                .ratios(0.6, 1.2)
                .group("behind")
                .because(
                    "the stages behind them are not slow: requests wait before they are \
                    accepted",
                    "tikv: src/storage/txn/scheduler.rs",
                ),
            check(Scope::Itself, "processor-quota")
                .ratios(0.5, 1.1)
                .because(
                    "a CPU-starved store has no CPU for requests either",
                    "tikv: src/server",
                ),
            check(Scope::Neighbours, "hot-read-region")
                .ratios(0.4, 1.1)
                .because(
                    "a single hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "client-overload", "read-pool-saturated"])
        .options(&[
            (
                "enlarge-grpc-pool",
                Fitness::Best,
                "a permanent fix; requires a restart of the process",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "clients that batch send fewer requests; effective immediately",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "its requests move to other stores, which need capacity for them",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
        ])
        .revisit_when(
            "its machine has no cores to spare, or a few requests return large \
            responses",
        )
}

fn apply_threads() -> FailureMode {
    FailureMode::new("apply-saturated", "store", Severity::Warning, 0.015)
        .description(
            "Apply threads saturated",
            "The apply threads of {name} are busy nearly all the time: committed \
            entries wait for them before clients get a response.",
        )
        .evidence(vec![
            check(Scope::Itself, "apply-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because("its apply threads have no capacity left", APPLY),
            check(Scope::Itself, "apply-wait")
                .ratios(4.0, 0.6)
                .explains()
                .because("committed entries wait for them", APPLY),
            check(Scope::Itself, "write-stall")
                .ratios(0.3, 1.1)
                .because(
                    "a stalling storage engine would keep them waiting, not busy",
                    APPLY,
                ),
            check(Scope::Neighbours, "hot-write-region")
                .ratios(0.3, 1.1)
                .because(
                    "a single hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "hot-write-region", "write-stall"])
        .options(&[
            (
                "enlarge-apply-pool",
                Fitness::Best,
                "effective immediately, if the machine has cores to spare",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "fewer or larger write batches",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "removes part of its load; it still applies as a follower",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
        ])
        .revisit_when(
            "its machine has no cores to spare, or one region receives most of the \
            writes",
        )
}

fn write_scheduler() -> FailureMode {
    FailureMode::new("scheduler-saturated", "store", Severity::Warning, 0.015)
        .description(
            "Write scheduler saturated",
            "The scheduler threads of {name} are busy nearly all the time: write \
            commands wait for them before anything is proposed.",
        )
        .evidence(vec![
            check(Scope::Itself, "scheduler-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because("its scheduler threads have no capacity left", SCHEDULER),
            check(Scope::Itself, "scheduler-latency")
                .ratios(3.0, 0.6)
                .explains()
                .because("write commands wait for them", SCHEDULER),
            outlier(Scope::Itself, "latch-p99")
                .ratios(0.5, 1.1)
                .because(
                    "writes to the same keys would wait for each other, not for a thread",
                    SCHEDULER,
                ),
            check(Scope::Neighbours, "hot-write-region")
                .ratios(0.3, 1.1)
                .because(
                    "a single hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "key-conflicts", "hot-write-region"])
        .options(&[
            (
                "enlarge-scheduler-pool",
                Fitness::Best,
                "effective immediately, if the machine has cores to spare",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "fewer or larger write batches",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "its commands move to other stores, which need capacity for them",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
        ])
        .revisit_when(
            "its machine has no cores to spare, or writes turn out to conflict on the \
            same keys",
        )
}

fn raftstore() -> FailureMode {
    FailureMode::new("raftstore-saturated", "store", Severity::Warning, 0.015)
        .description(
            "Raft threads saturated",
            "The raftstore threads of {name} are busy nearly all the time: proposals \
            wait for them before anything is written.",
        )
        .evidence(vec![
            check(Scope::Itself, "raftstore-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because("its raftstore threads have no capacity left", RAFTSTORE),
            check(Scope::Itself, "propose-wait")
                .ratios(4.0, 0.6)
                .explains()
                .because("proposals wait for them", RAFTSTORE),
            check(Scope::Itself, "mailboxes-not-full")
                .ratios(4.0, 0.9)
                .explains()
                .because("their mailboxes are full", RAFTSTORE),
            outlier(Scope::Itself, "raft-sync-p99")
                .ratios(0.4, 1.3)
                .because(
                    "a slow disk would make proposals wait too",
                    "tikv: components/raftstore/src/store/async_io/write.rs",
                ),
            check(Scope::Neighbours, "hot-write-region")
                .ratios(0.3, 1.1)
                .because(
                    "a single hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "hot-write-region"])
        .options(&[
            (
                "enlarge-raftstore-pool",
                Fitness::Best,
                "effective immediately, if the machine has cores to spare",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "fewer or larger write batches",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "halves its load; the other stores need capacity for it",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
        ])
        .revisit_when(
            "its machine has no cores to spare, or one region receives most of the \
            writes",
        )
}

fn read_pool() -> FailureMode {
    FailureMode::new("read-pool-saturated", "store", Severity::Warning, 0.015)
        .description(
            "Read pool saturated",
            "Reads on {name} wait for the unified read pool, whose threads are busy \
            nearly all the time.",
        )
        .evidence(vec![
            check(Scope::Itself, "read-pool-cpu")
                .ratios(20.0, 0.05)
                .explains()
                .because(
                    "its read threads have no capacity left",
                    "tikv: src/read_pool.rs",
                ),
            check(Scope::Itself, "read-pool-wait")
                .ratios(4.0, 0.5)
                .explains()
                .because("reads wait for them", "tikv: src/read_pool.rs"),
            outlier(Scope::Itself, "store-read-flow")
                .ratios(1.5, 0.9)
                .because(
                    "it receives more reads than the others",
                    "pd: pkg/statistics",
                ),
            check(Scope::Neighbours, "hot-read-region")
                .ratios(0.2, 1.2)
                .because(
                    "a single hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .consequences(load_consequences(Scope::Itself))
        .alternatives(&["cpu-starved", "hot-read-region"])
        .options(&[
            (
                "enlarge-read-pool",
                Fitness::Best,
                "effective immediately, if the machine has cores to spare",
            ),
            (
                "read-from-followers",
                Fitness::Acceptable,
                "three stores serve what one store served before",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "check large scans first",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a scan is running that will finish",
            ),
        ])
        .revisit_when(
            "its machine has no cores to spare, or one region receives most of the \
            reads",
        )
}
