//! Pools of threads that have no time left, although their store has.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, Fitness, Scope};

use super::super::rules::{Write, anomaly, card, check, outlier};
use super::pressure::of_load;

const APPLY: &str = "tikv: components/raftstore/src/store/fsm/apply.rs";
const SCHEDULER: &str = "tikv: src/storage/txn/scheduler.rs";

pub(super) fn cards() -> Vec<Card> {
    vec![
        log_writers(),
        request_threads(),
        apply_threads(),
        write_scheduler(),
    ]
}

fn log_writers() -> Card {
    card("log-writers-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Raft log writers at their limit",
            "The threads of {name} that write the Raft log are busy nearly all the time: what is proposed waits \
             for them before it reaches the disk.",
        )
        .seen_by(vec![
            check(Scope::Itself, "store-writer-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because("its log writers have no time left", "tikv: components/raftstore/src/store/async_io/write.rs"),
            anomaly(Scope::Itself, "log-queue-p99")
                .weighs(4.0, 0.8)
                .group("queue")
                .explains()
                .because("writes wait for a writer", "tikv: components/raftstore/src/store/async_io/write.rs"),
            check(Scope::Itself, "append-latency").weighs(2.0, 0.9).group("append").explains().because(
                "the wait is part of writing the log",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            outlier(Scope::Itself, "raft-sync-p99").weighs(0.4, 1.3).because(
                "a slow disk would keep the writers waiting, not busy",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            check(Scope::Itself, "processor-quota")
                .weighs(0.5, 1.1)
                .because("a store without processor time has no time for its writers either", "tikv: src/server"),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "raftstore-saturated", "slow-disk"])
        .cured_by(&[
            (
                "enlarge-store-io-pool",
                Fitness::Best,
                "shares the log among more threads, if the machine has cores to spare",
            ),
            ("reduce-load", Fitness::Acceptable, "fewer or larger batches of writes"),
            ("evict-leaders", Fitness::Acceptable, "takes part of its work away; it goes on writing as a follower"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
        ])
        .until("its machine has no core to spare, or its disk turns out to be slow")
}

fn request_threads() -> Card {
    card("grpc-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Request threads at their limit",
            "The threads of {name} that take requests from the network are busy nearly all the time: requests \
             wait before anything is done for them.",
        )
        .seen_by(vec![
            check(Scope::Itself, "grpc-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because("its request threads have no time left", "tikv: src/server/server.rs"),
            check(Scope::Itself, "request-latency")
                .weighs(2.0, 0.8)
                .group("requests")
                .explains()
                .because("requests wait for them", "tikv: src/server/service"),
            check(Scope::Itself, "scheduler-latency").weighs(0.6, 1.2).group("behind").because(
                "what is behind them is not slow: requests wait in front",
                "tikv: src/storage/txn/scheduler.rs",
            ),
            check(Scope::Itself, "processor-quota")
                .weighs(0.5, 1.1)
                .because("a store without processor time has no time for requests either", "tikv: src/server"),
            check(Scope::Neighbours, "hot-read-region")
                .weighs(0.4, 1.1)
                .because("one hot region would be the cause", "pd: pkg/statistics/hot_peer_cache.go"),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "client-overload", "read-pool-saturated"])
        .cured_by(&[
            ("enlarge-grpc-pool", Fitness::Best, "lasting; the process must be restarted for it"),
            ("reduce-load", Fitness::Acceptable, "clients that send batches need fewer requests; acts at once"),
            ("evict-leaders", Fitness::Acceptable, "its requests go to other stores, which must have room"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
        ])
        .until("its machine has no core to spare, or few requests bring large answers")
}

fn apply_threads() -> Card {
    card("apply-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Apply threads at their limit",
            "The threads of {name} that apply what is agreed are busy nearly all the time: agreed writes wait for \
             them before clients are answered.",
        )
        .seen_by(vec![
            check(Scope::Itself, "apply-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because("its apply threads have no time left", APPLY),
            check(Scope::Itself, "apply-wait")
                .weighs(4.0, 0.6)
                .explains()
                .because("agreed writes wait for them", APPLY),
            check(Scope::Itself, "write-stall")
                .weighs(0.3, 1.1)
                .because("a storage engine that stalls would keep them waiting, not busy", APPLY),
            check(Scope::Neighbours, "hot-write-region")
                .weighs(0.3, 1.1)
                .because("one hot region would be the cause", "pd: pkg/statistics/hot_peer_cache.go"),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "hot-write-region", "write-stall"])
        .cured_by(&[
            ("enlarge-apply-pool", Fitness::Best, "acts at once, if the machine has cores to spare"),
            ("reduce-load", Fitness::Acceptable, "fewer or larger batches of writes"),
            ("evict-leaders", Fitness::Acceptable, "takes part of its work away; it goes on applying as a follower"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
        ])
        .until("its machine has no core to spare, or one region takes most of the writes")
}

fn write_scheduler() -> Card {
    card("scheduler-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Write scheduler at its limit",
            "The threads of {name} that prepare write commands are busy nearly all the time: commands wait for \
             them before anything is proposed.",
        )
        .seen_by(vec![
            check(Scope::Itself, "scheduler-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because("its scheduler threads have no time left", SCHEDULER),
            check(Scope::Itself, "scheduler-latency")
                .weighs(3.0, 0.6)
                .explains()
                .because("write commands wait for them", SCHEDULER),
            outlier(Scope::Itself, "latch-p99")
                .weighs(0.5, 1.1)
                .because("writes to the same keys would wait for each other, not for a thread", SCHEDULER),
            check(Scope::Neighbours, "hot-write-region")
                .weighs(0.3, 1.1)
                .because("one hot region would be the cause", "pd: pkg/statistics/hot_peer_cache.go"),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "key-conflicts", "hot-write-region"])
        .cured_by(&[
            ("enlarge-scheduler-pool", Fitness::Best, "acts at once, if the machine has cores to spare"),
            ("reduce-load", Fitness::Acceptable, "fewer or larger batches of writes"),
            ("evict-leaders", Fitness::Acceptable, "its commands go to other stores, which must have room"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
        ])
        .until("its machine has no core to spare, or writes to the same keys turn out to wait for each other")
}
