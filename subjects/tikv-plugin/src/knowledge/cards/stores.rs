//! A store that is gone, cut off, stopped or restarted.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};

use super::super::rules::{
    Write, anomaly, card, check, consequences, reported_unreachable, store_probe,
};
use super::{FLOWS, POOL_SIGNALS, POOLS, REPLICAS, STAGE_SIGNALS, STAGES};

/// `Disconnected` after 20 s without a heartbeat, `Down` after 30 min.
const STATES: &str = "pd: pkg/core/store.go";
const REPORTS: &str = "tikv: src/server/raft_client.rs";
const MEMORY: &str = "tikv: components/tikv_util/src/sys";
const ELECTION: &str = "tikv: components/raftstore/src/store/config.rs";

pub(super) fn cards() -> Vec<Card> {
    vec![
        process_dead(),
        machine_lost(),
        process_stalled(),
        restarted(),
        crash_loop(),
        ended_for_memory(),
        corrupted(),
    ]
}

fn process_dead() -> Card {
    card("store-process-dead", "store", Severity::Critical, 0.05)
        .says(
            "Store process dead",
            "The TiKV process of {name} is gone while its machine answers. Its leaders are elected elsewhere \
             within 10 to 20 s; its regions have one replica less until it is started again.",
        )
        .seen_by(vec![
            gone(),
            alone(),
            store_probe("refused").weighs(30.0, 0.05).group("probe").because(
                "the machine refuses connections: no process listens there",
                "tikv: src/server/status_server/mod.rs",
            ),
            store_probe("timeout")
                .weighs(0.1, 1.0)
                .group("probe")
                .because("a machine that is there refuses at once", "tikv: src/server/status_server/mod.rs"),
            store_probe("ok")
                .weighs(0.01, 1.0)
                .group("probe")
                .because("a dead process answers nothing", "tikv: src/server/status_server/mod.rs"),
            check(Scope::Itself, "store-stays-up")
                .weighs(0.005, 1.0)
                .because("it was started again each time: that it dies again is the matter", STATES),
            reported_unreachable().weighs(5.0, 0.6).because("other stores cannot deliver to it", REPORTS),
        ])
        .brings(of_a_lost_store())
        .unlike(&["store-machine-or-network-lost", "store-process-stalled", "store-pd-partition"])
        .cured_by(&[
            ("start-store", Fitness::Best, "its data is still there: the replicas catch up in minutes"),
            ("inspect-store", Fitness::Acceptable, "why it died is in its log or the kernel's: memory, disk, panic"),
            ("wait", Fitness::Acceptable, "every region keeps a majority; PD rebuilds nothing for 30 minutes"),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "when it is known to come back later than in 30 minutes",
            ),
            ("delete-store", Fitness::Harmful, "copies all its data although the process only needs a start"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although nothing is lost"),
        ])
        .until("it is not back within 30 minutes, a second store is lost, or it dies again after a start")
}

fn machine_lost() -> Card {
    card("store-machine-or-network-lost", "store", Severity::Critical, 0.03)
        .says(
            "Store machine or its network lost",
            "Nobody reaches {name}: not PD, not the other stores, not the operator. Its machine or the network \
             to it is down. Its leaders are elected elsewhere within 10 to 20 s.",
        )
        .seen_by(vec![
            gone(),
            alone(),
            store_probe("timeout")
                .weighs(20.0, 0.1)
                .group("probe")
                .because("nothing answers at all, not even with a refusal", "tikv: src/server/status_server/mod.rs"),
            store_probe("refused")
                .weighs(0.03, 1.0)
                .group("probe")
                .because("a machine that refuses is there", "tikv: src/server/status_server/mod.rs"),
            store_probe("ok")
                .weighs(0.01, 1.0)
                .group("probe")
                .because("the operator reaches it", "tikv: src/server/status_server/mod.rs"),
            reported_unreachable()
                .weighs(5.0, 0.3)
                .because("other stores lose their connections to it at once", REPORTS),
        ])
        .brings(of_a_lost_store())
        .unlike(&["store-process-dead", "store-process-stalled", "store-pd-partition"])
        .cured_by(&[
            ("inspect-store", Fitness::Best, "power, cable, switch, kernel: nothing inside TiKV or PD helps"),
            ("wait", Fitness::Acceptable, "every region keeps a majority; PD rebuilds nothing for 30 minutes"),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "when the machine is known to come back later than in 30 minutes",
            ),
            ("delete-store", Fitness::Harmful, "copies all its data although the machine may return with it"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although nothing is lost"),
        ])
        .until("the machine is known to be lost for good, or a second store is lost")
}

