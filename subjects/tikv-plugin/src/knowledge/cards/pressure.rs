//! Load that a store or the whole cluster cannot carry.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};

use super::super::rules::{Write, anomaly, card, check, consequences, outlier};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const RAFTSTORE: &str = "tikv: components/raftstore/src/store";
const FLOW_CONTROL: &str = "tikv: src/storage/txn/flow_controller";

pub(super) fn cards() -> Vec<Card> {
    vec![
        client_overload(),
        raftstore(),
        read_pool(),
        key_conflicts(),
        write_stall(),
        flow_control(),
        memory(),
    ]
}

fn client_overload() -> Card {
    card("client-overload", "cluster", Severity::Warning, 0.02)
        .says(
            "Clients ask for more than the cluster can do",
            "Load has grown on all stores alike, and all of them are slow or at their limit. No single store, \
             region or disk stands out.",
        )
        .seen_by(signs_of_overload())
        .brings(of_load(Scope::Anyone))
        .unlike(&["cpu-starved", "hot-write-region", "hot-read-region", "slow-disk"])
        .cured_by(&[
            ("reduce-load", Fitness::Best, "acts within a minute"),
            ("add-store", Fitness::Acceptable, "lasting, but takes hours to help"),
            ("wait", Fitness::Acceptable, "if it is a batch that ends"),
            ("evict-leaders", Fitness::Harmful, "gives the same load to fewer stores"),
        ])
        .until("one store turns out to be slower than the others, or the load does not fall")
}

