//! One region that takes most of the load.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};

use super::super::rules::{Write, card, check, consequences, outlier};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const HOT_CACHE: &str = "pd: pkg/statistics/hot_peer_cache.go";

pub(super) fn cards() -> Vec<Card> {
    vec![hot_write(), hot_read()]
}

fn hot_write() -> Card {
    card("hot-write-region", "region", Severity::Warning, 0.04)
        .says(
            "Hot write region",
            "Most of what is written goes to {name}: one Raft group, which one store leads and every replica \
             repeats. Other stores cannot help, and their writes wait behind it.",
        )
        .seen_by(vec![
            check(Scope::Itself, "hot-write-region")
                .weighs(30.0, 0.02)
                .group("flow")
                .explains()
                .because("it is written at many times the rate of the other regions", HOT_CACHE),
            check(Scope::Itself, "pd-hot-list")
                .weighs(4.0, 1.0)
                .group("flow")
                .explains()
                .because("PD's own hot list agrees, minutes later", HOT_CACHE),
            check(Scope::Itself, "hot-read-region")
                .weighs(0.5, 1.0)
                .because("heat of reads has other cures", HOT_CACHE),
            outlier(Scope::Neighbours, "scheduler-cores")
                .weighs(2.0, 0.9)
                .group("processor")
                .because("the leader's store works more than the others", "tikv: src/storage/txn/scheduler.rs"),
            outlier(Scope::Neighbours, "raftstore-cores").weighs(2.0, 0.9).group("processor").because(
                "the leader's Raft threads work more than the others'",
                "tikv: components/raftstore/src/store",
            ),
            check(Scope::Neighbours, "store-slow").weighs(0.3, 1.2).because(
                "a slow disk makes a store slow at a low rate, heat does not make its disk slow",
                "tikv: components/health_controller/src/slow_score.rs",
            ),
        ])
        .brings(heat("the heat of one region slows whatever shares a store, a machine or a replica with it"))
        .brings(consequences(
            Scope::Anyone,
            &[],
            &["region-total"],
            "hot regions are split",
            "tikv: split.qps-threshold",
        ))
        .unlike(&["client-overload", "hot-read-region", "slow-disk"])
        .cured_by(&[
            (
                "split-region",
                Fitness::Best,
                "spreads the keys over two regions, which PD can lead from two stores; does little when one \
                 key takes all",
            ),
            (
                "transfer-region-leader",
                Fitness::Acceptable,
                "takes the heat from a store that suffers; the heat moves along",
            ),
            ("scatter-region", Fitness::Acceptable, "spreads the replicas of a region that was split"),
            (
                "raise-hot-schedule-limit",
                Fitness::Acceptable,
                "lets PD move more hot regions at once, once it sees them",
            ),
            (
                "change-keys",
                Fitness::Acceptable,
                "the only lasting cure when keys are written in order or one key takes all",
            ),
            ("wait", Fitness::Acceptable, "PD's hot scheduler acts by itself some minutes after it has noticed"),
            ("evict-leaders", Fitness::Harmful, "moves all regions of the store, and the hot one with them"),
        ])
        .until("requests become slow for users, or the region stays hot for 10 minutes after a split")
}

fn hot_read() -> Card {
    card("hot-read-region", "region", Severity::Warning, 0.03)
        .says(
            "Hot read region",
            "Most of what is read comes from {name}, which one store serves: its read threads and its network \
             are the limit, those of the others idle.",
        )
        .seen_by(vec![
            check(Scope::Itself, "hot-read-region")
                .weighs(30.0, 0.02)
                .group("flow")
                .explains()
                .because("it is read at many times the rate of the other regions", HOT_CACHE),
            check(Scope::Itself, "pd-hot-list")
                .weighs(4.0, 1.0)
                .group("flow")
                .explains()
                .because("PD's own hot list agrees, minutes later", HOT_CACHE),
            check(Scope::Itself, "hot-write-region")
                .weighs(0.5, 1.0)
                .because("heat of writes has other cures", HOT_CACHE),
            outlier(Scope::Neighbours, "store-read-flow")
                .weighs(3.0, 0.7)
                .group("store-flow")
                .because("its store reads more than the others", HOT_CACHE),
            outlier(Scope::Neighbours, "read-cores")
                .weighs(2.0, 0.8)
                .group("processor")
                .because("the read threads of its store work more than the others'", "tikv: src/read_pool.rs"),
            check(Scope::Neighbours, "append-latency")
                .weighs(0.5, 1.1)
                .because("reads do not touch the Raft log", "tikv: components/raftstore/src/store/async_io"),
        ])
        .brings(heat("the heat of one region slows whatever shares its store or machine"))
        .brings(consequences(
            Scope::Anyone,
            &[],
            &["region-total"],
            "hot regions are split",
            "tikv: split.qps-threshold",
        ))
        .unlike(&["client-overload", "hot-write-region", "read-pool-saturated"])
        .cured_by(&[
            (
                "split-region",
                Fitness::Best,
                "spreads the keys over two regions, which two stores can serve; does nothing for a single key",
            ),
            ("read-from-followers", Fitness::Acceptable, "three stores serve what one served"),
            (
                "transfer-region-leader",
                Fitness::Acceptable,
                "takes the heat from a store that suffers; the heat moves along",
            ),
            ("change-keys", Fitness::Acceptable, "a cache before a single hot key is the only lasting cure"),
            (
                "wait",
                Fitness::Acceptable,
                "stores split by load after 10 s of it, and PD moves the parts within minutes",
            ),
            ("evict-leaders", Fitness::Harmful, "moves all regions of the store, and the hot one with them"),
        ])
        .until("requests become slow for users, or the region stays hot for 5 minutes")
}

/// Heat of one region, wherever it shows.
fn heat(because: &str) -> Vec<EvidenceRule> {
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
        "the heat is part of the load of every store that has a replica",
        HOT_CACHE,
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &["leader-balance"],
        &["leader-count"],
        "PD moves leaders to spread the heat",
        HOT_CACHE,
    ));
    rules
}
