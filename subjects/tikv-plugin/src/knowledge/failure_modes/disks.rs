//! Disks that are slow or hung.

use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};
use operator_plugin::{Comparison, Severity};

use super::super::builder::{Describe, check, consequences, level, outlier, store_probe};
use super::{POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const SCORE: &str = "tikv: components/health_controller/src/slow_score.rs";
const ASYNC_IO: &str = "tikv: components/raftstore/src/store/async_io/write.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![slow_disk(), hung_disk(), feeding()]
}

fn slow_disk() -> FailureMode {
    FailureMode::new("slow-disk", "store", Severity::Critical, 0.03)
        .description(
            "Slow disk",
            "The disk of {name} is slow to write. Everything that writes to it waits; \
            reads served from memory do not. Regions with a replica there commit more \
            slowly on every store.",
        )
        .evidence(slow_disk_evidence())
        .consequences(slow_store_consequences())
        .alternatives(&["cpu-starved", "hot-write-region", "write-stall"])
        .options(&[
            (
                "evict-leaders",
                Fitness::Best,
                "its leaders move to stores with healthy disks; it keeps its replicas",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "await and utilization of the disk distinguish a failing disk from an \
                overloaded one",
            ),
            (
                "limit-background-writes",
                Fitness::Acceptable,
                "leaves disk bandwidth to requests if compaction or snapshots use it up",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "PD evicts the leaders itself once the slow score reaches 100, if exactly \
                one store is slow",
            ),
            (
                "kill-store",
                Fitness::Harmful,
                "removes a replica that still works, if slowly",
            ),
        ])
        .revisit_when(
            "its slow score reaches 80, a second store becomes slow, or its machine \
            turns out to be short of CPU",
        )
}

fn slow_disk_evidence() -> Vec<EvidenceRule> {
    vec![
        outlier(Scope::Itself, "raft-sync-p99")
            .ratios(10.0, 0.35)
            .group("sync")
            .explains()
            .because(
                "syncing the Raft log to disk takes longer than on the other stores",
                ASYNC_IO,
            ),
        check(Scope::Itself, "append-latency")
            .ratios(4.0, 0.4)
            .group("sync")
            .explains()
            .because("Raft log writes are slow on this store", ASYNC_IO),
        level(Scope::Itself, "raft-sync-p99", Comparison::Gt, 0.1)
            .ratios(6.0, 0.5)
            .group("sync-time")
            .explains()
            .because("a healthy disk never needs 100 ms for a sync", ASYNC_IO),
        check(Scope::Itself, "disk-inspection")
            .ratios(4.0, 0.6)
            .group("probes")
            .explains()
            .because("its own disk probes are slow", SCORE),
        check(Scope::Itself, "store-slow")
            .ratios(4.0, 0.7)
            .group("probes")
            .explains()
            .because("its slow score is derived from its disk probes", SCORE),
        outlier(Scope::Itself, "pd-request-p99")
            .ratios(0.05, 1.05)
            .group("pd-requests")
            .because(
                "requests to PD touch no disk of the store",
                "tikv: components/pd_client/src/metrics.rs",
            ),
        check(Scope::Itself, "read-pool-wait")
            .ratios(0.3, 1.6)
            .group("reads")
            .because(
                "reads do not wait for a disk that is slow to write",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Itself, "processor-quota")
            .ratios(0.5, 1.2)
            .group("processor")
            .because(
                "threads that wait for a disk use no CPU",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "store-write-flow")
            .ratios(0.4, 1.2)
            .because(
                "at a low write rate the disk is slow; at a high one it is merely \
                overloaded",
                "pd: pkg/statistics",
            ),
        check(Scope::Itself, "write-latency")
            .ratios(2.0, 0.7)
            .group("requests")
            .explains()
            .because("writes through Raft wait for the disk", ASYNC_IO),
    ]
}

fn hung_disk() -> FailureMode {
    FailureMode::new("hung-disk", "store", Severity::Critical, 0.01)
        .description(
            "Hung disk",
            "The disk of {name} does not respond. The process is alive and still sends \
            heartbeats, so PD keeps the store Up and clients wait for it; requests to \
            the whole cluster may stall.",
        )
        .evidence(hung_disk_evidence())
        .consequences(super::stores::lost_store_consequences())
        .consequences(slow_store_consequences())
        .alternatives(&["slow-disk", "store-process-stalled"])
        .options(&[
            (
                "kill-store",
                Fitness::Best,
                "only then are its leaders elected elsewhere, within 10 to 20 s",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "the kernel log on its machine names the device",
            ),
            (
                "evict-leaders",
                Fitness::Useless,
                "requires Raft to make progress on that store, which it does not",
            ),
            (
                "wait",
                Fitness::Harmful,
                "the whole cluster may stall until the process is gone",
            ),
        ])
        .revisit_when("the process is gone, or its disk responds again")
}

