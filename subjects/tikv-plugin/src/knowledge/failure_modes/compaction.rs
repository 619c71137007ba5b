//! Storage engines whose compaction falls behind.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, consequences, outlier};

const FLOW_CONTROL: &str = "tikv: src/storage/txn/flow_controller";

pub(super) fn all() -> Vec<FailureMode> {
    vec![write_stall(), flow_control()]
}

fn write_stall() -> FailureMode {
    FailureMode::new("write-stall", "store", Severity::Critical, 0.02)
        .description(
            "Storage engine stalls writes",
            "Compaction or flushing on {name} cannot keep up: its storage engine slows \
            writes down or stops them. The stall reason names the bottleneck.",
        )
        .evidence(write_stall_evidence())
        .consequences(compaction_consequences())
        .alternatives(&["flow-control", "slow-disk"])
        .options(&[
            (
                "reduce-load",
                Fitness::Best,
                "effective immediately; lets compaction catch up",
            ),
            (
                "raise-compaction-threads",
                Fitness::Acceptable,
                "if CPU and disk have capacity",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "while the compaction debt falls",
            ),
            (
                "limit-background-writes",
                Fitness::Harmful,
                "slows down the very compaction that is behind",
            ),
        ])
        .revisit_when(
            "the debt grows for 10 minutes, or only one store stalls, which points to \
            its disk",
        )
}

fn write_stall_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "write-stall")
            .ratios(25.0, 0.05)
            .explains()
            .because(
                "its storage engine reports write stalls",
                "tikv: components/engine_rocks/src/event_listener.rs",
            ),
        anomaly(Scope::Itself, "compaction-debt")
            .ratios(4.0, 0.8)
            .group("debt")
            .explains()
            .because(
                "pending compaction bytes pile up",
                "tikv: components/engine_rocks",
            ),
        anomaly(Scope::Itself, "level-0-files")
            .ratios(4.0, 0.8)
            .group("debt")
            .explains()
            .because("level-0 files pile up", "tikv: components/engine_rocks"),
        anomaly(Scope::Itself, "memtables")
            .ratios(3.0, 0.9)
            .group("debt")
            .explains()
            .because(
                "memtables wait to be flushed",
                "tikv: components/engine_rocks",
            ),
        check(Scope::Itself, "apply-latency")
            .ratios(3.0, 0.8)
            .explains()
            .because(
                "applying waits for the engine",
                "tikv: components/raftstore/src/store/fsm/apply.rs",
            ),
        outlier(Scope::Itself, "raft-sync-p99")
            .ratios(0.6, 1.2)
            .because(
                "a slow disk would also slow the Raft log, which a different engine stores",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
    ]
}

fn flow_control() -> FailureMode {
    FailureMode::new("flow-control", "store", Severity::Warning, 0.02)
        .description(
            "Flow control rejects writes",
            "{name} rejects a share of the writes to keep its storage engine from \
            stalling all of them: compaction is behind.",
        )
        .evidence(vec![
            check(Scope::Itself, "flow-control")
                .ratios(25.0, 0.05)
                .explains()
                .because("it discards a share of the writes", FLOW_CONTROL),
            anomaly(Scope::Itself, "compaction-debt")
                .ratios(4.0, 0.8)
                .group("debt")
                .explains()
                .because(
                    "pending compaction bytes pile up",
                    "tikv: components/engine_rocks",
                ),
            anomaly(Scope::Itself, "level-0-files")
                .ratios(4.0, 0.8)
                .group("debt")
                .explains()
                .because("level-0 files pile up", "tikv: components/engine_rocks"),
            check(Scope::Anyone, "flow-control-shared")
                .ratios(0.1, 1.0)
                .because(
                    "all stores do the same: the load is the cause, not this store",
                    FLOW_CONTROL,
                ),
            check(Scope::Itself, "write-stall")
                .ratios(0.5, 1.1)
                .because(
                    "with flow control the engine itself does not stall",
                    FLOW_CONTROL,
                ),
        ])
        .consequences(compaction_consequences())
        .alternatives(&["slow-disk", "write-stall"])
        .options(&[
            (
                "reduce-load",
                Fitness::Best,
                "effective immediately; lets compaction catch up",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "stable, if slower; bulk loads end",
            ),
            (
                "raise-compaction-threads",
                Fitness::Acceptable,
                "if CPU and disk have capacity",
            ),
            (
                "limit-background-writes",
                Fitness::Harmful,
                "slows down the very compaction that is behind",
            ),
        ])
        .revisit_when("it lasts for 30 minutes, or only one store is affected")
}

fn compaction_consequences() -> Vec<EvidenceRule> {
    let because = "writes wait for the storage engine";
    let checks = [
        "apply-latency",
        "apply-wait",
        "flow-control",
        "propose-wait",
        "request-latency",
        "scheduler-latency",
        "scheduler-not-busy",
        "write-latency",
        "write-stall",
    ];
    let signals = [
        "apply-p99",
        "apply-wait-p99",
        "discarded",
        "request-p99",
        "scheduler-p99",
        "stalls",
        "write-p99",
    ];
    consequences(Scope::Itself, &checks, &signals, because, FLOW_CONTROL)
}
