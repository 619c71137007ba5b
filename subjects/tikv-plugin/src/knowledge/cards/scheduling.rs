//! What PD may not do, or was told to do, and what is uneven because of it.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};

use super::super::rules::{Write, card, check, consequences};
use super::{FLOWS, POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const EVICT: &str = "pd: pkg/schedule/schedulers/evict_leader.go";
const CONFIG: &str = "pd: pkg/schedule/config/config.go";

pub(super) fn cards() -> Vec<Card> {
    vec![halted(), eviction(), left_over(), uneven(), version_mix()]
}

fn halted() -> Card {
    card("scheduling-halted", "cluster", Severity::Warning, 0.02)
        .says(
            "Scheduling is switched off",
            "PD may not move or repair what it should: scheduling is halted, a limit is 0, or schedulers are \
             paused. A lost replica stays lost.",
        )
        .seen_by(vec![
            check(Scope::Itself, "scheduling-enabled")
                .weighs(40.0, 0.2)
                .group("switch")
                .explains()
                .because("a switch or a limit forbids it", CONFIG),
            check(Scope::Itself, "schedulers-running")
                .weighs(20.0, 0.5)
                .group("switch")
                .explains()
                .because("schedulers are paused", "pd: pkg/schedule/coordinator.go"),
            check(Scope::Anyone, "no-missing-peers")
                .weighs(1.5, 1.0)
                .because("replicas are missing that nobody repairs", "pd: pkg/statistics/region_collection.go"),
        ])
        .brings(consequences(
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
            "nobody moves them",
            CONFIG,
        ))
        .unlike(&["replica-repair-stuck"])
        .cured_by(&[
            ("resume-scheduling", Fitness::Best, "PD repairs and balances again at once"),
            ("wait", Fitness::Acceptable, "if a restore or a recovery is running that switched it off"),
            ("inspect-schedule", Fitness::Acceptable, "PD's log says who changed what and when"),
        ])
        .until("whoever switched it off is known, or a store is lost")
}

fn eviction() -> Card {
    card("leader-eviction", "store", Severity::Info, 0.03)
        .says(
            "Leaders are kept away from a store",
            "A scheduler keeps leaders away from {name}, as upgrades and maintenance do. It follows, and \
             serves nobody; the others do its work.",
        )
        .seen_by(vec![
            check(Scope::Itself, "leader-eviction")
                .weighs(30.0, 0.03)
                .explains()
                .because("PD has an eviction scheduler for it", EVICT),
            check(Scope::Itself, "leftover-schedulers")
                .weighs(0.2, 1.3)
                .because("after an hour it counts as left over", EVICT),
            check(Scope::Itself, "store-slow")
                .weighs(0.3, 1.0)
                .because("a slow store is evicted for its slowness", "pd: pkg/schedule/schedulers/evict_slow_store.go"),
        ])
        .brings(of_an_eviction())
        .unlike(&["leader-eviction-left-over", "slow-disk"])
        .cured_by(&[
            ("wait", Fitness::Best, "whoever maintains the store ends it"),
            ("remove-eviction", Fitness::Acceptable, "if the maintenance is over"),
        ])
        .until("it lasts for an hour, or nobody knows of the maintenance")
}

fn left_over() -> Card {
    card("leader-eviction-left-over", "store", Severity::Warning, 0.015)
        .says(
            "Eviction of leaders left over",
            "A scheduler has kept leaders away from {name} for more than an hour. Upgrades that break off \
             leave it behind; the store serves nobody.",
        )
        .seen_by(vec![
            check(Scope::Itself, "leftover-schedulers")
                .weighs(40.0, 0.02)
                .explains()
                .because("the scheduler has been there for an hour", EVICT),
            check(Scope::Itself, "leader-eviction")
                .weighs(3.0, 0.1)
                .explains()
                .because("PD has an eviction scheduler for it", EVICT),
            check(Scope::Itself, "store-leads").weighs(2.0, 0.9).explains().because("it leads nothing", EVICT),
        ])
        .brings(of_an_eviction())
        .unlike(&["leader-eviction"])
        .cured_by(&[
            ("remove-eviction", Fitness::Best, "leaders come back within minutes"),
            ("wait", Fitness::Acceptable, "if an upgrade is still running"),
        ])
        .until("whoever set it is asked")
}

fn of_an_eviction() -> Vec<EvidenceRule> {
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
        "it is kept free to be restarted",
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

fn uneven() -> Card {
    card("uneven-balance", "cluster", Severity::Info, 0.02)
        .says(
            "Stores are unevenly filled or led",
            "Leaders or data lie unevenly on the stores, for longer than PD usually takes to even them out.",
        )
        .seen_by(vec![
            check(Scope::Anyone, "leader-balance").weighs(15.0, 0.5).group("scores").explains().because(
                "a store leads a fifth more than the average",
                "pd: pkg/schedule/schedulers/balance_leader.go",
            ),
            check(Scope::Anyone, "region-balance")
                .weighs(15.0, 0.5)
                .group("scores")
                .explains()
                .because("a store is a fifth fuller than the average", "pd: pkg/schedule/schedulers/balance_region.go"),
            check(Scope::Anyone, "store-leads")
                .weighs(10.0, 0.9)
                .group("scores")
                .explains()
                .because("a store leads nothing", "pd: pkg/schedule/schedulers/balance_leader.go"),
            check(Scope::Anyone, "store-capacity")
                .weighs(8.0, 0.9)
                .group("size")
                .explains()
                .because("a store is much smaller than the others", "pd: pkg/core/store.go"),
            check(Scope::Itself, "scheduling-enabled")
                .weighs(0.2, 1.1)
                .because("with scheduling off nothing would be balanced", CONFIG),
            check(Scope::Anyone, "leader-eviction")
                .weighs(0.1, 1.1)
                .because("an eviction makes stores uneven by design", EVICT),
            check(Scope::Anyone, "disk-space")
                .weighs(0.3, 1.1)
                .because("a store that is low on space is emptied by design", "pd: pkg/core/store.go"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &[],
            &["leader-count"],
            "leaders lie unevenly",
            "pd: pkg/schedule/schedulers/balance_leader.go",
        ))
        .unlike(&["leader-eviction", "scheduling-halted"])
        .cured_by(&[
            ("wait", Fitness::Best, "after a scale-out or a mass load it takes hours, and works"),
            ("inspect-schedule", Fitness::Acceptable, "PD says why it does not balance"),
            ("speed-up-moves", Fitness::Acceptable, "if the store limit is what holds it up"),
        ])
        .until("it has not become better within a day")
}

fn version_mix() -> Card {
    card("version-mix", "cluster", Severity::Info, 0.02)
        .says(
            "Upgrade not finished",
            "Parts of the cluster run different versions. New features stay locked until all have the same.",
        )
        .seen_by(vec![
            check(Scope::Anyone, "version-agreement")
                .weighs(60.0, 0.01)
                .explains()
                .because("versions differ", "pd: server/cluster/cluster.go"),
        ])
        .unlike(&["uneven-balance"])
        .cured_by(&[
            ("finish-upgrade", Fitness::Best, "PD first, then the stores one by one; there is no way back"),
            ("wait", Fitness::Acceptable, "if the upgrade is running"),
        ])
        .until("nobody is upgrading any more")
}
