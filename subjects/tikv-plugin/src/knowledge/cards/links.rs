//! Networks that are cut or slow.

use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};
use operator_plugin::{Comparison, Scalar, Severity};

use super::super::rules::{
    Write, anomaly, card, cell, check, consequences, outlier, reported_unreachable, store_probe,
};
use super::{FLOWS, STAGE_SIGNALS, STAGES};

const REPORTS: &str = "tikv: src/server/raft_client.rs";
const STATES: &str = "pd: pkg/core/store.go";

pub(super) fn cards() -> Vec<Card> {
    vec![between_stores(), to_pd(), to_all(), slow()]
}

fn between_stores() -> Card {
    card("link-partition-between-stores", "store", Severity::Critical, 0.015)
        .says(
            "Link between stores cut",
            "Other stores cannot reach {name}, while PD and the operator do. Its regions agree only as far as \
             the links carry; regions that lose their majority elect elsewhere or stop.",
        )
        .seen_by(vec![
            check(Scope::Itself, "links-whole")
                .weighs(25.0, 0.03)
                .explains()
                .because("other stores report messages that they cannot deliver to it", REPORTS),
            check(Scope::Itself, "store-up")
                .weighs(0.1, 2.0)
                .group("pd-view")
                .because("PD would not hear of a store that is gone", STATES),
            store_probe("ok").weighs(2.0, 0.3).group("own-view").because(
                "a store whose links alone are cut answers the operator",
                "tikv: src/server/status_server/mod.rs",
            ),
            store_probe("refused")
                .weighs(0.05, 1.0)
                .group("own-view")
                .because("no process listens there", "tikv: src/server/status_server/mod.rs"),
            outlier(Scope::Itself, "link-p99").weighs(3.0, 0.9).explains().because(
                "its own probes of the other stores are slow",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
        ])
        .brings(consequences(
            Scope::Itself,
            &["commit-latency", "no-leader-missing", "write-latency"],
            &["pending-peers", "unreachable-rate", "link-p99"],
            "what it cannot send is not agreed",
            REPORTS,
        ))
        .brings(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "regions with a replica there agree more slowly",
            REPORTS,
        ))
        .brings(consequences(Scope::Anyone, &[], &FLOWS, "leaders move to where the links are whole", REPORTS))
        .brings(consequences(
            Scope::Anyone,
            &["regions-have-leader", "no-leader-missing"],
            &["leader-count"],
            "leaders move to where the links are whole",
            REPORTS,
        ))
        .brings(consequences(
            Scope::Neighbours,
            &["no-down-peers", "no-missing-peers", "pending-peers-drain", "links-whole"],
            &[],
            "replicas beyond the cut fall behind, and the cut has two sides",
            "pd: pkg/statistics/region_collection.go",
        ))
        .unlike(&["store-machine-or-network-lost", "store-process-dead"])
        .cured_by(&[
            ("repair-network", Fitness::Best, "the routes between the machines, not TiKV, have to change"),
            ("evict-leaders", Fitness::Acceptable, "from the side with fewer links, while the network is repaired"),
            ("wait", Fitness::Acceptable, "a flap of less than a minute heals itself"),
            ("start-store", Fitness::Useless, "the process runs"),
            ("delete-store", Fitness::Harmful, "copies all its data although only a link is cut"),
        ])
        .until("the reports stop, or regions without a leader appear")
}

fn to_pd() -> Card {
    card("store-pd-partition", "store", Severity::Warning, 0.015)
        .says(
            "Store cut off from PD",
            "PD no longer hears of {name}, although its process and its links to the other stores are fine. \
             Reads and writes go on; it gets no new splits and no schedule.",
        )
        .seen_by(unheard_by_pd())
        .seen_by(vec![
            store_probe("ok").weighs(20.0, 0.05).group("own-view").because(
                "a store that is only cut off from PD answers the operator",
                "tikv: src/server/status_server/mod.rs",
            ),
            store_probe("refused")
                .weighs(0.01, 1.0)
                .group("own-view")
                .because("no process listens there", "tikv: src/server/status_server/mod.rs"),
            store_probe("timeout")
                .weighs(0.1, 1.0)
                .group("own-view")
                .because("nothing answers there", "tikv: src/server/status_server/mod.rs"),
            reported_unreachable().weighs(0.1, 2.5).because("other stores would report one that is gone", REPORTS),
            just_started(),
        ])
        .brings(consequences(
            Scope::Itself,
            &[],
            &["heartbeat-lag", "heartbeat-queue", "pd-request-p99"],
            "what it sends to PD does not arrive",
            "tikv: components/pd_client/src/util.rs",
        ))
        .brings(consequences(Scope::Anyone, &[], &["leader-count"], "PD counts its leaders as they were", STATES))
        .brings(consequences(
            Scope::Neighbours,
            &["no-missing-peers", "pending-peers-drain"],
            &[],
            "PD judges its replicas by old reports",
            STATES,
        ))
        .unlike(&["store-cut-off", "store-machine-or-network-lost", "store-process-dead"])
        .cured_by(&[
            ("repair-network", Fitness::Best, "the route, the name or the certificate between the two"),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "keeps PD from rebuilding, after 30 minutes, replicas that are alive",
            ),
            ("wait", Fitness::Acceptable, "reads and writes go on; a flap heals itself"),
            (
                "start-store",
                Fitness::Harmful,
                "a restart takes a store away that serves, and cannot reach PD to come back",
            ),
            ("delete-store", Fitness::Harmful, "copies all its data although the store is alive"),
        ])
        .until("PD hears of it again, or 30 minutes are nearly over")
}

