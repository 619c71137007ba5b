//! Disabled scheduling, leader evictions and imbalance.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const EVICT: &str = "pd: pkg/schedule/schedulers/evict_leader.go";
const CONFIG: &str = "pd: pkg/schedule/config/config.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        halted(),
        eviction(),
        leftover_eviction(),
        unbalanced(),
        version_mix(),
    ]
}

fn halted() -> FailureMode {
    FailureMode::new("scheduling-halted", "cluster", Severity::Warning, 0.02)
        .description(
            "Scheduling disabled",
            "PD is not allowed to move or repair replicas: scheduling is halted, a \
            limit is 0, or schedulers are paused. Lost replicas are not replaced.",
        )
        .evidence(vec![
            check(Scope::Itself, "scheduling-enabled")
                .ratios(40.0, 0.2)
                .group("switch")
                .explains()
                .because("a switch or a limit disables it", CONFIG),
            check(Scope::Itself, "schedulers-running")
                .ratios(20.0, 0.5)
                .group("switch")
                .explains()
                .because("schedulers are paused", "pd: pkg/schedule/coordinator.go"),
            check(Scope::Anyone, "no-missing-peers")
                .ratios(1.5, 1.0)
                .because(
                    "replicas are missing and are not repaired",
                    "pd: pkg/statistics/region_collection.go",
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &[
                "leader-balance",
                "no-missing-peers",
                "no-extra-peers",
                "no-lingering-learners",
                "no-offline-peers",
                "pending-peers-drain",
                "region-balance",
                "store-leads",
            ],
            &["leader-count"],
            "no scheduler moves them",
            CONFIG,
        ))
        .alternatives(&["replica-repair-stuck"])
        .options(&[
            (
                "resume-scheduling",
                Fitness::Best,
                "PD resumes repairs and balancing immediately",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a running restore or recovery disabled it",
            ),
            (
                "inspect-schedule",
                Fitness::Acceptable,
                "PD's log shows who changed what and when",
            ),
        ])
        .revisit_when("it is known who disabled it, or a store is lost")
}

fn eviction() -> FailureMode {
    FailureMode::new("leader-eviction", "store", Severity::Info, 0.03)
        .description(
            "Leaders evicted from a store",
            "A scheduler evicts leaders from {name}, as upgrades and maintenance do. \
            The store only follows and serves no requests; the other stores carry its \
            load.",
        )
        .evidence(vec![
            check(Scope::Itself, "leader-eviction")
                .ratios(30.0, 0.03)
                .explains()
                .because("PD has an evict-leader scheduler for it", EVICT),
            check(Scope::Itself, "leftover-schedulers")
                .ratios(0.2, 1.3)
                .because(
                    "nothing is being upgraded, so it is considered left over",
                    EVICT,
                ),
            check(Scope::Itself, "store-slow").ratios(0.3, 1.0).because(
                "PD evicts a slow store because it is slow",
                "pd: pkg/schedule/schedulers/evict_slow_store.go",
            ),
        ])
        .consequences(eviction_consequences())
        .alternatives(&["leader-eviction-left-over", "slow-disk"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "the eviction ends with the maintenance",
            ),
            (
                "remove-eviction",
                Fitness::Acceptable,
                "if the maintenance is over",
            ),
        ])
        .revisit_when("it lasts for an hour, or no maintenance is known")
}

fn leftover_eviction() -> FailureMode {
    FailureMode::new(
        "leader-eviction-left-over",
        "store",
        Severity::Warning,
        0.015,
    )
    .description(
        "Leftover leader eviction",
        "A scheduler evicts leaders from {name} although no upgrade is under way: the store serves no requests. \
        Interrupted upgrades leave such schedulers behind.",
    )
    .evidence(vec![
        check(Scope::Itself, "leftover-schedulers")
            .ratios(40.0, 0.02)
            .explains()
            .because("no upgrade is under way that would need it", EVICT),
        check(Scope::Itself, "leader-eviction")
            .ratios(3.0, 0.1)
            .explains()
            .because("PD has an evict-leader scheduler for it", EVICT),
        check(Scope::Itself, "store-leads")
            .ratios(2.0, 0.9)
            .explains()
            .because("it leads no regions", EVICT),
    ])
    .consequences(eviction_consequences())
    .alternatives(&["leader-eviction"])
    .options(&[
        (
            "remove-eviction",
            Fitness::Best,
            "leaders return within minutes",
        ),
        (
            "wait",
            Fitness::Acceptable,
            "if an upgrade is still running",
        ),
    ])
    .revisit_when("the owner of the scheduler has been asked")
}

