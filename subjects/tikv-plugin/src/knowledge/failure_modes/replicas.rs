//! Replicas, replication settings and the key space.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences};

const STATES: &str = "pd: pkg/core/store.go";
const LISTS: &str = "pd: pkg/statistics/region_collection.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        majority_lost(),
        leaderless(),
        holes(),
        repair_stuck(),
        weak_rules(),
    ]
}

fn majority_lost() -> FailureMode {
    FailureMode::new("replica-majority-lost", "cluster", Severity::Critical, 0.02)
        .description(
            "Majority of replicas lost",
            "So many stores are down that some regions have no majority: they can \
            neither elect a leader nor accept writes. PD still shows their last known \
            leaders.",
        )
        .evidence(majority_lost_evidence())
        .consequences(super::stores::lost_store_consequences())
        .consequences(consequences(
            Scope::Anyone,
            &["store-heartbeat", "store-status-server", "store-up"],
            &["heartbeat-lag", "pending-peers", "unreachable-rate"],
            "these are the lost stores",
            STATES,
        ))
        .consequences(consequences(
            Scope::Itself,
            &super::REPLICAS,
            &[],
            "their replicas are missing",
            LISTS,
        ))
        .alternatives(&["store-machine-or-network-lost", "store-process-dead"])
        .options(&[
            (
                "start-store",
                Fitness::Best,
                "a single returning store restores the majority of every region within 20 s",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "shows which of the lost stores can return first",
            ),
            (
                "wait",
                Fitness::Harmful,
                "the regions stay unavailable until a store returns",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes while a lost store could still return",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "discards replicas that are needed for the majority",
            ),
        ])
        .revisit_when("a lost store is back, or is confirmed lost together with its disk")
}

fn majority_lost_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "replica-majority")
            .ratios(100.0, 0.002)
            .explains()
            .because(
                "the number of stores lost equals a majority of the replicas",
                STATES,
            ),
        check(Scope::Anyone, "regions-have-leader")
            .ratios(5.0, 0.8)
            .explains()
            .because(
                "regions have no leader",
                "tikv: components/raftstore/src/store/fsm/peer.rs",
            ),
        check(Scope::Anyone, "no-leader-missing")
            .ratios(3.0, 0.9)
            .explains()
            .because(
                "the remaining stores fail to find leaders",
                "tikv: components/raftstore/src/store/fsm/peer.rs",
            ),
    ]
}

fn leaderless() -> FailureMode {
    FailureMode::new("region-without-leader", "region", Severity::Critical, 0.01)
        .description(
            "Region without leader",
            "No replica of {name} is leader: its keys can be neither read nor written.",
        )
        .evidence(vec![
            check(Scope::Itself, "regions-have-leader")
                .ratios(25.0, 0.03)
                .explains()
                .because(
                    "its replicas know of no leader",
                    "tikv: components/raftstore/src/store/fsm/peer.rs",
                ),
            check(Scope::Anyone, "store-up")
                .ratios(0.5, 1.3)
                .group("store")
                .because(
                    "a lost store leaves its regions without a leader for 10 to 20 s",
                    STATES,
                ),
            check(Scope::Anyone, "store-status-server")
                .ratios(0.4, 1.1)
                .group("store")
                .because(
                    "a dead process leaves its regions without a leader before PD notices",
                    STATES,
                ),
            check(Scope::Anyone, "store-stays-up")
                .ratios(0.3, 1.0)
                .group("store")
                .because(
                    "a crash-looping store leaves its regions without a leader each time",
                    STATES,
                ),
            check(Scope::Anyone, "links-whole")
                .ratios(1.5, 1.0)
                .because(
                    "a broken link can prevent an election",
                    "tikv: src/server/raft_client.rs",
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &["no-leader-missing"],
            &[],
            "stores search for its leader",
            "tikv: components/raftstore/src/store/fsm/peer.rs",
        ))
        .alternatives(&["replica-majority-lost"])
        .options(&[
            (
                "inspect-region",
                Fitness::Best,
                "the region state on each store shows which replica lacks what",
            ),
            ("wait", Fitness::Acceptable, "an election takes 10 to 20 s"),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes while its replicas still exist",
            ),
        ])
        .revisit_when("it has had no leader for a minute")
}