fn to_all() -> Card {
    card("store-cut-off", "store", Severity::Critical, 0.01)
        .says(
            "Store cut off from PD and the other stores",
            "Neither PD nor the other stores reach {name}, although its process runs and answers the operator: the \
             network between them is cut, or its certificate is no longer accepted. Its leaders are elected elsewhere; \
             its regions have one replica less.",
        )
        .seen_by(unheard_by_pd())
        .seen_by(vec![
            store_probe("ok")
                .weighs(15.0, 0.05)
                .group("own-view")
                .because("its process runs and answers the operator", "tikv: src/server/status_server/mod.rs"),
            store_probe("refused")
                .weighs(0.01, 1.0)
                .group("own-view")
                .because("no process listens there", "tikv: src/server/status_server/mod.rs"),
            store_probe("timeout")
                .weighs(0.05, 1.0)
                .group("own-view")
                .because("nothing answers there", "tikv: src/server/status_server/mod.rs"),
            reported_unreachable().weighs(8.0, 0.1).because("other stores cannot deliver to it", REPORTS),
            just_started(),
        ])
        .brings(super::stores::of_a_lost_store())
        .unlike(&["link-partition-between-stores", "store-machine-or-network-lost", "store-pd-partition"])
        .cured_by(&[
            ("repair-network", Fitness::Best, "routes and filters; after handshake errors in its log, its certificate"),
            ("read-store-log", Fitness::Acceptable, "failed handshakes in it mean the certificate, not the network"),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "keeps PD from copying, after 30 minutes, what is not lost",
            ),
            ("wait", Fitness::Acceptable, "the other replicas serve; a flap heals itself"),
            ("start-store", Fitness::Useless, "the process runs"),
            ("delete-store", Fitness::Harmful, "copies all its data although the store is alive"),
        ])
        .until("PD or another store hears of it again, or 30 minutes are nearly over")
}

fn slow() -> Card {
    card("slow-network", "store", Severity::Warning, 0.01)
        .says(
            "Slow network to a store",
            "Messages to and from {name} take long. Its own disk is fine; regions with a replica there agree \
             more slowly.",
        )
        .seen_by(vec![
            outlier(Scope::Itself, "link-p99").weighs(12.0, 0.6).group("probes").explains().because(
                "its probes of the other stores take longer than theirs of each other",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
            anomaly(Scope::Itself, "link-p99").weighs(5.0, 0.6).group("probes").explains().because(
                "its probes of the other stores take longer than before",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
            check(Scope::Itself, "commit-latency")
                .weighs(8.0, 0.4)
                .explains()
                .because("it waits for followers, not for its disk", "tikv: components/raftstore/src/store"),
            check(Scope::Others, "append-latency").weighs(0.2, 1.3).group("followers").because(
                "a follower's slow disk would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            outlier(Scope::Itself, "raft-sync-p99").weighs(0.2, 1.5).group("disk").because(
                "a slow disk of its own would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            check(Scope::Itself, "append-latency").weighs(0.3, 1.3).group("disk").because(
                "a slow disk of its own would explain the delay",
                "tikv: components/raftstore/src/store/async_io/write.rs",
            ),
            check(Scope::Itself, "read-pool-wait")
                .weighs(0.3, 1.4)
                .group("threads")
                .because("busy threads of its own would explain the delay", "tikv: src/read_pool.rs"),
            check(Scope::Itself, "propose-wait")
                .weighs(0.4, 1.3)
                .group("threads")
                .because("busy threads of its own would explain the delay", "tikv: components/raftstore/src/store"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &STAGES,
            &STAGE_SIGNALS,
            "regions with a replica there agree more slowly",
            REPORTS,
        ))
        .unlike(&["link-partition-between-stores", "slow-disk"])
        .cured_by(&[
            ("repair-network", Fitness::Best, "loss, speed and load of its network card and switch"),
            ("evict-leaders", Fitness::Acceptable, "its followers may be slow, its leaders should not be"),
            ("wait", Fitness::Acceptable, "if a copy or a backup takes the network and ends"),
        ])
        .until("its probes of the other stores are as fast as theirs, or its disk turns out to be slow")
}

fn unheard_by_pd() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "store-up")
            .weighs(10.0, 0.05)
            .group("pd-view")
            .explains()
            .because("PD has not heard of it for two heartbeats", STATES),
        check(Scope::Itself, "store-heartbeat")
            .weighs(8.0, 0.1)
            .group("pd-view")
            .explains()
            .because("its heartbeats do not arrive", STATES),
    ]
}

/// PD hears of a store some seconds after its start, and reports about it stay in their window for a minute.
fn just_started() -> EvidenceRule {
    cell(
        Scope::Itself,
        ("stores", "store", "probe_back_s"),
        Comparison::Ge,
        Scalar::Float(0.0),
    )
    .weighs(0.02, 1.0)
    .because(
        "it did not answer a moment ago: it was away, and is coming back",
        STATES,
    )
}
