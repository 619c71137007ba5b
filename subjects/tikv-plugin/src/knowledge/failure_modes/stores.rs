//! Stores that are gone, unreachable, hung or damaged.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use operator_plugin::{Comparison, Scalar};

use super::super::builder::{
    Describe, cell, check, consequences, reported_unreachable, store_probe,
};
use super::endings::{cause, phase};
use super::{FLOWS, POOL_SIGNALS, POOLS, REPLICAS, STAGE_SIGNALS, STAGES};

const ELECTION: &str = "tikv: components/raftstore/src/store/config.rs";
/// `Disconnected` after 20 s without a heartbeat, `Down` after 30 min.
const STATES: &str = "pd: pkg/core/store.go";
const REPORTS: &str = "tikv: src/server/raft_client.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        process_dead(),
        machine_lost(),
        process_stalled(),
        corrupted(),
    ]
}

fn process_dead() -> FailureMode {
    FailureMode::new("store-process-dead", "store", Severity::Critical, 0.05)
        .description(
            "Store process dead",
            "The TiKV process of {name} is gone while its machine responds. Its leaders \
            are elected elsewhere within 10 to 20 s; its regions have one replica less \
            until it is started again.",
        )
        .evidence(process_dead_evidence())
        .consequences(lost_store_consequences())
        .alternatives(&[
            "store-machine-or-network-lost",
            "store-process-stalled",
            "store-pd-partition",
        ])
        .options(&[
            (
                "start-store",
                Fitness::Best,
                "its data is still there: the replicas catch up within minutes",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "its log or the kernel log shows the reason: memory, disk or panic",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "every region keeps a majority; PD rebuilds nothing for 30 minutes",
            ),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "if it is known to take longer than 30 minutes to return",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the process only needs a start",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes although nothing is lost",
            ),
        ])
        .revisit_when(
            "it is not back within 30 minutes, a second store is lost, or it crashes \
            again after a start",
        )
}

