//! Stores that were restarted, deliberately or not.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, consequences, store_probe};
use super::stores::lost_store_consequences;

/// `Disconnected` after 20 s without a heartbeat, `Down` after 30 min.
const STATES: &str = "pd: pkg/core/store.go";
const REPORTS: &str = "tikv: src/server/raft_client.rs";
const MEMORY: &str = "tikv: components/tikv_util/src/sys";

pub(super) fn all() -> Vec<FailureMode> {
    vec![restarted(), crash_loop(), oom_killed()]
}

fn restarted() -> FailureMode {
    FailureMode::new("store-restarted", "store", Severity::Info, 0.05)
        .description(
            "Store restarted",
            "{name} was restarted. For some minutes it catches up with a cold cache; \
            leaders return slowly.",
        )
        .evidence(vec![
            check(Scope::Itself, "store-restart")
                .ratios(20.0, 0.02)
                .explains()
                .because(
                    "it reports a later start time than before",
                    "pd: server/cluster/cluster.go",
                ),
            check(Scope::Itself, "memory-outlived")
                .ratios(0.05, 1.0)
                .because(
                    "it had run out of memory, so this was not a deliberate restart",
                    MEMORY,
                ),
            check(Scope::Itself, "store-stays-up")
                .ratios(0.05, 1.0)
                .because(
                    "a deliberate restart happens once",
                    "pd: server/cluster/cluster.go",
                ),
            check(Scope::Itself, "store-up")
                .ratios(0.1, 1.3)
                .because("a restart long enough for PD to notice took long", STATES),
            store_probe("ok").ratios(1.5, 0.3).because(
                "a restart ends with a store that responds",
                "tikv: src/server/status_server/mod.rs",
            ),
        ])
        .consequences(lost_store_consequences())
        .alternatives(&["store-process-dead"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "it catches up by itself within minutes",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "if the restart was not deliberate: the last log lines before the start \
                show the reason",
            ),
            (
                "evict-leaders",
                Fitness::Useless,
                "its leaders have already moved",
            ),
        ])
        .revisit_when("it restarts again within 30 minutes, or is still busy after 5 minutes")
}

fn crash_loop() -> FailureMode {
    FailureMode::new("store-crash-loop", "store", Severity::Critical, 0.01)
        .description(
            "Store crash loop",
            "{name} has started three times within 30 minutes: its process dies soon \
            after each start, and its supervisor restarts it. It never serves for \
            long, and its leaders move back and forth.",
        )
        .evidence(crash_loop_evidence())
        .consequences(lost_store_consequences())
        .consequences(consequences(
            Scope::Itself,
            &["store-up"],
            &[],
            "it is down again",
            STATES,
        ))
        .consequences(consequences(
            Scope::Others,
            &["links-whole"],
            &[],
            "the other stores repeatedly lose and regain it",
            REPORTS,
        ))
        .alternatives(&[
            "store-restarted",
            "store-process-dead",
            "store-ended-for-memory",
        ])
        .options(&[
            (
                "read-store-log",
                Fitness::Best,
                "the last log lines before each start show the reason; if there are none, \
                it is in the kernel log",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "clients no longer hit it while it comes and goes",
            ),
            (
                "kill-store",
                Fitness::Acceptable,
                "once it stays down it no longer disturbs the cluster; the other stores \
                have a majority",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "every region keeps a majority, but nothing suggests that it stops by \
                itself",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data before the reason is known",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes although nothing is lost",
            ),
        ])
        .revisit_when("its log shows the reason, or a second store does the same")
}

fn crash_loop_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "store-stays-up")
            .ratios(60.0, 0.01)
            .explains()
            .because(
                "it reported a later start time than before three times",
                "pd: server/cluster/cluster.go",
            ),
        store_probe("refused").ratios(5.0, 1.0).because(
            "it is down again right now",
            "tikv: src/server/status_server/mod.rs",
        ),
        check(Scope::Itself, "memory-outlived")
            .ratios(0.7, 1.1)
            .because(
                "its memory would be the reason",
                "tikv: components/tikv_util/src/sys",
            ),
    ]
}

fn oom_killed() -> FailureMode {
    FailureMode::new("store-ended-for-memory", "store", Severity::Warning, 0.01)
        .description(
            "Store OOM-killed",
            "The process of {name} had exhausted its memory when it exited, and was \
            started again: the kernel OOM-kills a process that exceeds its memory \
            limit, without a line in its log. It will happen again.",
        )
        .evidence(oom_killed_evidence())
        .consequences(lost_store_consequences())
        .alternatives(&["store-restarted", "memory-pressure"])
        .options(&[
            (
                "shrink-block-cache",
                Fitness::Best,
                "makes room for the memory that grows; effective immediately",
            ),
            (
                "reduce-load",
                Fitness::Acceptable,
                "large scans hold memory until they end",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "the kernel log shows which process it killed, and when",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "moves reads and their memory to other stores",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "once; a second time indicates a leak or an oversized cache",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the process only needs more memory",
            ),
            (
                "unsafe-recovery",
                Fitness::Harmful,
                "discards acknowledged writes although nothing is lost",
            ),
        ])
        .revisit_when("its memory grows again, or it is killed again")
}

fn oom_killed_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "memory-outlived")
            .ratios(60.0, 0.01)
            .explains()
            .because(
                "it was near its memory limit when last observed before the start",
                MEMORY,
            ),
        check(Scope::Itself, "memory-quota")
            .ratios(3.0, 0.9)
            .group("before")
            .explains()
            .because(
                "it had used more than 80 % of its memory for a while",
                MEMORY,
            ),
        anomaly(Scope::Itself, "memory")
            .ratios(3.0, 0.9)
            .group("before")
            .explains()
            .because("its memory usage had grown", MEMORY),
        super::endings::cause("none")
            .ratios(1.5, 0.05)
            .because_not("its log says how it ended")
            .because(
                "the kernel ends a process without a line in its log",
                MEMORY,
            ),
        check(Scope::Itself, "store-stays-up")
            .ratios(1.2, 1.0)
            .because("a process that exhausts its memory does so again", MEMORY),
    ]
}
