//! Disks that run out of space.

use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};
use operator_plugin::{Comparison, Severity};

use super::super::builder::{Describe, anomaly, check, consequences, level};
use super::{POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const SPACE: &str = "pd: pkg/core/store.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        own_data_growth(),
        foreign_files(),
        all_disks_full(),
        disk_full(),
        nearly_full(),
    ]
}

fn own_data_growth() -> FailureMode {
    FailureMode::new("disk-space-low", "store", Severity::Warning, 0.03)
        .description(
            "Disk filled by TiKV data",
            "The data of {name} is filling its disk. Below 20 % free, PD places no more \
            replicas there; below 5 %, the store refuses writes.",
        )
        .evidence(vec![
            space_is_low(),
            others_have_space(),
            check(Scope::Itself, "disk-own-data")
                .ratios(0.1, 2.0)
                .group("whose")
                .because(
                    "files that do not belong to TiKV would be the cause",
                    "pd: pkg/response/store.go",
                ),
            anomaly(Scope::Itself, "disk-used")
                .ratios(4.0, 0.7)
                .group("growth")
                .explains()
                .because("its own data is growing", "pd: pkg/response/store.go"),
        ])
        .consequences(low_space_consequences())
        .alternatives(&["disk-space-foreign-files"])
        .options(&[
            (
                "add-store",
                Fitness::Best,
                "provides room for the data; PD moves it automatically",
            ),
            (
                "free-space",
                Fitness::Acceptable,
                "buys time if logs or backups share the disk",
            ),
            (
                "speed-up-moves",
                Fitness::Acceptable,
                "moves regions faster to stores that have space",
            ),
            (
                "wait",
                Fitness::Useless,
                "growing data does not shrink by itself",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data to stores that may be nearly as full",
            ),
        ])
        .revisit_when("less than 10 % is free, or another store falls below 20 %")
}

fn foreign_files() -> FailureMode {
    FailureMode::new("disk-space-foreign-files", "store", Severity::Warning, 0.02)
        .description(
            "Disk filled by other files",
            "Files that do not belong to TiKV fill the disk of {name}: logs, core \
            dumps, backups or another program. TiKV's own data is the smaller part.",
        )
        .evidence(vec![
            space_is_low(),
            others_have_space(),
            check(Scope::Itself, "disk-own-data")
                .ratios(20.0, 0.1)
                .group("whose")
                .explains()
                .because(
                    "capacity minus free space minus TiKV's own data is what other files use",
                    "pd: pkg/response/store.go",
                ),
            anomaly(Scope::Itself, "disk-used")
                .ratios(0.5, 1.3)
                .group("growth")
                .because(
                    "growth of its own data would be the cause",
                    "pd: pkg/response/store.go",
                ),
        ])
        .consequences(low_space_consequences())
        .alternatives(&["disk-space-low"])
        .options(&[
            ("free-space", Fitness::Best, "no TiKV data has to move"),
            (
                "add-store",
                Fitness::Acceptable,
                "if the other files cannot be removed",
            ),
            (
                "wait",
                Fitness::Useless,
                "whatever writes these files keeps writing them",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "moves an entire store because of files that are not its own",
            ),
        ])
        .revisit_when("less than 10 % is free, or the other files turn out to be needed")
}

fn disk_full() -> FailureMode {
    FailureMode::new("disk-full", "store", Severity::Critical, 0.01)
        .description(
            "Disk full: writes are refused",
            "{name} has used up its reserved space and refuses writes. Regions that it \
            leads cannot be written; below half of the reserve it does not even accept \
            Raft entries as a follower.",
        )
        .evidence(vec![
            check(Scope::Itself, "disk-writable")
                .ratios(50.0, 0.02)
                .explains()
                .because(
                    "it rejects writes with “disk full”",
                    "tikv: components/raftstore/src/store/peer.rs",
                ),
            others_have_space(),
            check(Scope::Itself, "disk-space")
                .ratios(5.0, 0.3)
                .explains()
                .because("less than 20 % of its space is free", SPACE),
        ])
        .consequences(low_space_consequences())
        .alternatives(&["disk-space-foreign-files", "disk-space-low"])
        .options(&[
            (
                "free-space",
                Fitness::Best,
                "the only remedy that works within minutes",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "other stores take over its writes while space is freed",
            ),
            (
                "add-store",
                Fitness::Acceptable,
                "a permanent fix, but takes hours",
            ),
            ("wait", Fitness::Harmful, "writes fail until space is freed"),
        ])
        .revisit_when("writes are accepted again")
}

