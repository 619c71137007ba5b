//! Load that exceeds the capacity of a store or of the whole cluster.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, consequences, outlier};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const RAFTSTORE: &str = "tikv: components/raftstore/src/store";
const FLOW_CONTROL: &str = "tikv: src/storage/txn/flow_controller";

pub(super) fn all() -> Vec<FailureMode> {
    vec![client_overload(), key_conflicts(), memory()]
}

fn client_overload() -> FailureMode {
    FailureMode::new("client-overload", "cluster", Severity::Warning, 0.02)
        .description(
            "Cluster overloaded by clients",
            "Load has grown on all stores alike, and all of them are slow or saturated. \
            No single store, region or disk stands out.",
        )
        .evidence(overload_evidence())
        .consequences(load_consequences(Scope::Anyone))
        .alternatives(&[
            "cpu-starved",
            "hot-write-region",
            "hot-read-region",
            "slow-disk",
        ])
        .options(&[
            ("reduce-load", Fitness::Best, "takes effect within a minute"),
            (
                "add-store",
                Fitness::Acceptable,
                "a permanent fix, but it takes hours to help",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if the cause is a batch job that will finish",
            ),
            (
                "evict-leaders",
                Fitness::Harmful,
                "puts the same load on fewer stores",
            ),
        ])
        .revisit_when(
            "one store turns out to be slower than the others, or the load does not \
            fall",
        )
}

fn overload_evidence() -> Vec<EvidenceRule> {
    [shared_load_evidence(), single_cause_evidence()].concat()
}

/// Load has grown, and all stores are at their limits.
fn shared_load_evidence() -> Vec<EvidenceRule> {
    vec![
        anomaly(Scope::Anyone, "request-rate")
            .ratios(4.0, 0.4)
            .group("load")
            .explains()
            .because(
                "clients send more requests than before",
                "tikv: src/server/service",
            ),
        check(Scope::Anyone, "processor-quota")
            .ratios(5.0, 0.6)
            .group("limit")
            .explains()
            .because("stores use their full CPU quota", "tikv: src/server"),
        check(Scope::Anyone, "flow-control")
            .ratios(3.0, 0.9)
            .group("limit")
            .explains()
            .because("stores reject writes", FLOW_CONTROL),
        check(Scope::Itself, "flow-control-shared")
            .ratios(12.0, 0.95)
            .group("limit")
            .explains()
            .because("all stores reject writes, not just one", FLOW_CONTROL),
        anomaly(Scope::Anyone, "store-write-flow")
            .ratios(3.0, 0.9)
            .group("load")
            .explains()
            .because(
                "clients write more bytes than before",
                "pd: pkg/statistics/store_collection.go",
            ),
        check(Scope::Anyone, "scheduler-not-busy")
            .ratios(3.0, 0.9)
            .group("limit")
            .explains()
            .because("stores reject writes", "tikv: src/storage/txn/scheduler.rs"),
        check(Scope::Anyone, "request-latency")
            .ratios(3.0, 0.6)
            .group("slow")
            .explains()
            .because("requests are slow", "tikv: src/server/service"),
        check(Scope::Anyone, "read-pool-wait")
            .ratios(2.5, 0.8)
            .group("slow")
            .explains()
            .because("reads wait for busy threads", "tikv: src/read_pool.rs"),
    ]
}

