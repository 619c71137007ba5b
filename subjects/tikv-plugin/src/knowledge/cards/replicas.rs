//! Replicas, rules and the key space.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, Fitness, Scope};

use super::super::rules::{Write, card, check, consequences};

const LISTS: &str = "pd: pkg/statistics/region_collection.go";
const STATES: &str = "pd: pkg/core/store.go";

pub(super) fn cards() -> Vec<Card> {
    vec![
        majority_lost(),
        leaderless(),
        holes(),
        repair_stuck(),
        weak_rules(),
    ]
}

fn majority_lost() -> Card {
    card("replica-majority-lost", "cluster", Severity::Critical, 0.02)
        .says(
            "Majority of replicas lost",
            "So many stores are lost at once that some regions have no majority: they can neither elect a \
             leader nor write. PD goes on showing their last leaders.",
        )
        .seen_by(vec![
            check(Scope::Itself, "replica-majority")
                .weighs(100.0, 0.002)
                .explains()
                .because("as many stores are lost as a majority of the replicas", STATES),
            check(Scope::Anyone, "regions-have-leader")
                .weighs(5.0, 0.8)
                .explains()
                .because("regions are without a leader", "tikv: components/raftstore/src/store/fsm/peer.rs"),
            check(Scope::Anyone, "no-leader-missing").weighs(3.0, 0.9).explains().because(
                "stores that are left look for leaders in vain",
                "tikv: components/raftstore/src/store/fsm/peer.rs",
            ),
        ])
        .brings(super::stores::of_a_lost_store())
        .brings(consequences(
            Scope::Anyone,
            &["store-heartbeat", "store-status-server", "store-up"],
            &["heartbeat-lag", "pending-peers", "unreachable-rate"],
            "the stores that are lost",
            STATES,
        ))
        .brings(consequences(Scope::Itself, &super::REPLICAS, &[], "their replicas are missing", LISTS))
        .unlike(&["store-machine-or-network-lost", "store-process-dead"])
        .cured_by(&[
            ("start-store", Fitness::Best, "one store that returns gives every region its majority back within 20 s"),
            ("inspect-store", Fitness::Acceptable, "which of the lost stores can return first"),
            ("wait", Fitness::Harmful, "the regions stand still until a store returns"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes while a lost store could still return"),
            ("delete-store", Fitness::Harmful, "gives up replicas that are needed for the majority"),
        ])
        .until("a lost store is back, or is known to be lost for good with its disk")
}

fn leaderless() -> Card {
    card("region-without-leader", "region", Severity::Critical, 0.01)
        .says("Region without leader", "No replica of {name} leads: its keys can be neither read nor written.")
        .seen_by(vec![
            check(Scope::Itself, "regions-have-leader")
                .weighs(25.0, 0.03)
                .explains()
                .because("its replicas know no leader", "tikv: components/raftstore/src/store/fsm/peer.rs"),
            check(Scope::Anyone, "store-up")
                .weighs(0.5, 1.3)
                .group("store")
                .because("a lost store leaves its regions without a leader for 10 to 20 s", STATES),
            check(Scope::Anyone, "store-status-server")
                .weighs(0.4, 1.1)
                .group("store")
                .because("a process that is gone leaves its regions without a leader, before PD misses it", STATES),
            check(Scope::Anyone, "store-stays-up")
                .weighs(0.3, 1.0)
                .group("store")
                .because("a store that crashes again leaves its regions without a leader each time", STATES),
            check(Scope::Anyone, "links-whole")
                .weighs(1.5, 1.0)
                .because("a cut link keeps replicas from electing", "tikv: src/server/raft_client.rs"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &["no-leader-missing"],
            &[],
            "stores look for its leader",
            "tikv: components/raftstore/src/store/fsm/peer.rs",
        ))
        .unlike(&["replica-majority-lost"])
        .cured_by(&[
            ("inspect-region", Fitness::Best, "its state on each of its stores says who lacks what"),
            ("wait", Fitness::Acceptable, "an election takes 10 to 20 s"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes while its replicas are there"),
        ])
        .until("it has been without a leader for a minute")
}

fn holes() -> Card {
    card("key-space-hole", "cluster", Severity::Critical, 0.003)
        .says(
            "Hole in the key space",
            "PD knows of no region for some ranges of keys: they can be neither read nor written, or PD was \
             restored from an old copy.",
        )
        .seen_by(vec![
            check(Scope::Itself, "no-range-holes")
                .weighs(60.0, 0.01)
                .explains()
                .because("ranges of keys belong to no region", "pd: pkg/core/region.go"),
        ])
        .unlike(&["replica-majority-lost"])
        .cured_by(&[
            ("inspect-region", Fitness::Best, "which store had the keys last, and whether a split is under way"),
            ("wait", Fitness::Acceptable, "a split or merge that is under way closes it within a minute"),
            ("unsafe-recovery", Fitness::Harmful, "would fill the hole with empty regions"),
        ])
        .until("it is there for two minutes")
}

fn repair_stuck() -> Card {
    card("replica-repair-stuck", "cluster", Severity::Warning, 0.01)
        .says(
            "Replicas are not repaired",
            "Regions lack replicas, or have replicas that do not catch up, although all stores are there: PD \
             finds no place, is not allowed to move, or snapshots fail.",
        )
        .seen_by(vec![
            check(Scope::Itself, "no-missing-peers")
                .weighs(10.0, 0.5)
                .group("lists")
                .explains()
                .because("regions have fewer replicas than their rule says", LISTS),
            check(Scope::Itself, "no-down-peers")
                .weighs(8.0, 0.6)
                .group("lists")
                .explains()
                .because("leaders miss followers for 10 minutes", LISTS),
            check(Scope::Itself, "pending-peers-drain")
                .weighs(4.0, 0.6)
                .group("lists")
                .explains()
                .because("many replicas catch up at once", LISTS),
            check(Scope::Anyone, "store-up").weighs(0.05, 2.0).because("a store that is away would explain it", STATES),
            check(Scope::Itself, "scheduling-enabled")
                .weighs(0.3, 1.2)
                .because("with scheduling off nothing would be repaired", "pd: pkg/schedule/config/config.go"),
        ])
        .brings(consequences(
            Scope::Itself,
            &["no-extra-peers", "no-lingering-learners", "no-offline-peers"],
            &[],
            "moves stop half way",
            LISTS,
        ))
        .brings(consequences(Scope::Anyone, &[], &["pending-peers"], "replicas catch up", LISTS))
        .unlike(&["scheduling-halted", "store-process-dead"])
        .cured_by(&[
            ("inspect-schedule", Fitness::Best, "PD says why it does not act: no target, store limit, paused"),
            ("speed-up-moves", Fitness::Acceptable, "if the store limit is what holds it up"),
            ("add-store", Fitness::Acceptable, "if no store is left that a replica may go to"),
            ("wait", Fitness::Acceptable, "after a mass move it may take hours"),
        ])
        .until("the lists do not shrink within an hour")
}

fn weak_rules() -> Card {
    card("replication-rules-weak", "cluster", Severity::Warning, 0.02)
        .says(
            "Replication rules are weak",
            "The number of replicas is even, below three, or more than there are stores: the loss of one store \
             stops writes or loses data.",
        )
        .seen_by(vec![
            check(Scope::Itself, "replica-rules")
                .weighs(60.0, 0.01)
                .explains()
                .because("the rule does not survive the loss of one store as it should", "pd: pkg/schedule/placement"),
        ])
        .unlike(&["replica-repair-stuck"])
        .cured_by(&[
            ("fix-replica-rules", Fitness::Best, "three replicas survive the loss of one store"),
            ("add-store", Fitness::Acceptable, "if there are fewer stores than replicas"),
            ("wait", Fitness::Acceptable, "in a cluster for tests"),
        ])
        .until("the cluster holds data that matters")
}
