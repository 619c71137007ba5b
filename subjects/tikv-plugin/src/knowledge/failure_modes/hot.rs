//! A single region that receives most of the load.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences, outlier};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const HOT_CACHE: &str = "pd: pkg/statistics/hot_peer_cache.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![hot_write(), hot_read()]
}

fn hot_write() -> FailureMode {
    FailureMode::new("hot-write-region", "region", Severity::Warning, 0.04)
        .description(
            "Hot write region",
            "Most writes go to {name}: a single Raft group, led by one store and \
            replicated by its peers. Other stores cannot share the load, and other \
            writes on these stores queue behind it.",
        )
        .evidence(hot_write_evidence())
        .consequences(hotspot_consequences(
            "one hot region slows everything that shares a store, a machine or a \
            replica with it",
        ))
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["region-total"],
            "hot regions are split",
            "tikv: split.qps-threshold",
        ))
        .alternatives(&["client-overload", "hot-read-region", "slow-disk"])
        .options(&[
            (
                "split-region",
                Fitness::Best,
                "splits the key range into two regions, which PD can place on two stores; \
                has little effect when a single key is hot",
            ),
            (
                "transfer-region-leader",
                Fitness::Acceptable,
                "relieves the affected store; the hotspot moves with the leader",
            ),
            (
                "scatter-region",
                Fitness::Acceptable,
                "distributes the replicas of a region that was split",
            ),
            (
                "raise-hot-schedule-limit",
                Fitness::Acceptable,
                "lets PD move more hot regions once it detects them",
            ),
            (
                "change-keys",
                Fitness::Acceptable,
                "the only lasting fix when keys are written sequentially or a single key is \
                hot",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "PD's hot-region scheduler acts by itself a few minutes after it detects \
                the hotspot",
            ),
            (
                "evict-leaders",
                Fitness::Harmful,
                "moves every region of the store, including the hot one",
            ),
        ])
        .revisit_when(
            "requests become slow for users, or the region is still hot 10 minutes \
            after a split",
        )
}

fn hot_write_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "hot-write-region")
            .ratios(30.0, 0.02)
            .group("flow")
            .explains()
            .because(
                "its write rate is many times that of the other regions",
                HOT_CACHE,
            ),
        check(Scope::Itself, "pd-hot-list")
            .ratios(4.0, 1.0)
            .group("flow")
            .explains()
            .because(
                "PD's own hot-region list confirms it, minutes later",
                HOT_CACHE,
            ),
        check(Scope::Itself, "hot-read-region")
            .ratios(0.5, 1.0)
            .because("a read hotspot has other remedies", HOT_CACHE),
        outlier(Scope::Neighbours, "scheduler-cores")
            .ratios(2.0, 0.9)
            .group("processor")
            .because(
                "the leader's store is busier than the others",
                "tikv: src/storage/txn/scheduler.rs",
            ),
        outlier(Scope::Neighbours, "raftstore-cores")
            .ratios(2.0, 0.9)
            .group("processor")
            .because(
                "the leader's Raft threads are busier than those of the other stores",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Neighbours, "store-slow")
            .ratios(0.3, 1.2)
            .because(
                "a slow disk makes a store slow at a low write rate; a hotspot does not \
                slow the disk",
                "tikv: components/health_controller/src/slow_score.rs",
            ),
    ]
}

fn hot_read() -> FailureMode {
    FailureMode::new("hot-read-region", "region", Severity::Warning, 0.03)
        .description(
            "Hot read region",
            "Most reads go to {name}, which a single store serves: the read threads and \
            the network of that store are the limit while other stores are idle.",
        )
        .evidence(hot_read_evidence())
        .consequences(hotspot_consequences(
            "one hot region slows everything that shares its store or machine",
        ))
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["region-total"],
            "hot regions are split",
            "tikv: split.qps-threshold",
        ))
        .alternatives(&["client-overload", "hot-write-region", "read-pool-saturated"])
        .options(&[
            (
                "split-region",
                Fitness::Best,
                "splits the key range into two regions, which two stores can serve; has no \
                effect on a single hot key",
            ),
            (
                "read-from-followers",
                Fitness::Acceptable,
                "three stores serve what one store served before",
            ),
            (
                "transfer-region-leader",
                Fitness::Acceptable,
                "relieves the affected store; the hotspot moves with the leader",
            ),
            (
                "change-keys",
                Fitness::Acceptable,
                "a cache in front of a single hot key is the only lasting fix",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "load-based split acts after 10 s, and PD moves the parts within minutes",
            ),
            (
                "evict-leaders",
                Fitness::Harmful,
                "moves every region of the store, including the hot one",
            ),
        ])
        .revisit_when("requests become slow for users, or the region stays hot for 5 minutes")
}

fn hot_read_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "hot-read-region")
            .ratios(30.0, 0.02)
            .group("flow")
            .explains()
            .because(
                "its read rate is many times that of the other regions",
                HOT_CACHE,
            ),
        check(Scope::Itself, "pd-hot-list")
            .ratios(4.0, 1.0)
            .group("flow")
            .explains()
            .because(
                "PD's own hot-region list confirms it, minutes later",
                HOT_CACHE,
            ),
        check(Scope::Itself, "hot-write-region")
            .ratios(0.5, 1.0)
            .because("a write hotspot has other remedies", HOT_CACHE),
        outlier(Scope::Neighbours, "store-read-flow")
            .ratios(3.0, 0.7)
            .group("store-flow")
            .because("its store reads more than the others", HOT_CACHE),
        outlier(Scope::Neighbours, "read-cores")
            .ratios(2.0, 0.8)
            .group("processor")
            .because(
                "the read threads of its store are busier than those of the others",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Neighbours, "append-latency")
            .ratios(0.5, 1.1)
            .because(
                "reads do not touch the Raft log",
                "tikv: components/raftstore/src/store/async_io",
            ),
    ]
}

/// What one hot region disturbs on any store.
fn hotspot_consequences(because: &str) -> Vec<EvidenceRule> {
    let mut rules = consequences(
        Scope::Anyone,
        &STAGES,
        &STAGE_SIGNALS,
        because,
        "tikv: components/raftstore/src/store",
    );
    rules.extend(consequences(
        Scope::Anyone,
        &POOLS,
        &POOL_SIGNALS,
        because,
        "tikv: components/raftstore/src/store",
    ));
    let compaction = ["flow-control", "write-stall"];
    rules.extend(consequences(
        Scope::Anyone,
        &compaction,
        &["compaction-debt", "level-0-files"],
        because,
        "tikv: src/storage/txn/flow_controller",
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &[],
        &FLOWS,
        "the hotspot is part of the load of every store that holds a replica",
        HOT_CACHE,
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &["leader-balance"],
        &["leader-count"],
        "PD moves leaders to spread the hotspot",
        HOT_CACHE,
    ));
    rules
}
