//! Networks that are partitioned or slow.

use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};
use operator_plugin::{Comparison, Scalar, Severity};

use super::super::builder::{
    Describe, anomaly, cell, check, consequences, outlier, reported_unreachable, store_probe,
};
use super::certificates::certificate_accepted;
use super::{FLOWS, STAGE_SIGNALS, STAGES};

const STATES: &str = "pd: pkg/core/store.go";
const REPORTS: &str = "tikv: src/server/raft_client.rs";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        partition_between_stores(),
        partition_from_pd(),
        cut_off(),
        slow_network(),
    ]
}

fn partition_between_stores() -> FailureMode {
    FailureMode::new(
        "link-partition-between-stores",
        "store",
        Severity::Critical,
        0.015,
    )
    .description(
        "Network partition between stores",
        "Other stores cannot reach {name}, while PD and the operator can. Its \
        regions make progress only over the remaining links; regions that lose \
        their majority elect a leader elsewhere or stop.",
    )
    .evidence(partition_between_stores_evidence())
    .consequences(partition_consequences())
    .alternatives(&["store-machine-or-network-lost", "store-process-dead"])
    .options(&[
        (
            "repair-network",
            Fitness::Best,
            "the fix is in the routes between the machines, not in TiKV",
        ),
        (
            "evict-leaders",
            Fitness::Acceptable,
            "from the side with fewer links, while the network is being repaired",
        ),
        (
            "wait",
            Fitness::Acceptable,
            "a flap of less than a minute recovers by itself",
        ),
        ("start-store", Fitness::Useless, "the process is running"),
        (
            "delete-store",
            Fitness::Harmful,
            "copies all its data although only a link is down",
        ),
    ])
    .revisit_when("the reports stop, or regions without a leader appear")
}

fn partition_consequences() -> Vec<EvidenceRule> {
    [
        consequences(
            Scope::Itself,
            &["commit-latency", "no-leader-missing", "write-latency"],
            &["pending-peers", "unreachable-rate", "link-p99"],
            "entries that it cannot send are not committed",
            REPORTS,
        ),
        consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "regions with a replica there commit more slowly",
            REPORTS,
        ),
        consequences(
            Scope::Anyone,
            &[],
            &FLOWS,
            "leaders move to stores whose links are intact",
            REPORTS,
        ),
        consequences(
            Scope::Anyone,
            &["regions-have-leader", "no-leader-missing"],
            &["leader-count"],
            "leaders move to stores whose links are intact",
            REPORTS,
        ),
        consequences(
            Scope::Neighbours,
            &[
                "no-down-peers",
                "no-missing-peers",
                "pending-peers-drain",
                "links-whole",
            ],
            &[],
            "replicas on the far side of the partition fall behind, and both sides see \
            it",
            "pd: pkg/statistics/region_collection.go",
        ),
    ]
    .concat()
}

fn partition_between_stores_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "links-whole")
            .ratios(25.0, 0.03)
            .explains()
            .because(
                "other stores report messages that they cannot deliver to it",
                REPORTS,
            ),
        check(Scope::Itself, "store-up")
            .ratios(0.1, 2.0)
            .group("pd-view")
            .because(
                "PD would receive no heartbeats from a store that is gone",
                STATES,
            ),
        store_probe("ok")
            .ratios(2.0, 0.3)
            .group("own-view")
            .because(
                "a store that has lost only its links to other stores still responds to the \
                operator",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("refused")
            .ratios(0.05, 1.0)
            .group("own-view")
            .because(
                "no process listens there",
                "tikv: src/server/status_server/mod.rs",
            ),
        outlier(Scope::Itself, "link-p99")
            .ratios(3.0, 0.9)
            .explains()
            .because(
                "its own probes of the other stores are slow",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
    ]
}

fn partition_from_pd() -> FailureMode {
    FailureMode::new("store-pd-partition", "store", Severity::Warning, 0.015)
        .description(
            "Store cut off from PD",
            "PD no longer receives heartbeats from {name}, although its process and its \
            links to the other stores are healthy. Reads and writes continue; it \
            receives no new splits and no scheduling.",
        )
        .evidence(heartbeats_missing())
        .evidence(partition_from_pd_evidence())
        .consequences(consequences(
            Scope::Itself,
            &[],
            &["heartbeat-lag", "heartbeat-queue", "pd-request-p99"],
            "its requests to PD do not arrive",
            "tikv: components/pd_client/src/util.rs",
        ))
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["leader-count"],
            "PD keeps the last leader count that it received",
            STATES,
        ))
        .consequences(consequences(
            Scope::Neighbours,
            &["no-missing-peers", "pending-peers-drain"],
            &[],
            "PD evaluates its replicas from outdated reports",
            STATES,
        ))
        .alternatives(&[
            "store-cut-off",
            "store-machine-or-network-lost",
            "store-process-dead",
        ])
        .options(&[
            (
                "repair-network",
                Fitness::Best,
                "the route, the DNS name or the certificate between store and PD",
            ),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "keeps PD from rebuilding live replicas after 30 minutes",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "reads and writes continue; a flap recovers by itself",
            ),
            (
                "start-store",
                Fitness::Harmful,
                "a restart takes down a store that still serves and cannot reach PD to \
                rejoin",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the store is alive",
            ),
        ])
        .revisit_when("PD receives its heartbeats again, or 30 minutes are nearly over")
}

