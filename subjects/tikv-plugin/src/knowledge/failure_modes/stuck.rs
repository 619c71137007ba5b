//! Regions that PD does not repair, garbage collection that does not advance, reads that never end, and columnar
//! stores that take no more log.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, consequences};
use super::{REPLICAS, STAGE_SIGNALS, STAGES};

const CHECKER: &str = "pd: pkg/schedule/checker/rule_checker.go";
const JOINT: &str = "pd: pkg/schedule/checker/joint_state_checker.go";
const GC: &str = "tidb: pkg/store/gcworker/gc_worker.go";
const READ_POOL: &str = "tikv: src/read_pool.rs";
const CACHE: &str = "tikv: components/raftstore/src/store/entry_storage.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        joint_state(),
        unknown_store(),
        blocking_learner(),
        gc_stands_still(),
        reads_stuck(),
        columnar_full(),
    ]
}

const HARMFUL_RECOVERY: (&str, Fitness, &str) = (
    "unsafe-recovery",
    Fitness::Harmful,
    "discards acknowledged writes although a majority is intact",
);

fn repair(id: &str, check_id: &str, because: &str, reference: &str) -> FailureMode {
    FailureMode::new(id, "cluster", Severity::Warning, 0.01)
        .evidence(vec![
            check(Scope::Itself, check_id)
                .ratios(100.0, 0.01)
                .explains()
                .because(because, reference),
        ])
        .consequences(repair_consequences())
}

fn repair_consequences() -> Vec<EvidenceRule> {
    let lists = [
        "no-extra-peers",
        "no-lingering-learners",
        "no-offline-peers",
    ];
    let mut rules = consequences(
        Scope::Itself,
        &["operators-finish"],
        &[],
        "operators for these regions do not finish",
        CHECKER,
    );
    rules.extend(consequences(
        Scope::Itself,
        &REPLICAS,
        &[],
        "these regions are on PD's lists until they are repaired",
        CHECKER,
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &lists,
        &["pending-peers"],
        "the repair of these regions does not end",
        CHECKER,
    ));
    rules
}

fn joint_state() -> FailureMode {
    repair(
        "region-stuck-in-joint-state",
        "no-joint-state",
        "a region has been between two configurations for longer than a change takes",
        JOINT,
    )
    .description(
        "Region cannot leave its joint state",
        "PD asks for the same change of replicas again and again, and the leader cannot complete it: it is to lose its \
        own vote, or a new voter does not catch up. The region works, but cannot be moved or repaired.",
    )
    .evidence(vec![
        check(Scope::Itself, "operators-finish")
            .ratios(3.0, 0.9)
            .explains()
            .because("PD's operator for it times out again and again", JOINT),
    ])
    .alternatives(&["replica-repair-stuck"])
    .options(&[
        (
            "transfer-joint-leader",
            Fitness::Best,
            "another voter as leader can complete the change",
        ),
        (
            "inspect-region",
            Fitness::Acceptable,
            "shows which replica is to leave and which does not catch up",
        ),
        ("wait", Fitness::Useless, "PD repeats an operator that times out"),
        HARMFUL_RECOVERY,
    ])
    .revisit_when("the operator still times out with another leader")
}

fn unknown_store() -> FailureMode {
    repair(
        "peers-on-unknown-store",
        "no-peers-on-unknown-stores",
        "a region has a replica on a store that PD does not list",
        CHECKER,
    )
    .description(
        "Replicas on a store that PD has forgotten",
        "The record of a removed store was deleted while regions still had replicas there. PD's checker stops at the \
        unknown store and makes up no replacement: these regions have one replica less, for good.",
    )
    .alternatives(&["replica-repair-stuck", "store-process-dead"])
    .options(&[
        (
            "remove-unknown-peer",
            Fitness::Best,
            "PD makes up the replica as soon as the dead one is removed",
        ),
        (
            "inspect-region",
            Fitness::Acceptable,
            "lists the replicas of each region",
        ),
        ("wait", Fitness::Useless, "PD does not get past the unknown store"),
        HARMFUL_RECOVERY,
    ])
    .revisit_when("the store turns out to exist after all")
}

fn blocking_learner() -> FailureMode {
    repair(
        "learner-blocks-repair",
        "no-learners-beside-dead-voters",
        "a region has a dead voter and a healthy learner, and PD no longer promotes the learner to replace it",
        CHECKER,
    )
    .description(
        "Dead replicas are not replaced",
        "Regions have a dead voter and a healthy learner beside two healthy voters. PD neither promotes the learner nor \
        removes it while something is unhealthy, so the removal of the broken store does not end.",
    )
    .consequences(consequences(
        Scope::Anyone,
        &[
            "removal-has-room",
            "store-heartbeat",
            "store-leads",
            "store-status-server",
            "store-up",
        ],
        &["heartbeat-lag"],
        "the broken store is being removed and does not come back",
        CHECKER,
    ))
    .alternatives(&["replica-repair-stuck", "store-process-dead"])
    .options(&[
        (
            "remove-blocking-learner",
            Fitness::Best,
            "PD then replaces the dead voter",
        ),
        (
            "inspect-region",
            Fitness::Acceptable,
            "lists the replicas of each region",
        ),
        (
            "wait",
            Fitness::Useless,
            "PD does not get past it; later versions do",
        ),
        (
            "start-store",
            Fitness::Useless,
            "the broken store is being removed and was replaced",
        ),
        HARMFUL_RECOVERY,
    ])
    .revisit_when("another of its replicas is lost")
}