fn process_dead_evidence() -> Vec<EvidenceRule> {
    vec![
        heartbeats_missing(),
        single_store_lost(),
        store_probe("refused")
            .ratios(30.0, 0.05)
            .group("probe")
            .because(
                "the machine refuses connections: no process listens there",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("timeout")
            .ratios(0.1, 1.0)
            .group("probe")
            .because(
                "a machine that is up refuses the connection immediately",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("ok").ratios(0.01, 1.0).group("probe").because(
            "a dead process does not respond",
            "tikv: src/server/status_server/mod.rs",
        ),
        check(Scope::Itself, "store-stays-up")
            .ratios(0.005, 1.0)
            .because(
                "it restarts each time; the problem is that it keeps crashing",
                STATES,
            ),
        reported_unreachable()
            .ratios(5.0, 0.6)
            .because("other stores cannot deliver messages to it", REPORTS),
        cause("none")
            .ratios(2.0, 0.04)
            .because_not("its log says how it ended, or that it was asked to stop")
            .because("its log ends without a word, as after a kill", REPORTS),
        phase("starting")
            .ratios(0.03, 1.0)
            .because("its log says that it is starting", STATES),
        being_removed(),
    ]
}

/// A store that is being removed is not meant to come back.
fn being_removed() -> EvidenceRule {
    let value = Scalar::Text("Removing".to_owned());
    cell(
        Scope::Itself,
        ("stores", "store", "node_state"),
        Comparison::Eq,
        value,
    )
    .ratios(0.005, 1.0)
    .because("PD is removing it, so it is not meant to come back", STATES)
}

fn machine_lost() -> FailureMode {
    FailureMode::new(
        "store-machine-or-network-lost",
        "store",
        Severity::Critical,
        0.03,
    )
    .description(
        "Store machine or its network lost",
        "{name} is unreachable for PD, the other stores and the operator. Its \
        machine or the network to it is down. Its leaders are elected elsewhere \
        within 10 to 20 s.",
    )
    .evidence(machine_lost_evidence())
    .consequences(lost_store_consequences())
    .alternatives(&[
        "store-process-dead",
        "store-process-stalled",
        "store-pd-partition",
    ])
    .options(&[
        (
            "inspect-store",
            Fitness::Best,
            "check power, cable, switch and kernel: nothing inside TiKV or PD helps",
        ),
        (
            "wait",
            Fitness::Acceptable,
            "every region keeps a majority; PD rebuilds nothing for 30 minutes",
        ),
        (
            "raise-max-store-down-time",
            Fitness::Acceptable,
            "if the machine is known to take longer than 30 minutes to return",
        ),
        (
            "delete-store",
            Fitness::Harmful,
            "copies all its data although the machine may return with it",
        ),
        (
            "unsafe-recovery",
            Fitness::Harmful,
            "discards acknowledged writes although nothing is lost",
        ),
    ])
    .revisit_when("the machine is confirmed lost for good, or a second store is lost")
}

fn machine_lost_evidence() -> Vec<EvidenceRule> {
    vec![
        heartbeats_missing(),
        being_removed(),
        single_store_lost(),
        store_probe("timeout")
            .ratios(20.0, 0.1)
            .group("probe")
            .because(
                "nothing responds at all, not even with a refusal",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("refused")
            .ratios(0.03, 1.0)
            .group("probe")
            .because(
                "a machine that refuses connections is up",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("ok").ratios(0.01, 1.0).group("probe").because(
            "the operator can reach it",
            "tikv: src/server/status_server/mod.rs",
        ),
        reported_unreachable().ratios(5.0, 0.3).because(
            "other stores lose their connections to it immediately",
            REPORTS,
        ),
    ]
}

fn process_stalled() -> FailureMode {
    FailureMode::new("store-process-stalled", "store", Severity::Critical, 0.015)
        .description(
            "Store process hung",
            "The process of {name} exists but does not run: it is stopped by a signal \
            or a debugger, starved, or blocked in the kernel. Its connections stay \
            open, so clients wait instead of failing over.",
        )
        .evidence(process_stalled_evidence())
        .consequences(lost_store_consequences())
        .alternatives(&[
            "hung-disk",
            "store-machine-or-network-lost",
            "store-process-dead",
        ])
        .options(&[
            (
                "inspect-store",
                Fitness::Best,
                "the process state on its machine distinguishes a stopped process (T) from \
                a hung disk (D)",
            ),
            (
                "kill-store",
                Fitness::Acceptable,
                "makes clients and stores drop their connections to it; then it can be \
                started again",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "every region keeps a majority, and the process may be resumed",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the process is only hung",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes although nothing is lost",
            ),
        ])
        .revisit_when("the process state on its machine is known")
}

fn process_stalled_evidence() -> Vec<EvidenceRule> {
    vec![
        heartbeats_missing(),
        being_removed(),
        single_store_lost(),
        store_probe("timeout")
            .ratios(15.0, 0.1)
            .group("probe")
            .because(
                "the kernel accepts the connection, but the process does not respond",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("refused")
            .ratios(0.01, 1.0)
            .group("probe")
            .because(
                "a hung process keeps its socket",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("ok")
            .ratios(0.05, 1.0)
            .group("probe")
            .because("it responds", "tikv: src/server/status_server/mod.rs"),
        reported_unreachable().ratios(0.7, 2.5).because(
            "its connections stay open, so the other stores notice late or never",
            REPORTS,
        ),
    ]
}

fn corrupted() -> FailureMode {
    FailureMode::new("store-data-damaged", "store", Severity::Critical, 0.005)
        .description(
            "Corrupted data or failing disk",
            "{name} reported an error that is never harmless: a corrupted file, a \
            failed read or a disk that does not respond.",
        )
        .evidence(corrupted_evidence())
        .evidence(super::endings::process_gone())
        .consequences(super::endings::ending_consequences())
        .alternatives(&["hung-disk", "store-panicked"])
        .options(&[
            (
                "replace-store",
                Fitness::Best,
                "damage does not heal, and the other replicas are intact; check disk and memory of its machine",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "the type of error and the file are in its log",
            ),
            (
                "start-store",
                Fitness::Harmful,
                "TiKV itself forbids it: removing panic_mark_file to force a start can spread the damage",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "moves reads and writes away from the damage while the other replicas are \
                intact",
            ),
            (
                "wait",
                Fitness::Useless,
                "corruption does not heal, and a second damaged replica loses data",
            ),
            (
                "delete-store",
                Fitness::Acceptable,
                "rebuilds its replicas elsewhere, if the other replicas are intact and \
                there is space",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes although a majority is intact",
            ),
        ])
        .revisit_when("the error in its log is known")
}

fn corrupted_evidence() -> Vec<EvidenceRule> {
    vec![
        cause("damaged-data").ratios(100.0, 0.2).because(
            "its log ends with a damaged file",
            "tikv: components/engine_rocks/src/event_listener.rs",
        ),
        cause("missing-file").ratios(60.0, 0.2).because(
            "its log ends with a missing file",
            "tikv: components/engine_rocks/src/event_listener.rs",
        ),
        cause("panic-mark").ratios(100.0, 0.2).because(
            "it refuses to start because a panic left its mark behind",
            "tikv: components/server/src/server.rs",
        ),
        check(Scope::Itself, "process-ending")
            .ratios(2.0, 0.9)
            .explains()
            .because(
                "its process ended by itself",
                "tikv: components/server/src/server.rs",
            ),
        check(Scope::Itself, "critical-errors")
            .ratios(40.0, 0.2)
            .group("log")
            .explains()
            .because(
                "it has counted critical errors since its start",
                "tikv: components/tikv_util/src/metrics",
            ),
        check(Scope::Itself, "store-disk-probe")
            .ratios(3.0, 0.9)
            .explains()
            .because(
                "its disk probes fail too",
                "tikv: components/raftstore/src/store/fail_fast.rs",
            ),
    ]
}

/// PD receives no heartbeats, as when the store cannot be reached at all.
pub(super) fn heartbeats_missing() -> EvidenceRule {
    check(Scope::Itself, "store-up")
        .ratios(20.0, 0.02)
        .group("away")
        .explains()
        .because(
            "PD has received no heartbeat from it for two intervals",
            STATES,
        )
}

/// When several stores are lost together, `replica-majority-lost` is the cause.
fn single_store_lost() -> EvidenceRule {
    check(Scope::Neighbours, "replica-majority")
        .ratios(0.01, 1.1)
        .because(
            "where a majority is lost, more than this store is affected",
            STATES,
        )
}

/// What the loss of a store, and its return, disturb elsewhere.
pub(super) fn lost_store_consequences() -> Vec<EvidenceRule> {
    let own = [
        "links-whole",
        "no-leader-missing",
        "process-ending",
        "process-starting",
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
        "a store that is down sends and receives nothing, and catches up when it is \
        back",
        STATES,
    );
    rules.extend(moved_load());
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
        "the other stores retain the logs that it missed, and its followers search \
        for a leader",
        "tikv: components/raftstore/src/store/peer_storage.rs",
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &["regions-have-leader"],
        &[],
        "the regions that it led have no leader until the election",
        ELECTION,
    ));
    rules
}

/// What the other stores take over.
fn moved_load() -> Vec<EvidenceRule> {
    let moved = "its leaders and their load move to the other stores";
    let mut rules = consequences(
        Scope::Anyone,
        &STAGES,
        &STAGE_SIGNALS,
        "requests wait for elections and for one follower less",
        ELECTION,
    );
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
    rules
}
