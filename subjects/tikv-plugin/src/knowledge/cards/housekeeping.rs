//! What stands still although nothing is broken: collection, locks, removals, splits.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, Fitness, Scope};

use super::super::rules::{Write, card, check, consequences};

const SAFEPOINTS: &str = "pd: server/gc_service.go";
const RESOLVED: &str = "tikv: components/resolved_ts/src";
const SPLITS: &str = "tikv: components/raftstore/src/store/worker/split_check.rs";

pub(super) fn cards() -> Vec<Card> {
    vec![
        collection_held_back(),
        lock_held(),
        removal_without_room(),
        region_not_split(),
        empty_regions(),
    ]
}

fn collection_held_back() -> Card {
    card("gc-held-back", "cluster", Severity::Warning, 0.02)
        .says(
            "Garbage collection held back",
            "A service has told PD to keep old versions and does not move on: a backup or change feed that is gone, \
             or one that is slow. Reads have more and more old versions to skip.",
        )
        .seen_by(vec![
            check(Scope::Itself, "gc-not-held-back")
                .weighs(60.0, 0.01)
                .explains()
                .because("a service's safepoint has stood still for an hour", SAFEPOINTS),
        ])
        .unlike(&["disk-space-low"])
        .cured_by(&[
            (
                "remove-service-safepoint",
                Fitness::Best,
                "if its job is gone: versions are collected again within minutes",
            ),
            ("wait", Fitness::Acceptable, "if its job is running and will end"),
        ])
        .until("the owner of the safepoint says that its job is gone, or space runs low")
}

fn lock_held() -> Card {
    card("lock-held", "store", Severity::Warning, 0.015)
        .says(
            "A transaction does not end",
            "A lock holds the resolved timestamp of a region on {name} back. Its client renews it, or died and \
             nobody has met the lock since. Stale reads and change capture wait; writers to the key wait or fail.",
        )
        .seen_by(vec![
            check(Scope::Itself, "resolved-ts-advances")
                .weighs(40.0, 0.03)
                .explains()
                .because("it is behind in resolving timestamps, and a lock is the reason", RESOLVED),
            check(Scope::Itself, "links-whole")
                .weighs(0.3, 1.1)
                .because("a cut link would hold timestamps back without any lock", RESOLVED),
            check(Scope::Anyone, "no-leader-missing")
                .weighs(0.3, 1.1)
                .because("a region without a leader resolves nothing either", RESOLVED),
        ])
        .brings(consequences(
            Scope::Itself,
            &["scheduler-latency", "request-latency"],
            &["latch-p99", "scheduler-p99", "request-p99"],
            "writers to the key wait",
            "tikv: src/server/lock_manager",
        ))
        .unlike(&["key-conflicts"])
        .cured_by(&[
            ("resolve-lock", Fitness::Best, "names the transaction and its owner, who can roll it back"),
            ("wait", Fitness::Acceptable, "a lock that nobody renews falls after 20 s"),
            ("start-store", Fitness::Harmful, "locks are data: a restart keeps them and costs an election"),
        ])
        .until("the owner of the transaction is known, or stale reads fail")
}

fn removal_without_room() -> Card {
    card("removal-without-room", "store", Severity::Warning, 0.02)
        .says(
            "Store is removed and has nowhere to go",
            "{name} is being removed, but fewer stores stay than a region has replicas. PD cannot move one of its \
             replicas: it stays Offline for ever, and the next loss hits a cluster with none to spare.",
        )
        .seen_by(vec![
            check(Scope::Itself, "removal-has-room")
                .weighs(60.0, 0.01)
                .explains()
                .because("fewer stores stay than a region has replicas", "pd: pkg/schedule/checker/rule_checker.go"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &["no-offline-peers", "no-missing-peers", "leader-balance", "region-balance", "store-leads"],
            &["leader-count"],
            "its replicas stay where they are",
            "pd: pkg/statistics/region_collection.go",
        ))
        .unlike(&["replica-repair-stuck"])
        .cured_by(&[
            ("add-store", Fitness::Best, "PD moves the replicas there, and the removal ends by itself"),
            ("cancel-removal", Fitness::Acceptable, "if the store was not meant to go: it serves as before at once"),
            ("wait", Fitness::Acceptable, "if a store is about to be added"),
            ("unsafe-recovery", Fitness::Harmful, "gives up replicas that are all there"),
            ("kill-store", Fitness::Harmful, "takes a replica from every region, which nobody can rebuild"),
        ])
        .until("another store is lost: then writes stop")
}

fn region_not_split() -> Card {
    card("region-not-split", "region", Severity::Warning, 0.01)
        .says(
            "Region is not split",
            "{name} has grown far beyond the size at which regions are split. Its moves, snapshots and checks take \
             long; one key with very many versions cannot be split at all.",
        )
        .seen_by(vec![
            check(Scope::Itself, "regions-are-split")
                .weighs(40.0, 0.02)
                .explains()
                .because("it is larger than 1 GiB", SPLITS),
            check(Scope::Itself, "hot-write-region")
                .weighs(1.5, 0.9)
                .because("what is written to one key makes it grow", SPLITS),
            check(Scope::Anyone, "store-heartbeat")
                .weighs(0.5, 1.0)
                .because("a store that PD does not hear is not told to split", SPLITS),
        ])
        .unlike(&["hot-write-region"])
        .cured_by(&[
            ("split-large-region", Fitness::Best, "a scan finds a key between, if there is one"),
            ("remove-service-safepoint", Fitness::Acceptable, "if old versions are what it is full of"),
            ("wait", Fitness::Acceptable, "while a mass load runs"),
        ])
        .until("it grows past some GiB, or its snapshots fail")
}

fn empty_regions() -> Card {
    card("empty-regions", "cluster", Severity::Info, 0.02)
        .says(
            "Empty regions are not merged",
            "More than a fifth of the regions hold nothing, as after a dropped table. Each costs heartbeats and Raft \
             ticks until it is merged.",
        )
        .seen_by(vec![
            check(Scope::Itself, "empty-regions-merge")
                .weighs(60.0, 0.01)
                .explains()
                .because("they are empty for longer than merging takes", "pd: pkg/schedule/checker/merge_checker.go"),
        ])
        .unlike(&["scheduling-halted"])
        .cured_by(&[
            ("resume-merging", Fitness::Best, "PD merges some hundred an hour"),
            ("wait", Fitness::Acceptable, "it costs little, and new data may fill them"),
        ])
        .until("Raft threads or PD's memory become short")
}