fn gc_stands_still() -> FailureMode {
    FailureMode::new("gc-stands-still", "cluster", Severity::Warning, 0.01)
        .description(
            "Garbage collection does not advance",
            "The safepoint of garbage collection itself has not moved for longer than its period, and no other service \
            holds it back: the oldest open transaction of the SQL layer, or the worker that drives it, is stuck. Deleted \
            data keeps its space, and reads skip more and more old versions.",
        )
        .evidence(vec![
            check(Scope::Itself, "gc-advances")
                .ratios(60.0, 0.01)
                .explains()
                .because("its own safepoint is hours old and does not move", GC),
            check(Scope::Itself, "gc-not-held-back")
                .ratios(0.05, 1.5)
                .because("the safepoint of another service would be the cause", GC),
        ])
        .alternatives(&["gc-held-back"])
        .options(&[
            (
                "find-oldest-transaction",
                Fitness::Best,
                "ending that session lets garbage collection pass",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a long job is known to run and to end",
            ),
            (
                "remove-service-safepoint",
                Fitness::Harmful,
                "the safepoint of gc_worker must never be deleted or moved by hand: running reads lose their versions",
            ),
        ])
        .revisit_when("the oldest transaction is known, or disk space runs low")
}

fn reads_stuck() -> FailureMode {
    FailureMode::new("reads-stuck", "store", Severity::Critical, 0.01)
        .description(
            "Reads wait while the read threads idle",
            "The read pool of {name} is full of tasks that wait for something that does not come, and its threads do \
            nothing. New reads are refused as soon as the pool has no room. A restart frees the tasks.",
        )
        .evidence(vec![
            check(Scope::Itself, "reads-move")
                .ratios(100.0, 0.01)
                .explains()
                .because("thousands of tasks wait, and the threads of the pool use no CPU", READ_POOL),
        ])
        .consequences(consequences(
            Scope::Itself,
            &STAGES,
            &STAGE_SIGNALS,
            "reads do not end",
            READ_POOL,
        ))
        .consequences(consequences(
            Scope::Itself,
            &["mailboxes-not-full"],
            &["read-cores", "processor-cores", "request-rate"],
            "reads do not end",
            READ_POOL,
        ))
        .alternatives(&["read-pool-saturated", "cpu-starved"])
        .options(&[
            (
                "restart-store-in-order",
                Fitness::Best,
                "only the end of the process frees the tasks",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "other stores serve the reads meanwhile",
            ),
            (
                "enlarge-read-pool",
                Fitness::Useless,
                "its threads have nothing to do",
            ),
            ("wait", Fitness::Useless, "the tasks wait for ever"),
        ])
        .revisit_when("it happens again after the restart")
}

fn columnar_full() -> FailureMode {
    FailureMode::new("tiflash-takes-no-log", "tiflash", Severity::Critical, 0.02)
        .description(
            "TiFlash store takes no more log",
            "{name} has no space left or does not keep up, and takes no more log. The leaders on the TiKV stores keep \
            the log for it in memory and on disk; at their memory limit they reject appends and writes.",
        )
        .evidence(vec![
            check(Scope::Itself, "tiflash-keeps-up")
                .ratios(40.0, 0.03)
                .explains()
                .because("most of its replicas wait for log", CACHE),
            check(Scope::Itself, "tiflash-space")
                .ratios(10.0, 0.5)
                .explains()
                .because("it has no space left", CACHE),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &[
                "memory-outlived",
                "memory-quota",
                "no-lingering-learners",
                "pending-peers-drain",
                "scheduler-not-busy",
            ],
            &["memory", "pending-peers"],
            "the leaders keep the log that it does not take",
            CACHE,
        ))
        .consequences(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "appends are rejected and repeated",
            CACHE,
        ))
        .alternatives(&["memory-pressure"])
        .options(&[
            (
                "give-tiflash-space",
                Fitness::Best,
                "it takes the log again, and everything else follows",
            ),
            (
                "drop-tiflash-replicas",
                Fitness::Acceptable,
                "takes the load away where space cannot be had",
            ),
            (
                "wait",
                Fitness::Useless,
                "the log on the TiKV stores only grows",
            ),
        ])
        .revisit_when("it has space and still does not keep up")
}

/// A store that reads old log for one that came back.
pub(super) fn feeding_a_returned_store() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Others, "store-restart")
            .ratios(10.0, 0.05)
            .group("returned")
            .because_not("no other store came back lately")
            .because(
                "another store came back and needs the log that it missed",
                CACHE,
            ),
        anomaly(Scope::Itself, "log-read-flow")
            .ratios(12.0, 0.3)
            .explains()
            .because("it reads old Raft log from its disk", CACHE),
    ]
}