fn signs_of_overload() -> Vec<EvidenceRule> {
    vec![
        anomaly(Scope::Anyone, "request-rate")
            .weighs(4.0, 0.4)
            .group("load")
            .explains()
            .because(
                "clients ask more often than before",
                "tikv: src/server/service",
            ),
        check(Scope::Anyone, "processor-quota")
            .weighs(5.0, 0.6)
            .group("limit")
            .explains()
            .because("stores use all their processors", "tikv: src/server"),
        check(Scope::Anyone, "flow-control")
            .weighs(3.0, 0.9)
            .group("limit")
            .explains()
            .because("stores turn writes away", FLOW_CONTROL),
        check(Scope::Itself, "flow-control-shared")
            .weighs(12.0, 0.95)
            .group("limit")
            .explains()
            .because("all stores turn writes away, not one", FLOW_CONTROL),
        anomaly(Scope::Anyone, "store-write-flow")
            .weighs(3.0, 0.9)
            .group("load")
            .explains()
            .because(
                "clients write more bytes than before",
                "pd: pkg/statistics/store_collection.go",
            ),
        check(Scope::Anyone, "scheduler-not-busy")
            .weighs(3.0, 0.9)
            .group("limit")
            .explains()
            .because(
                "stores turn writes away",
                "tikv: src/storage/txn/scheduler.rs",
            ),
        check(Scope::Anyone, "request-latency")
            .weighs(3.0, 0.6)
            .group("slow")
            .explains()
            .because("requests are slow", "tikv: src/server/service"),
        check(Scope::Anyone, "read-pool-wait")
            .weighs(2.5, 0.8)
            .group("slow")
            .explains()
            .because(
                "reads wait for threads that are all busy",
                "tikv: src/read_pool.rs",
            ),
        outlier(Scope::Anyone, "commit-p99")
            .weighs(0.4, 1.1)
            .group("network")
            .because(
                "one store that waits for its followers is another matter",
                RAFTSTORE,
            ),
        check(Scope::Anyone, "hot-write-region")
            .weighs(0.05, 1.3)
            .group("locus")
            .because(
                "one hot region would be the cause",
                "pd: pkg/statistics/hot_peer_cache.go",
            ),
        check(Scope::Anyone, "hot-read-region")
            .weighs(0.05, 1.3)
            .group("locus")
            .because(
                "one hot region would be the cause",
                "pd: pkg/statistics/hot_peer_cache.go",
            ),
        outlier(Scope::Anyone, "processor-cores")
            .weighs(0.15, 1.3)
            .group("alone")
            .because(
                "load that grows is shared; one store alone is another matter",
                "tikv: src/server",
            ),
        check(Scope::Anyone, "store-up")
            .weighs(0.1, 1.2)
            .group("lost")
            .because(
                "a lost store would explain the load of the others",
                "pd: pkg/core/store.go",
            ),
        outlier(Scope::Anyone, "raft-sync-p99")
            .weighs(0.3, 1.3)
            .group("disk")
            .because(
                "one slow disk would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
    ]
}

fn raftstore() -> Card {
    card("raftstore-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Raft threads at their limit",
            "The Raft threads of {name} are busy nearly all the time: proposals wait for them before anything \
             is written.",
        )
        .seen_by(vec![
            check(Scope::Itself, "raftstore-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because("its Raft threads have no time left", RAFTSTORE),
            check(Scope::Itself, "propose-wait")
                .weighs(4.0, 0.6)
                .explains()
                .because("proposals wait for them", RAFTSTORE),
            check(Scope::Itself, "mailboxes-not-full")
                .weighs(4.0, 0.9)
                .explains()
                .because("their mailboxes are full", RAFTSTORE),
            outlier(Scope::Itself, "raft-sync-p99").weighs(0.4, 1.3).because(
                "a slow disk would make proposals wait as well",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            check(Scope::Neighbours, "hot-write-region")
                .weighs(0.3, 1.1)
                .because("one hot region would be the cause", "pd: pkg/statistics/hot_peer_cache.go"),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "hot-write-region"])
        .cured_by(&[
            ("enlarge-raftstore-pool", Fitness::Best, "acts at once, if the machine has cores to spare"),
            ("reduce-load", Fitness::Acceptable, "fewer or larger batches of writes"),
            ("evict-leaders", Fitness::Acceptable, "halves its work; the others must have room"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
        ])
        .until("its machine has no core to spare, or one region takes most of the writes")
}

fn read_pool() -> Card {
    card("read-pool-saturated", "store", Severity::Warning, 0.015)
        .says(
            "Read threads at their limit",
            "Reads of {name} wait for its read threads, which are busy nearly all the time.",
        )
        .seen_by(vec![
            check(Scope::Itself, "read-pool-cpu")
                .weighs(20.0, 0.05)
                .explains()
                .because(
                    "its read threads have no time left",
                    "tikv: src/read_pool.rs",
                ),
            check(Scope::Itself, "read-pool-wait")
                .weighs(4.0, 0.5)
                .explains()
                .because("reads wait for them", "tikv: src/read_pool.rs"),
            outlier(Scope::Itself, "store-read-flow")
                .weighs(1.5, 0.9)
                .because("it is asked for more than the others", "pd: pkg/statistics"),
            check(Scope::Neighbours, "hot-read-region")
                .weighs(0.2, 1.2)
                .because(
                    "one hot region would be the cause",
                    "pd: pkg/statistics/hot_peer_cache.go",
                ),
        ])
        .brings(of_load(Scope::Itself))
        .unlike(&["cpu-starved", "hot-read-region"])
        .cured_by(&[
            (
                "enlarge-read-pool",
                Fitness::Best,
                "acts at once, if the machine has cores to spare",
            ),
            (
                "read-from-followers",
                Fitness::Acceptable,
                "three stores serve what one served",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "large scans are the first to look at",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a scan is running that ends",
            ),
        ])
        .until("its machine has no core to spare, or one region takes most of the reads")
}

fn key_conflicts() -> Card {
    card("key-conflicts", "store", Severity::Warning, 0.01)
        .says(
            "Writes to the same keys wait for each other",
            "Writes on {name} wait for other writes to the same keys: the application updates one key, or few, \
             from many places.",
        )
        .seen_by(vec![
            outlier(Scope::Itself, "latch-p99")
                .weighs(12.0, 0.1)
                .group("latch")
                .explains()
                .because("writes wait for latches of their keys", "tikv: src/storage/txn/latch.rs"),
            anomaly(Scope::Itself, "latch-p99")
                .weighs(6.0, 0.3)
                .group("latch")
                .explains()
                .because("writes wait for latches longer than before", "tikv: src/storage/txn/latch.rs"),
            check(Scope::Itself, "scheduler-latency")
                .weighs(3.0, 0.6)
                .explains()
                .because("write commands are slow", "tikv: src/storage/txn/scheduler.rs"),
            check(Scope::Itself, "write-latency")
                .weighs(0.3, 1.5)
                .because("slow writes hold their latches longer, and would be the cause", RAFTSTORE),
        ])
        .brings(consequences(
            Scope::Itself,
            &["request-latency", "scheduler-not-busy"],
            &["request-p99", "scheduler-p99"],
            "commands queue behind the latch",
            "tikv: src/storage/txn/scheduler.rs",
        ))
        .unlike(&["hot-write-region", "slow-disk"])
        .cured_by(&[
            ("change-keys", Fitness::Best, "only the application can spread or batch the updates of one key"),
            ("reduce-load", Fitness::Acceptable, "fewer writers wait less"),
            ("wait", Fitness::Acceptable, "if a batch is running"),
            ("split-region", Fitness::Useless, "a single key cannot be split"),
        ])
        .until("writes are slow after the latch as well")
}

fn write_stall() -> Card {
    card("write-stall", "store", Severity::Critical, 0.02)
        .says(
            "Storage engine stalls writes",
            "Compaction or flushing of {name} cannot keep up: its storage engine slows writes down or stops \
             them. The reason is in the name of the stall.",
        )
        .seen_by(vec![
            check(Scope::Itself, "write-stall")
                .weighs(25.0, 0.05)
                .explains()
                .because("its storage engine reports stalls", "tikv: components/engine_rocks/src/event_listener.rs"),
            anomaly(Scope::Itself, "compaction-debt")
                .weighs(4.0, 0.8)
                .group("debt")
                .explains()
                .because("bytes pile up before compaction", "tikv: components/engine_rocks"),
            anomaly(Scope::Itself, "level-0-files")
                .weighs(4.0, 0.8)
                .group("debt")
                .explains()
                .because("files pile up at level 0", "tikv: components/engine_rocks"),
            anomaly(Scope::Itself, "memtables")
                .weighs(3.0, 0.9)
                .group("debt")
                .explains()
                .because("memory tables wait to be flushed", "tikv: components/engine_rocks"),
            check(Scope::Itself, "apply-latency")
                .weighs(3.0, 0.8)
                .explains()
                .because("applying waits for the engine", "tikv: components/raftstore/src/store/fsm/apply.rs"),
            outlier(Scope::Itself, "raft-sync-p99").weighs(0.6, 1.2).because(
                "a slow disk would show in the Raft log too, which that engine does not keep",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
        ])
        .brings(of_compaction())
        .unlike(&["flow-control", "slow-disk"])
        .cured_by(&[
            ("reduce-load", Fitness::Best, "acts at once and lets compaction catch up"),
            ("raise-compaction-threads", Fitness::Acceptable, "if processor and disk have room"),
            ("wait", Fitness::Acceptable, "while the debt falls"),
            ("limit-background-writes", Fitness::Harmful, "slows the very compaction that is behind"),
        ])
        .until("the debt grows for 10 minutes, or only one store stalls: then its disk is the cause")
}

fn flow_control() -> Card {
    card("flow-control", "store", Severity::Warning, 0.02)
        .says(
            "Flow control turns writes away",
            "{name} turns a share of the writes away, so that its storage engine need not stop them all: \
             compaction is behind.",
        )
        .seen_by(vec![
            check(Scope::Itself, "flow-control")
                .weighs(25.0, 0.05)
                .explains()
                .because("it discards a share of the writes", FLOW_CONTROL),
            anomaly(Scope::Itself, "compaction-debt")
                .weighs(4.0, 0.8)
                .group("debt")
                .explains()
                .because("bytes pile up before compaction", "tikv: components/engine_rocks"),
            anomaly(Scope::Itself, "level-0-files")
                .weighs(4.0, 0.8)
                .group("debt")
                .explains()
                .because("files pile up at level 0", "tikv: components/engine_rocks"),
            check(Scope::Anyone, "flow-control-shared")
                .weighs(0.1, 1.0)
                .because("all stores do so: the load is the matter, not this store", FLOW_CONTROL),
            check(Scope::Itself, "write-stall")
                .weighs(0.5, 1.1)
                .because("with flow control the engine itself does not stall", FLOW_CONTROL),
        ])
        .brings(of_compaction())
        .unlike(&["slow-disk", "write-stall"])
        .cured_by(&[
            ("reduce-load", Fitness::Best, "acts at once and lets compaction catch up"),
            ("wait", Fitness::Acceptable, "stable, if slower; bulk loads end"),
            ("raise-compaction-threads", Fitness::Acceptable, "if processor and disk have room"),
            ("limit-background-writes", Fitness::Harmful, "slows the very compaction that is behind"),
        ])
        .until("it lasts for 30 minutes, or only one store is concerned")
}

fn memory() -> Card {
    card("memory-pressure", "store", Severity::Warning, 0.015)
        .says(
            "Memory nearly used up",
            "{name} uses more than four fifths of its memory. The next step is the kernel, which ends the \
             process without a line in its log.",
        )
        .seen_by(vec![
            check(Scope::Itself, "memory-quota")
                .weighs(25.0, 0.03)
                .explains()
                .because("it uses more than 80 % of its memory", "tikv: components/tikv_util/src/sys"),
            anomaly(Scope::Itself, "memory")
                .weighs(3.0, 0.8)
                .explains()
                .because("its memory grows", "tikv: components/tikv_util/src/sys"),
            check(Scope::Itself, "memory-outlived")
                .weighs(0.05, 1.0)
                .because("the process has ended meanwhile", "tikv: components/tikv_util/src/sys"),
            check(Scope::Others, "store-up").weighs(1.5, 1.0).because(
                "logs are kept for a follower that is away",
                "tikv: components/raftstore/src/store/peer_storage.rs",
            ),
        ])
        .brings(consequences(
            Scope::Itself,
            &["append-latency", "request-latency"],
            &["append-p99", "request-p99"],
            "near its limit it rejects appends",
            "tikv: src/server/raft_client.rs",
        ))
        .unlike(&["client-overload", "store-ended-for-memory"])
        .cured_by(&[
            ("shrink-block-cache", Fitness::Best, "acts at once; reads from disk grow"),
            ("reduce-load", Fitness::Acceptable, "large scans hold memory until they end"),
            ("evict-leaders", Fitness::Acceptable, "moves reads and their memory away"),
            ("wait", Fitness::Acceptable, "while it does not grow"),
        ])
        .until("it passes 90 %, or the process is ended by the kernel")
}

pub(super) fn of_load(scope: Scope) -> Vec<EvidenceRule> {
    let because = "everything waits behind what is at its limit";
    let mut rules = consequences(scope, &STAGES, &STAGE_SIGNALS, because, RAFTSTORE);
    rules.extend(consequences(
        scope,
        &POOLS,
        &POOL_SIGNALS,
        because,
        RAFTSTORE,
    ));
    rules.extend(consequences(
        scope,
        &[
            "mailboxes-not-full",
            "scheduler-not-busy",
            "store-busy",
            "store-slow",
        ],
        &FLOWS,
        because,
        RAFTSTORE,
    ));
    rules
}

fn of_compaction() -> Vec<EvidenceRule> {
    let because = "writes wait for the storage engine";
    let checks = [
        "apply-latency",
        "apply-wait",
        "flow-control",
        "propose-wait",
        "request-latency",
        "scheduler-latency",
        "scheduler-not-busy",
        "write-latency",
        "write-stall",
    ];
    let signals = [
        "apply-p99",
        "apply-wait-p99",
        "discarded",
        "request-p99",
        "scheduler-p99",
        "stalls",
        "write-p99",
    ];
    consequences(Scope::Itself, &checks, &signals, because, FLOW_CONTROL)
}