fn eviction_consequences() -> Vec<EvidenceRule> {
    let because = "its leaders and their load move to the other stores";
    let mut rules = consequences(
        Scope::Anyone,
        &["leader-balance", "store-leads"],
        &["leader-count"],
        because,
        EVICT,
    );
    rules.extend(consequences(
        Scope::Itself,
        &[
            "store-restart",
            "store-up",
            "store-heartbeat",
            "store-status-server",
            "store-busy",
            "links-whole",
        ],
        &["heartbeat-lag", "unreachable-rate", "pending-peers"],
        "leaders are kept off it so it can be restarted",
        EVICT,
    ));
    rules.extend(consequences(
        Scope::Others,
        &STAGES,
        &STAGE_SIGNALS,
        because,
        EVICT,
    ));
    rules.extend(consequences(
        Scope::Others,
        &POOLS,
        &POOL_SIGNALS,
        because,
        EVICT,
    ));
    rules.extend(consequences(Scope::Anyone, &[], &FLOWS, because, EVICT));
    rules.extend(consequences(
        Scope::Neighbours,
        &["pending-peers-drain"],
        &[],
        because,
        EVICT,
    ));
    rules
}

fn unbalanced() -> FailureMode {
    FailureMode::new("uneven-balance", "cluster", Severity::Info, 0.02)
        .description(
            "Stores are unbalanced",
            "Leaders or data have been distributed unevenly across the stores for \
            longer than PD usually takes to balance them.",
        )
        .evidence(unbalanced_evidence())
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["leader-count"],
            "leaders are distributed unevenly",
            "pd: pkg/schedule/schedulers/balance_leader.go",
        ))
        .alternatives(&["leader-eviction", "scheduling-halted"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "takes hours after a scale-out or a bulk load, but works",
            ),
            (
                "inspect-schedule",
                Fitness::Acceptable,
                "PD shows why it does not balance",
            ),
            (
                "speed-up-moves",
                Fitness::Acceptable,
                "if the store limit is the bottleneck",
            ),
        ])
        .revisit_when("it has not improved within a day")
}

fn unbalanced_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Anyone, "leader-balance")
            .ratios(15.0, 0.5)
            .group("scores")
            .explains()
            .because(
                "a store leads 20 % more regions than the average",
                "pd: pkg/schedule/schedulers/balance_leader.go",
            ),
        check(Scope::Anyone, "region-balance")
            .ratios(15.0, 0.5)
            .group("scores")
            .explains()
            .because(
                "a store is 20 % fuller than the average",
                "pd: pkg/schedule/schedulers/balance_region.go",
            ),
        check(Scope::Anyone, "store-leads")
            .ratios(10.0, 0.9)
            .group("scores")
            .explains()
            .because(
                "a store leads no regions",
                "pd: pkg/schedule/schedulers/balance_leader.go",
            ),
        check(Scope::Anyone, "store-capacity")
            .ratios(8.0, 0.9)
            .group("size")
            .explains()
            .because(
                "a store is much smaller than the others",
                "pd: pkg/core/store.go",
            ),
        check(Scope::Itself, "scheduling-enabled")
            .ratios(0.2, 1.1)
            .because("with scheduling disabled nothing would be balanced", CONFIG),
        check(Scope::Anyone, "leader-eviction")
            .ratios(0.1, 1.1)
            .because("a leader eviction unbalances stores by design", EVICT),
        check(Scope::Anyone, "disk-space").ratios(0.3, 1.1).because(
            "a store that is low on space is drained by design",
            "pd: pkg/core/store.go",
        ),
    ]
}

fn version_mix() -> FailureMode {
    FailureMode::new("version-mix", "cluster", Severity::Info, 0.02)
        .description(
            "Upgrade incomplete",
            "Components of the cluster run different versions. New features stay \
            disabled until all run the same version.",
        )
        .evidence(vec![
            check(Scope::Anyone, "version-agreement")
                .ratios(60.0, 0.01)
                .explains()
                .because("versions differ", "pd: server/cluster/cluster.go"),
        ])
        .alternatives(&["uneven-balance"])
        .options(&[
            (
                "finish-upgrade",
                Fitness::Best,
                "PD first, then the stores one by one; a downgrade is not possible",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if the upgrade is still running",
            ),
        ])
        .revisit_when("the upgrade has been abandoned")
}