fn hung_disk_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "store-disk-probe")
            .ratios(30.0, 0.9)
            .group("probes")
            .explains()
            .because(
                "its watchdog's disk probes fail",
                "tikv: components/raftstore/src/store/fail_fast.rs",
            ),
        check(Scope::Itself, "store-threads-run")
            .ratios(10.0, 0.5)
            .group("kernel")
            .explains()
            .because(
                "its threads are blocked in the kernel, waiting for a device",
                "tikv: components/tikv_util/src/metrics/threads_linux.rs",
            ),
        check(Scope::Itself, "store-busy")
            .ratios(8.0, 0.5)
            .group("heartbeat")
            .explains()
            .because(
                "a fallback thread sends its heartbeats and reports the store as busy",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
        check(Scope::Itself, "store-slow")
            .ratios(5.0, 0.5)
            .group("score")
            .explains()
            .because(
                "its disk probes time out until its slow score reaches 100",
                SCORE,
            ),
        store_probe("ok").ratios(1.5, 0.5).because(
            "the status server does not need the disk",
            "tikv: src/server/status_server/mod.rs",
        ),
        store_probe("refused").ratios(0.02, 1.0).because(
            "the process is running but blocked",
            "tikv: src/server/status_server/mod.rs",
        ),
        level(Scope::Itself, "append-p99", Comparison::Gt, 0.0)
            .ratios(0.7, 1.5)
            .because(
                "nothing is written any more, so there are no samples",
                ASYNC_IO,
            ),
    ]
}

/// Another store came back, and this one reads the log that it missed.
fn feeding() -> FailureMode {
    FailureMode::new("store-feeds-a-returned-one", "store", Severity::Warning, 0.03)
        .description(
            "Store is busy feeding a returned store",
            "Another store came back after minutes and needs the Raft log that it missed. {name} reads that log from \
            its disk, which delays its own writes and raises its slow score. It ends by itself; the disk is healthy.",
        )
        .evidence(super::stuck::feeding_a_returned_store())
        .consequences(slow_store_consequences())
        .consequences(consequences(
            Scope::Itself,
            &["disk-inspection"],
            &["inspect-p99", "raft-sync-p99"],
            "its own writes wait behind the reads",
            ASYNC_IO,
        ))
        .alternatives(&["cpu-starved", "slow-disk"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "it ends when the returned store has caught up, within minutes",
            ),
            (
                "remove-eviction",
                Fitness::Acceptable,
                "if PD keeps its leaders away after it is over",
            ),
            (
                "limit-background-writes",
                Fitness::Acceptable,
                "slows down the catching up in favour of requests",
            ),
            (
                "kill-store",
                Fitness::Harmful,
                "makes a second store fall behind",
            ),
        ])
        .revisit_when("it stays slow after the returned store has caught up")
}

pub(super) fn slow_store_consequences() -> Vec<EvidenceRule> {
    let because = "everything that passes through a slow store is slow, and its peers on \
                  other stores wait for it";
    let mut rules = consequences(Scope::Anyone, &STAGES, &STAGE_SIGNALS, because, ASYNC_IO);
    rules.extend(consequences(
        Scope::Itself,
        &POOLS,
        &POOL_SIGNALS,
        because,
        ASYNC_IO,
    ));
    let own = [
        "mailboxes-not-full",
        "scheduler-not-busy",
        "store-busy",
        "store-heartbeat",
        "store-slow",
        "store-threads-run",
    ];
    rules.extend(consequences(
        Scope::Itself,
        &own,
        &["heartbeat-lag", "pending-peers", "slow-score"],
        because,
        SCORE,
    ));
    rules.extend(consequences(
        Scope::Anyone,
        &["leader-eviction"],
        &["leader-count"],
        "PD moves leaders away from slow stores",
        "pd: pkg/schedule/schedulers/evict_slow_store.go",
    ));
    rules.extend(consequences(
        Scope::Neighbours,
        &["pending-peers-drain"],
        &[],
        "its replicas fall behind",
        ASYNC_IO,
    ));
    rules
}