/// A single store, region or link stands out, which contradicts overload.
fn single_cause_evidence() -> Vec<EvidenceRule> {
    vec![
        outlier(Scope::Anyone, "commit-p99")
            .ratios(0.4, 1.1)
            .group("network")
            .because(
                "a single store that waits for its followers has a different cause",
                RAFTSTORE,
            ),
        check(Scope::Anyone, "hot-write-region")
            .ratios(0.05, 1.3)
            .group("locus")
            .because(
                "a single hot region would be the cause",
                "pd: pkg/statistics/hot_peer_cache.go",
            ),
        check(Scope::Anyone, "hot-read-region")
            .ratios(0.05, 1.3)
            .group("locus")
            .because(
                "a single hot region would be the cause",
                "pd: pkg/statistics/hot_peer_cache.go",
            ),
        outlier(Scope::Anyone, "processor-cores")
            .ratios(0.15, 1.3)
            .group("alone")
            .because(
                "growing load is shared; a single busy store has a different cause",
                "tikv: src/server",
            ),
        check(Scope::Anyone, "store-up")
            .ratios(0.1, 1.2)
            .group("lost")
            .because(
                "a lost store would explain the load on the others",
                "pd: pkg/core/store.go",
            ),
        outlier(Scope::Anyone, "raft-sync-p99")
            .ratios(0.3, 1.3)
            .group("disk")
            .because(
                "a single slow disk would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
    ]
}

fn key_conflicts() -> FailureMode {
    FailureMode::new("key-conflicts", "store", Severity::Warning, 0.01)
        .description(
            "Write conflicts on the same keys",
            "Writes on {name} wait for other writes to the same keys: many clients \
            update one key or a few keys at the same time.",
        )
        .evidence(vec![
            outlier(Scope::Itself, "latch-p99")
                .ratios(12.0, 0.1)
                .group("latch")
                .explains()
                .because(
                    "writes wait for the latches of their keys",
                    "tikv: src/storage/txn/latch.rs",
                ),
            anomaly(Scope::Itself, "latch-p99")
                .ratios(6.0, 0.3)
                .group("latch")
                .explains()
                .because(
                    "writes wait longer for latches than before",
                    "tikv: src/storage/txn/latch.rs",
                ),
            check(Scope::Itself, "scheduler-latency")
                .ratios(3.0, 0.6)
                .explains()
                .because(
                    "write commands are slow",
                    "tikv: src/storage/txn/scheduler.rs",
                ),
            check(Scope::Itself, "write-latency")
                .ratios(0.3, 1.5)
                .because(
                    "slow writes hold their latches longer and would be the cause",
                    RAFTSTORE,
                ),
        ])
        .consequences(consequences(
            Scope::Itself,
            &["request-latency", "scheduler-not-busy"],
            &["request-p99", "scheduler-p99"],
            "commands queue behind the latch",
            "tikv: src/storage/txn/scheduler.rs",
        ))
        .alternatives(&["hot-write-region", "slow-disk"])
        .options(&[
            (
                "change-keys",
                Fitness::Best,
                "only the application can spread or batch the updates of a single key",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "fewer concurrent writers wait less",
            ),
            ("wait", Fitness::Acceptable, "if a batch job is running"),
            (
                "split-region",
                Fitness::Useless,
                "a single key cannot be split",
            ),
        ])
        .revisit_when("the stages after the latch become slow too")
}

fn memory() -> FailureMode {
    FailureMode::new("memory-pressure", "store", Severity::Warning, 0.015)
        .description(
            "Memory nearly exhausted",
            "{name} uses more than 80 % of its memory. Next, the kernel OOM-kills the \
            process, without a line in its log.",
        )
        .evidence(vec![
            check(Scope::Itself, "memory-quota")
                .ratios(25.0, 0.03)
                .explains()
                .because(
                    "it uses more than 80 % of its memory",
                    "tikv: components/tikv_util/src/sys",
                ),
            anomaly(Scope::Itself, "memory")
                .ratios(3.0, 0.8)
                .explains()
                .because(
                    "its memory usage grows",
                    "tikv: components/tikv_util/src/sys",
                ),
            check(Scope::Itself, "memory-outlived")
                .ratios(0.05, 1.0)
                .because(
                    "the process has exited meanwhile",
                    "tikv: components/tikv_util/src/sys",
                ),
            check(Scope::Others, "store-up").ratios(1.5, 1.0).because(
                "Raft logs are retained for a follower that is down",
                "tikv: components/raftstore/src/store/peer_storage.rs",
            ),
        ])
        .consequences(consequences(
            Scope::Itself,
            &["append-latency", "request-latency"],
            &["append-p99", "request-p99"],
            "near its limit it rejects appends",
            "tikv: src/server/raft_client.rs",
        ))
        .alternatives(&["client-overload", "store-ended-for-memory"])
        .options(&[
            (
                "shrink-block-cache",
                Fitness::Best,
                "effective immediately; more reads go to disk",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "large scans hold memory until they end",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "moves reads and their memory to other stores",
            ),
            ("wait", Fitness::Acceptable, "while it does not grow"),
        ])
        .revisit_when("it exceeds 90 %, or the kernel OOM-kills the process")
}

pub(super) fn load_consequences(scope: Scope) -> Vec<EvidenceRule> {
    let because = "everything queues behind the saturated resource";
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