fn partition_from_pd_evidence() -> Vec<EvidenceRule> {
    vec![
        store_probe("ok")
            .ratios(20.0, 0.05)
            .group("own-view")
            .because(
                "a store that is cut off only from PD still responds to the operator",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("refused")
            .ratios(0.01, 1.0)
            .group("own-view")
            .because(
                "no process listens there",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("timeout")
            .ratios(0.1, 1.0)
            .group("own-view")
            .because(
                "nothing responds there",
                "tikv: src/server/status_server/mod.rs",
            ),
        reported_unreachable()
            .ratios(0.1, 2.5)
            .because("other stores would report a store that is gone", REPORTS),
        check(Scope::Anyone, "pd-leader-is-etcd-leader")
            .ratios(0.02, 1.0)
            .because(
                "a PD leader that hangs receives no heartbeats from any store",
                "pd: pkg/member/member.go",
            ),
        certificate_accepted(),
        just_started(),
    ]
}

fn cut_off() -> FailureMode {
    FailureMode::new("store-cut-off", "store", Severity::Critical, 0.01)
        .description(
            "Store cut off from PD and the other stores",
            "Neither PD nor the other stores can reach {name}, although its process is \
            running and responds to the operator. Either the network between them is \
            down or its certificate is no longer accepted. Its leaders are elected \
            elsewhere; its regions have one replica less.",
        )
        .evidence(heartbeats_missing())
        .evidence(cut_off_evidence())
        .evidence(vec![certificate_accepted()])
        .consequences(super::stores::lost_store_consequences())
        .alternatives(&[
            "link-partition-between-stores",
            "store-machine-or-network-lost",
            "store-pd-partition",
        ])
        .options(&[
            (
                "repair-network",
                Fitness::Best,
                "check routes and packet filters, or its certificate if its log shows \
                handshake errors",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "failed handshakes in it point to the certificate, not to the network",
            ),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "keeps PD from copying data that is not lost after 30 minutes",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "the other replicas serve; a flap recovers by itself",
            ),
            ("start-store", Fitness::Useless, "the process is running"),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although the store is alive",
            ),
        ])
        .revisit_when("PD or another store hears from it again, or 30 minutes are nearly over")
}

fn cut_off_evidence() -> Vec<EvidenceRule> {
    vec![
        store_probe("ok")
            .ratios(15.0, 0.05)
            .group("own-view")
            .because(
                "its process is running and responds to the operator",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("refused")
            .ratios(0.01, 1.0)
            .group("own-view")
            .because(
                "no process listens there",
                "tikv: src/server/status_server/mod.rs",
            ),
        store_probe("timeout")
            .ratios(0.05, 1.0)
            .group("own-view")
            .because(
                "nothing responds there",
                "tikv: src/server/status_server/mod.rs",
            ),
        reported_unreachable()
            .ratios(8.0, 0.1)
            .because("other stores cannot deliver messages to it", REPORTS),
        just_started(),
    ]
}

fn slow_network() -> FailureMode {
    FailureMode::new("slow-network", "store", Severity::Warning, 0.01)
        .description(
            "Slow network to a store",
            "Messages to and from {name} are slow. Its own disk is healthy; regions \
            with a replica there commit more slowly.",
        )
        .evidence(slow_network_evidence())
        .consequences(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "regions with a replica there commit more slowly",
            REPORTS,
        ))
        .alternatives(&["link-partition-between-stores", "slow-disk"])
        .options(&[
            (
                "repair-network",
                Fitness::Best,
                "check packet loss, link speed and load of its network card and switch",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "slow followers are tolerable, slow leaders are not",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a copy or a backup saturates the network and will finish",
            ),
        ])
        .revisit_when(
            "its probes of the other stores are as fast as theirs, or its disk turns \
            out to be slow",
        )
}

fn slow_network_evidence() -> Vec<EvidenceRule> {
    vec![
        outlier(Scope::Itself, "link-p99")
            .ratios(12.0, 0.6)
            .group("probes")
            .explains()
            .because(
                "its probes of the other stores take longer than their probes of each other",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
        anomaly(Scope::Itself, "link-p99")
            .ratios(5.0, 0.6)
            .group("probes")
            .explains()
            .because(
                "its probes of the other stores take longer than before",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
        check(Scope::Itself, "commit-latency")
            .ratios(8.0, 0.4)
            .explains()
            .because(
                "it waits for followers, not for its own disk",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Others, "append-latency")
            .ratios(0.2, 1.3)
            .group("followers")
            .because(
                "a slow disk on a follower would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
        outlier(Scope::Itself, "raft-sync-p99")
            .ratios(0.2, 1.5)
            .group("disk")
            .because(
                "a slow disk of its own would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
        check(Scope::Itself, "append-latency")
            .ratios(0.3, 1.3)
            .group("disk")
            .because(
                "a slow disk of its own would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
        check(Scope::Itself, "read-pool-wait")
            .ratios(0.3, 1.4)
            .group("threads")
            .because(
                "its own busy threads would explain the delay",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Itself, "propose-wait")
            .ratios(0.4, 1.3)
            .group("threads")
            .because(
                "its own busy threads would explain the delay",
                "tikv: components/raftstore/src/store",
            ),
    ]
}

fn heartbeats_missing() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "store-up")
            .ratios(10.0, 0.05)
            .group("pd-view")
            .explains()
            .because(
                "PD has received no heartbeat from it for two intervals",
                STATES,
            ),
        check(Scope::Itself, "store-heartbeat")
            .ratios(8.0, 0.1)
            .group("pd-view")
            .explains()
            .because("its heartbeats do not arrive", STATES),
    ]
}

/// PD receives the first heartbeat some seconds after a start, and unreachable reports stay in
/// their rate window for a minute.
fn just_started() -> EvidenceRule {
    cell(
        Scope::Itself,
        ("stores", "store", "probe_back_s"),
        Comparison::Ge,
        Scalar::Float(0.0),
    )
    .ratios(0.02, 1.0)
    .because(
        "it did not respond a moment ago: it was down and is coming back",
        STATES,
    )
}