fn nearly_full() -> FailureMode {
    let moves = "PD moves its leaders away and balances them again: the Raft threads of all stores are busy with transfers";
    FailureMode::new("disk-nearly-full-moves-leaders", "store", Severity::Critical, 0.015)
        .description(
            "Nearly full store sets off leader moves",
            "{name} has so little space left that it gives its leaders away, and PD balances them: leaders move by the \
            dozen each second, which keeps the Raft threads of all stores busy and makes requests wait.",
        )
        .evidence(vec![
            level(Scope::Itself, "disk-available", Comparison::Lt, 0.06)
                .ratios(30.0, 0.02)
                .because("less than 6 % of its space is free", SPACE),
            check(Scope::Itself, "disk-space")
                .ratios(3.0, 0.1)
                .explains()
                .because("its disk is nearly full", SPACE),
            check(Scope::Anyone, "leaders-stay")
                .ratios(20.0, 0.1)
                .explains()
                .because("leaders move many times a second", SPACE),
        ])
        .consequences(low_space_consequences())
        .consequences(consequences(
            Scope::Anyone,
            &POOLS,
            &POOL_SIGNALS,
            moves,
            SPACE,
        ))
        .consequences(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            moves,
            SPACE,
        ))
        .alternatives(&["disk-space-low", "disk-full"])
        .options(&[
            (
                "free-space",
                Fitness::Best,
                "with space the store keeps its leaders, and the moves end",
            ),
            (
                "add-store",
                Fitness::Acceptable,
                "gives the data another place, over hours",
            ),
            (
                "enlarge-raftstore-pool",
                Fitness::Useless,
                "the transfers are the load, not the requests",
            ),
            (
                "wait",
                Fitness::Useless,
                "the moves go on while the disk is nearly full",
            ),
        ])
        .revisit_when("the leaders stay and requests are still slow")
}

fn all_disks_full() -> FailureMode {
    FailureMode::new("cluster-space-low", "cluster", Severity::Critical, 0.02)
        .description(
            "All disks are filling up",
            "No store has 30 % of its space free, so PD has nowhere to move \
            data. Below 5 %, stores refuse writes, and all of them will reach that \
            point at about the same time.",
        )
        .evidence(vec![
            check(Scope::Itself, "room-somewhere")
                .ratios(60.0, 0.02)
                .explains()
                .because("no store has space left", SPACE),
            anomaly(Scope::Anyone, "disk-used")
                .ratios(2.0, 0.9)
                .explains()
                .because(
                    "the data of the stores is growing",
                    "pd: pkg/response/store.go",
                ),
            check(Scope::Anyone, "disk-own-data")
                .ratios(0.5, 1.1)
                .because(
                    "files that do not belong to TiKV would be the cause on that store",
                    "pd: pkg/response/store.go",
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &[
                "disk-space",
                "disk-writable",
                "leader-balance",
                "no-missing-peers",
                "pending-peers-drain",
                "region-balance",
            ],
            &["pending-peers"],
            "stores that are short of space accept no more replicas and eventually \
            refuse writes",
            SPACE,
        ))
        .consequences(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "refused writes are retried",
            SPACE,
        ))
        .alternatives(&["disk-space-low", "disk-full"])
        .options(&[
            (
                "add-store",
                Fitness::Best,
                "adds the only space to which data can move; PD moves it automatically, \
                over hours",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "buys time until a store is added",
            ),
            (
                "wait",
                Fitness::Harmful,
                "all stores will refuse writes within a short time of each other",
            ),
        ])
        .revisit_when("stores refuse writes, or a store with free space has joined")
}

fn others_have_space() -> EvidenceRule {
    check(Scope::Anyone, "room-somewhere")
        .ratios(0.03, 1.0)
        .because(
            "the other stores are just as full, so this store is not the problem",
            SPACE,
        )
}

fn space_is_low() -> EvidenceRule {
    check(Scope::Itself, "disk-space")
        .ratios(20.0, 0.02)
        .explains()
        .because("less than 20 % of its space is free", SPACE)
}

pub(super) fn low_space_consequences() -> Vec<EvidenceRule> {
    let because = "PD moves regions away from a store that is low on space and places none \
                  there";
    let mut rules = consequences(
        Scope::Itself,
        &["disk-own-data", "disk-writable"],
        &["disk-available", "disk-used"],
        because,
        SPACE,
    );
    rules.extend(consequences(
        Scope::Anyone,
        &["region-balance", "leader-balance"],
        &["leader-count"],
        because,
        SPACE,
    ));
    rules.extend(consequences(
        Scope::Neighbours,
        &["no-missing-peers", "pending-peers-drain"],
        &[],
        because,
        SPACE,
    ));
    rules
}
