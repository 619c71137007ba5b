//! Stores that do not get enough CPU time.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, outlier};
use super::POOLS;
use super::disks::slow_store_consequences;

const ASYNC_IO: &str = "tikv: components/raftstore/src/store/async_io/write.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![cpu_starved()]
}

fn cpu_starved() -> FailureMode {
    FailureMode::new("cpu-starved", "store", Severity::Critical, 0.03)
        .description(
            "Store starved of CPU",
            "{name} does not get the CPU time that it needs, because of a container \
            limit or another workload on its machine. Every stage is slow there, \
            including those that do not touch the disk.",
        )
        .evidence(cpu_starved_evidence())
        .consequences(slow_store_consequences())
        .alternatives(&["raftstore-saturated", "slow-disk"])
        .options(&[
            (
                "raise-processor-limit",
                Fitness::Best,
                "provides the CPU that it needs or removes the competing workload",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "throttled periods or steal time on its machine confirm it",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "removes most of its load until the limit is raised",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if the competing workload is a job that will finish",
            ),
            (
                "limit-background-writes",
                Fitness::Useless,
                "its bottleneck is not the disk",
            ),
        ])
        .revisit_when("its disk turns out to be slow, or the other stores become slow too")
}

fn cpu_starved_evidence() -> Vec<EvidenceRule> {
    let mut rules = cpu_limit_evidence();
    // A store without CPU time cannot keep a whole thread pool busy.
    let pools = POOLS.iter().filter(|pool| **pool != "processor-quota");
    rules.extend(pools.map(|pool| {
        check(Scope::Itself, pool)
            .ratios(0.1, 1.05)
            .group("one-pool")
            .because(
                "a single saturated thread pool would be the cause instead",
                "tikv: src/server",
            )
    }));
    rules
}

fn cpu_limit_evidence() -> Vec<EvidenceRule> {
    let returned = check(Scope::Others, "store-restart")
        .ratios(0.3, 1.02)
        .because(
            "another store came back and has to be fed with old log",
            ASYNC_IO,
        );
    [
        waiting_threads_evidence(),
        isolation_evidence(),
        vec![returned],
    ]
    .concat()
}

/// Threads wait for CPU, including those that touch no disk.
fn waiting_threads_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "read-pool-wait")
            .ratios(8.0, 0.6)
            .group("reads")
            .explains()
            .because(
                "reads wait for read pool threads, which do not wait for the disk",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Itself, "read-index-latency")
            .ratios(3.0, 0.8)
            .group("reads")
            .explains()
            .because(
                "even acquiring a snapshot is slow, and that needs no disk",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Itself, "propose-wait")
            .ratios(3.0, 0.8)
            .group("threads")
            .explains()
            .because(
                "proposals wait for the Raft threads",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Itself, "processor-quota")
            .ratios(6.0, 0.8)
            .group("processor")
            .explains()
            .because("it uses its full CPU quota", "tikv: src/server"),
    ]
}

/// The store differs from the others, although its load and its disk do not.
fn isolation_evidence() -> Vec<EvidenceRule> {
    vec![
        outlier(Scope::Itself, "processor-cores")
            .ratios(4.0, 0.7)
            .group("alone")
            .because(
                "load is spread over all stores, but a CPU limit or a noisy neighbor \
                affects only this one",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "request-rate")
            .ratios(0.4, 1.2)
            .because(
                "more requests than on the other stores would explain the extra work",
                "tikv: src/server/service",
            ),
        check(Scope::Others, "read-pool-wait")
            .ratios(0.25, 1.1)
            .group("others")
            .because(
                "a CPU limit or a noisy neighbor affects only this store; reads on the \
                others would not wait",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Others, "processor-quota")
            .ratios(0.25, 1.1)
            .group("others")
            .because(
                "a CPU limit or a noisy neighbor affects only this store; the others would \
                have CPU to spare",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "raft-sync-p99")
            .ratios(3.0, 0.8)
            .group("sync")
            .because(
                "a CPU-starved store measures its own pauses, so its disk times rise, too",
                ASYNC_IO,
            ),
        outlier(Scope::Itself, "pd-request-p99")
            .ratios(20.0, 0.7)
            .group("pd-requests")
            .explains()
            .because(
                "even its requests to PD take longer than those of the other stores, and \
                they touch no disk",
                "tikv: components/pd_client/src/metrics.rs",
            ),
        check(Scope::Itself, "apply-wait")
            .ratios(2.0, 0.8)
            .group("threads")
            .explains()
            .because(
                "committed entries wait for the apply threads",
                "tikv: components/raftstore/src/store/fsm/apply.rs",
            ),
        check(Scope::Itself, "request-latency")
            .ratios(2.0, 0.85)
            .group("requests")
            .explains()
            .because(
                "all requests are slow, both reads and writes",
                "tikv: src/server/service",
            ),
    ]
}