fn process_stalled() -> Card {
    card("store-process-stalled", "store", Severity::Critical, 0.015)
        .says(
            "Store process stands still",
            "The process of {name} is there and does not run: stopped by a signal or a debugger, starved, or \
             all of it stuck in the kernel. Connections to it stay open, so that clients wait instead of going \
             elsewhere.",
        )
        .seen_by(vec![
            gone(),
            alone(),
            store_probe("timeout").weighs(15.0, 0.1).group("probe").because(
                "the kernel accepts the connection and nobody answers it",
                "tikv: src/server/status_server/mod.rs",
            ),
            store_probe("refused")
                .weighs(0.01, 1.0)
                .group("probe")
                .because("a process that stands still keeps its socket", "tikv: src/server/status_server/mod.rs"),
            store_probe("ok")
                .weighs(0.05, 1.0)
                .group("probe")
                .because("it answers", "tikv: src/server/status_server/mod.rs"),
            reported_unreachable()
                .weighs(0.7, 2.5)
                .because("its connections stay open, so that the others notice late or never", REPORTS),
        ])
        .brings(of_a_lost_store())
        .unlike(&["hung-disk", "store-machine-or-network-lost", "store-process-dead"])
        .cured_by(&[
            (
                "inspect-store",
                Fitness::Best,
                "the state of the process on its machine tells a stop (T) from a hung disk (D)",
            ),
            ("kill-store", Fitness::Acceptable, "makes clients and stores let go of it; it can then be started again"),
            ("wait", Fitness::Acceptable, "every region keeps a majority, and whoever stopped it may let it run again"),
            ("delete-store", Fitness::Harmful, "copies all its data although the process only stands still"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although nothing is lost"),
        ])
        .until("the state of the process on its machine is known")
}

fn restarted() -> Card {
    card("store-restarted", "store", Severity::Info, 0.05)
        .says(
            "Store restarted",
            "{name} was started again. For some minutes it catches up and its cache is cold; leaders come back slowly.",
        )
        .seen_by(vec![
            check(Scope::Itself, "store-restart")
                .weighs(20.0, 0.02)
                .explains()
                .because("it says that it started later than before", "pd: server/cluster/cluster.go"),
            check(Scope::Itself, "memory-outlived")
                .weighs(0.05, 1.0)
                .because("its memory was used up: nobody restarted it", MEMORY),
            check(Scope::Itself, "store-stays-up")
                .weighs(0.05, 1.0)
                .because("who restarts a store does it once", "pd: server/cluster/cluster.go"),
            check(Scope::Itself, "store-up").weighs(0.1, 1.3).because("a restart that PD notices took long", STATES),
            store_probe("ok")
                .weighs(1.5, 0.3)
                .because("a restart ends with a store that answers", "tikv: src/server/status_server/mod.rs"),
        ])
        .brings(of_a_lost_store())
        .unlike(&["store-process-dead"])
        .cured_by(&[
            ("wait", Fitness::Best, "it catches up by itself within minutes"),
            ("read-store-log", Fitness::Acceptable, "if nobody restarted it: the last lines before the start say why"),
            ("evict-leaders", Fitness::Useless, "its leaders have moved already"),
        ])
        .until("it restarts again within 30 minutes, or is still busy after 5")
}

fn crash_loop() -> Card {
    card("store-crash-loop", "store", Severity::Critical, 0.01)
        .says(
            "Store crashes again and again",
            "{name} has started three times within half an hour: its process dies soon after each start, and its \
             supervisor starts it again. It serves nobody for long, and its leaders go back and forth.",
        )
        .seen_by(vec![
            check(Scope::Itself, "store-stays-up")
                .weighs(60.0, 0.01)
                .explains()
                .because("it said three times that it had started later than before", "pd: server/cluster/cluster.go"),
            store_probe("refused")
                .weighs(5.0, 1.0)
                .because("at this moment it is down again", "tikv: src/server/status_server/mod.rs"),
            check(Scope::Itself, "memory-outlived")
                .weighs(0.7, 1.1)
                .because("its memory would be the reason", "tikv: components/tikv_util/src/sys"),
        ])
        .brings(of_a_lost_store())
        .brings(consequences(Scope::Itself, &["store-up"], &[], "it is down again", STATES))
        .brings(consequences(Scope::Others, &["links-whole"], &[], "the others lose and find it again", REPORTS))
        .unlike(&["store-restarted", "store-process-dead", "store-ended-for-memory"])
        .cured_by(&[
            (
                "read-store-log",
                Fitness::Best,
                "the last lines before each start name the reason; without any it is in the kernel's log",
            ),
            ("evict-leaders", Fitness::Acceptable, "clients no longer meet it while it comes and goes"),
            ("kill-store", Fitness::Acceptable, "kept down, it no longer disturbs; the others have a majority"),
            ("wait", Fitness::Acceptable, "every region keeps a majority, but nothing suggests that it ends by itself"),
            ("delete-store", Fitness::Harmful, "copies all its data before anybody knows the reason"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although nothing is lost"),
        ])
        .until("its log names the reason, or a second store does the same")
}

fn ended_for_memory() -> Card {
    card("store-ended-for-memory", "store", Severity::Warning, 0.01)
        .says(
            "Store ended for its memory",
            "The process of {name} had used up its memory when it ended, and was started again: the kernel ends \
             what takes more than it may have, without a line in its log. It will happen again.",
        )
        .seen_by(vec![
            check(Scope::Itself, "memory-outlived")
                .weighs(60.0, 0.01)
                .explains()
                .because("it was near its limit when it was last seen before it started", MEMORY),
            check(Scope::Itself, "memory-quota")
                .weighs(3.0, 0.9)
                .group("before")
                .explains()
                .because("it had used more than 80 % of its memory for a while", MEMORY),
            anomaly(Scope::Itself, "memory")
                .weighs(3.0, 0.9)
                .group("before")
                .explains()
                .because("its memory had grown", MEMORY),
            check(Scope::Itself, "store-stays-up")
                .weighs(1.2, 1.0)
                .because("what takes too much memory takes it again", MEMORY),
        ])
        .brings(of_a_lost_store())
        .unlike(&["store-restarted", "memory-pressure"])
        .cured_by(&[
            ("shrink-block-cache", Fitness::Best, "leaves room for what grows; acts at once"),
            ("reduce-load", Fitness::Acceptable, "large scans hold memory until they end"),
            ("read-store-log", Fitness::Acceptable, "the kernel's log says what it ended, and when"),
            ("evict-leaders", Fitness::Acceptable, "moves reads and their memory away"),
            ("wait", Fitness::Acceptable, "once; a second time is a leak or a cache that is too large"),
            ("delete-store", Fitness::Harmful, "copies all its data although the process only needs room"),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although nothing is lost"),
        ])
        .until("its memory grows again, or it ends again")
}

fn corrupted() -> Card {
    card("store-data-damaged", "store", Severity::Critical, 0.005)
        .says(
            "Store met damaged data or a failing disk",
            "{name} reported an error that is never harmless: a damaged file, a read that failed, a disk that \
             does not answer.",
        )
        .seen_by(vec![
            check(Scope::Itself, "critical-errors")
                .weighs(40.0, 0.02)
                .explains()
                .because("it counts critical errors since its start", "tikv: components/tikv_util/src/metrics"),
            check(Scope::Itself, "store-disk-probe")
                .weighs(3.0, 0.9)
                .explains()
                .because("its disk probes fail as well", "tikv: components/raftstore/src/store/fail_fast.rs"),
        ])
        .unlike(&["hung-disk"])
        .cured_by(&[
            (
                "read-store-log",
                Fitness::Best,
                "the kind of the error and the file are in its log; everything else depends on them",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "takes reads and writes away from the damage while the replicas are whole",
            ),
            ("wait", Fitness::Useless, "damage does not heal, and a second damaged replica loses data"),
            (
                "delete-store",
                Fitness::Acceptable,
                "rebuilds its replicas elsewhere, if the others are whole and have room",
            ),
            ("unsafe-recovery", Fitness::Harmful, "gives up acknowledged writes although a majority is whole"),
        ])
        .until("its log names the error")
}

/// PD no longer hears of it, or nobody does.
fn gone() -> EvidenceRule {
    check(Scope::Itself, "store-up")
        .weighs(20.0, 0.02)
        .group("away")
        .explains()
        .because("PD has not heard of it for two heartbeats", STATES)
}

/// Stores that are lost together are one trouble, and another card's.
fn alone() -> EvidenceRule {
    check(Scope::Neighbours, "replica-majority")
        .weighs(0.01, 1.1)
        .because(
            "where a majority is lost it is not this store alone",
            STATES,
        )
}

/// What the loss of a store brings with it, and its return.
pub(super) fn of_a_lost_store() -> Vec<EvidenceRule> {
    let own = [
        "links-whole",
        "no-leader-missing",
        "store-busy",
        "store-heartbeat",
        "store-leads",
        "store-restart",
        "store-status-server",
        "store-threads-run",
    ];
    let own_signals = [
        "heartbeat-lag",
        "heartbeat-queue",
        "pending-peers",
        "unreachable-rate",
    ];
    let mut rules = consequences(
        Scope::Itself,
        &own,
        &own_signals,
        "a store that is away sends and gets nothing, and catches up when it is back",
        STATES,
    );
    let moved = "its leaders and their load move to the other stores";
    rules.extend(consequences(
        Scope::Anyone,
        &STAGES,
        &STAGE_SIGNALS,
        "requests wait for elections and for one follower less",
        ELECTION,
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &POOLS,
        &POOL_SIGNALS,
        moved,
        ELECTION,
    ));
    rules.extend(consequences(Scope::Anyone, &[], &FLOWS, moved, ELECTION));
    rules.extend(consequences(
        Scope::Anyone,
        &["leader-balance", "region-balance"],
        &["leader-count"],
        moved,
        ELECTION,
    ));
    rules.extend(consequences(
        Scope::Neighbours,
        &REPLICAS,
        &[],
        "its replicas are missing until it is back",
        "pd: pkg/statistics/region_collection.go",
    ));
    rules.extend(consequences(
        Scope::Others,
        &["memory-quota", "no-leader-missing"],
        &["memory"],
        "the others keep what it has missed, and its followers look for a leader",
        "tikv: components/raftstore/src/store/peer_storage.rs",
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &["regions-have-leader"],
        &[],
        "regions that it led are without a leader until the election",
        ELECTION,
    ));
    rules
}