fn holes() -> FailureMode {
    FailureMode::new("key-space-hole", "cluster", Severity::Critical, 0.003)
        .description(
            "Hole in the key space",
            "PD knows of no region for some key ranges: either they can be neither read \
            nor written, or PD was restored from an old copy.",
        )
        .evidence(vec![
            check(Scope::Itself, "no-range-holes")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "some key ranges belong to no region",
                    "pd: pkg/core/region.go",
                ),
        ])
        .alternatives(&["replica-majority-lost"])
        .options(&[
            (
                "inspect-region",
                Fitness::Best,
                "shows which store last held the keys, and whether a split is in progress",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "a split or merge in progress closes it within a minute",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "would fill the hole with empty regions",
            ),
        ])
        .revisit_when("it persists for two minutes")
}

fn repair_stuck() -> FailureMode {
    FailureMode::new("replica-repair-stuck", "cluster", Severity::Warning, 0.01)
        .description(
            "Replicas are not repaired",
            "Regions lack replicas, or have replicas that do not catch up, although all \
            stores are up: PD finds no target store, is not allowed to schedule, or \
            snapshots fail.",
        )
        .evidence(repair_stuck_evidence())
        .consequences(consequences(
            Scope::Itself,
            &[
                "no-extra-peers",
                "no-lingering-learners",
                "no-offline-peers",
            ],
            &[],
            "moves stop halfway",
            LISTS,
        ))
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["pending-peers"],
            "replicas are catching up",
            LISTS,
        ))
        .alternatives(&["scheduling-halted", "store-process-dead"])
        .options(&[
            (
                "inspect-schedule",
                Fitness::Best,
                "PD shows why it does not act: no target store, store limit, paused \
                scheduler",
            ),
            (
                "speed-up-moves",
                Fitness::Acceptable,
                "if the store limit is the bottleneck",
            ),
            (
                "add-store",
                Fitness::Acceptable,
                "if no eligible target store is left",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "it may take hours after a mass migration",
            ),
        ])
        .revisit_when("the counts do not fall within an hour")
}

fn repair_stuck_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "no-missing-peers")
            .ratios(10.0, 0.5)
            .group("lists")
            .explains()
            .because(
                "regions have fewer replicas than their placement rule requires",
                LISTS,
            ),
        check(Scope::Itself, "no-down-peers")
            .ratios(8.0, 0.6)
            .group("lists")
            .explains()
            .because(
                "leaders have not heard from followers for 10 minutes",
                LISTS,
            ),
        check(Scope::Itself, "pending-peers-drain")
            .ratios(4.0, 0.6)
            .group("lists")
            .explains()
            .because("many replicas are catching up at the same time", LISTS),
        check(Scope::Anyone, "store-up")
            .ratios(0.05, 2.0)
            .because("a store that is down would explain it", STATES),
        check(Scope::Itself, "scheduling-enabled")
            .ratios(0.3, 1.2)
            .because(
                "with scheduling disabled nothing would be repaired",
                "pd: pkg/schedule/config/config.go",
            ),
    ]
}

fn weak_rules() -> FailureMode {
    FailureMode::new("replication-rules-weak", "cluster", Severity::Warning, 0.02)
        .description(
            "Weak replication settings",
            "The number of replicas is even, less than three, or greater than the \
            number of stores: the loss of one store stops writes or loses data.",
        )
        .evidence(vec![
            check(Scope::Itself, "replica-rules")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "with this setting the cluster does not survive the loss of one store",
                    "pd: pkg/schedule/placement",
                ),
        ])
        .alternatives(&["replica-repair-stuck"])
        .options(&[
            (
                "fix-replica-rules",
                Fitness::Best,
                "three replicas survive the loss of one store",
            ),
            (
                "add-store",
                Fitness::Acceptable,
                "if there are fewer stores than replicas",
            ),
            ("wait", Fitness::Acceptable, "in a test cluster"),
        ])
        .revisit_when("the cluster holds data that matters")
}
