//! Stalled background work: garbage collection, locks, store removal, splits and merges.

use operator_plugin::Severity;
use operator_plugin::knowledge::{FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences};

const SAFEPOINTS: &str = "pd: server/gc_service.go";
const RESOLVED: &str = "tikv: components/resolved_ts/src";
const SPLITS: &str = "tikv: components/raftstore/src/store/worker/split_check.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        gc_blocked(),
        long_transaction(),
        removal_without_space(),
        region_not_split(),
        empty_regions(),
    ]
}

fn gc_blocked() -> FailureMode {
    FailureMode::new("gc-held-back", "cluster", Severity::Warning, 0.02)
        .description(
            "Garbage collection blocked",
            "A service safepoint in PD holds back garbage collection and does not \
            advance: its backup job or changefeed is gone or slow. Reads have to skip \
            more and more old MVCC versions.",
        )
        .evidence(vec![
            check(Scope::Itself, "gc-not-held-back")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "a service safepoint has not advanced for an hour",
                    SAFEPOINTS,
                ),
        ])
        .alternatives(&["disk-space-low"])
        .options(&[
            (
                "remove-service-safepoint",
                Fitness::Best,
                "if its job is gone: old versions are collected again within minutes",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if its job is still running and will finish",
            ),
        ])
        .revisit_when(
            "the owner of the safepoint confirms that its job is gone, or disk space \
            runs low",
        )
}

fn long_transaction() -> FailureMode {
    FailureMode::new("lock-held", "store", Severity::Warning, 0.015)
        .description(
            "Long-running transaction",
            "A lock holds back the resolved timestamp of a region on {name}. Either its \
            client keeps renewing it, or the client died and no request has met the \
            lock since. Stale reads and change data capture wait; writers to the key \
            wait or fail.",
        )
        .evidence(vec![
            check(Scope::Itself, "resolved-ts-advances")
                .ratios(40.0, 0.03)
                .explains()
                .because(
                    "its resolved timestamp lags, and a lock is the reason",
                    RESOLVED,
                ),
            check(Scope::Itself, "links-whole")
                .ratios(0.3, 1.1)
                .because(
                    "a broken link would hold back resolved timestamps without any lock",
                    RESOLVED,
                ),
            check(Scope::Anyone, "no-leader-missing")
                .ratios(0.3, 1.1)
                .because(
                    "a region without a leader cannot advance its resolved timestamp either",
                    RESOLVED,
                ),
        ])
        .consequences(consequences(
            Scope::Itself,
            &["scheduler-latency", "request-latency"],
            &["latch-p99", "scheduler-p99", "request-p99"],
            "writers to the key wait",
            "tikv: src/server/lock_manager",
        ))
        .alternatives(&["key-conflicts"])
        .options(&[
            (
                "resolve-lock",
                Fitness::Best,
                "identifies the transaction and its owner, who can roll it back",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "a lock that is not renewed expires after 20 s",
            ),
            (
                "start-store",
                Fitness::Harmful,
                "locks are persisted: a restart does not clear them and causes elections",
            ),
        ])
        .revisit_when("the owner of the transaction is known, or stale reads fail")
}

fn removal_without_space() -> FailureMode {
    FailureMode::new("removal-without-room", "store", Severity::Warning, 0.02)
        .description(
            "Store removal cannot complete",
            "{name} is being removed, but fewer stores would remain than a region has \
            replicas. PD cannot move any of its replicas: the store stays Offline \
            indefinitely, and there is no spare store for the next failure.",
        )
        .evidence(vec![
            check(Scope::Itself, "removal-has-room")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "fewer stores would remain than a region has replicas",
                    "pd: pkg/schedule/checker/rule_checker.go",
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &[
                "no-offline-peers",
                "no-missing-peers",
                "leader-balance",
                "region-balance",
                "store-leads",
            ],
            &["leader-count"],
            "its replicas stay where they are",
            "pd: pkg/statistics/region_collection.go",
        ))
        .alternatives(&["replica-repair-stuck"])
        .options(&[
            (
                "add-store",
                Fitness::Best,
                "PD moves the replicas there, and the removal completes by itself",
            ),
            (
                "cancel-removal",
                Fitness::Acceptable,
                "if the store was not meant to be removed: it serves again immediately",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a store is about to be added",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards replicas that are all intact",
            ),
            (
                "kill-store",
                Fitness::Harmful,
                "removes a replica of every region, and there is no store to rebuild it on",
            ),
        ])
        .revisit_when("another store is lost, because writes then stop")
}

fn region_not_split() -> FailureMode {
    FailureMode::new("region-not-split", "region", Severity::Warning, 0.01)
        .description(
            "Oversized region is not split",
            "{name} has grown far beyond the region split size. Moving, snapshotting \
            and checking it takes long; a single key with very many versions cannot be \
            split at all.",
        )
        .evidence(vec![
            check(Scope::Itself, "regions-are-split")
                .ratios(40.0, 0.02)
                .explains()
                .because("it is larger than 1 GiB", SPLITS),
            check(Scope::Itself, "hot-write-region")
                .ratios(1.5, 0.9)
                .because("writes to a single key make it grow", SPLITS),
            check(Scope::Anyone, "store-heartbeat")
                .ratios(0.5, 1.0)
                .because(
                    "a store whose heartbeats PD does not receive gets no split commands",
                    SPLITS,
                ),
        ])
        .alternatives(&["hot-write-region"])
        .options(&[
            (
                "split-large-region",
                Fitness::Best,
                "a scan finds a split key, if there is one",
            ),
            (
                "remove-service-safepoint",
                Fitness::Acceptable,
                "if it mostly holds old versions",
            ),
            ("wait", Fitness::Acceptable, "while a bulk load is running"),
        ])
        .revisit_when("it grows to several GiB, or its snapshots fail")
}

fn empty_regions() -> FailureMode {
    FailureMode::new("empty-regions", "cluster", Severity::Info, 0.02)
        .description(
            "Empty regions are not merged",
            "More than 20 % of the regions are empty, as after a dropped table. Each \
            one costs heartbeats and Raft ticks until it is merged.",
        )
        .evidence(vec![
            check(Scope::Itself, "empty-regions-merge")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "they have been empty for longer than a merge takes",
                    "pd: pkg/schedule/checker/merge_checker.go",
                ),
        ])
        .alternatives(&["scheduling-halted"])
        .options(&[
            (
                "resume-merging",
                Fitness::Best,
                "PD merges several hundred regions per hour",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "it costs little, and new data may fill them",
            ),
        ])
        .revisit_when("Raft threads or PD's memory become short")
}
