//! Disks that are slow, hang or fill up, and what looks like one.

use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};
use operator_plugin::{Comparison, Severity};

use super::super::rules::{Write, anomaly, card, check, consequences, level, outlier, store_probe};
use super::{POOL_SIGNALS, POOLS, STAGE_SIGNALS, STAGES};

const SCORE: &str = "tikv: components/health_controller/src/slow_score.rs";
const ASYNC_IO: &str = "tikv: components/raftstore/src/store/async_io/write.rs";
const SPACE: &str = "pd: pkg/core/store.go";

pub(super) fn cards() -> Vec<Card> {
    vec![
        slow_disk(),
        starved(),
        hung_disk(),
        growth(),
        foreign_files(),
        no_room(),
        full(),
    ]
}

fn slow_disk() -> Card {
    card("slow-disk", "store", Severity::Critical, 0.03)
        .says(
            "Slow disk",
            "The disk of {name} takes long to write. Everything that writes waits for it; reads from memory do \
             not. Regions with a replica there agree more slowly, everywhere.",
        )
        .seen_by(signs_of_a_slow_disk())
        .brings(of_a_slow_store())
        .unlike(&["cpu-starved", "hot-write-region", "write-stall"])
        .cured_by(&[
            ("evict-leaders", Fitness::Best, "its leaders move to stores with healthy disks; it keeps its replicas"),
            (
                "inspect-store",
                Fitness::Acceptable,
                "await and utilisation of the disk tell a broken disk from an overloaded one",
            ),
            (
                "limit-background-writes",
                Fitness::Acceptable,
                "leaves the disk to requests if compaction or snapshots take it",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "PD evicts the leaders by itself at a slow score of 100, if exactly one store is slow",
            ),
            ("kill-store", Fitness::Harmful, "takes a replica away that still works, if slowly"),
        ])
        .until(
            "its slow score reaches 80, a second store becomes slow, or the processor of its machine turns out \
             to be short",
        )
}

fn signs_of_a_slow_disk() -> Vec<EvidenceRule> {
    vec![
        outlier(Scope::Itself, "raft-sync-p99")
            .weighs(10.0, 0.35)
            .group("sync")
            .explains()
            .because(
                "syncing its log to disk takes longer than on the other stores",
                ASYNC_IO,
            ),
        check(Scope::Itself, "append-latency")
            .weighs(4.0, 0.4)
            .group("sync")
            .explains()
            .because("writing the Raft log is slow on this store", ASYNC_IO),
        level(Scope::Itself, "raft-sync-p99", Comparison::Gt, 0.1)
            .weighs(6.0, 0.5)
            .group("sync-time")
            .explains()
            .because(
                "a tenth of a second for a sync is more than a healthy disk ever needs",
                ASYNC_IO,
            ),
        check(Scope::Itself, "disk-inspection")
            .weighs(4.0, 0.6)
            .group("probes")
            .explains()
            .because("its own probes of the disk are slow", SCORE),
        check(Scope::Itself, "store-slow")
            .weighs(4.0, 0.7)
            .group("probes")
            .explains()
            .because("its slow score comes from probes of its disks", SCORE),
        check(Scope::Itself, "read-pool-wait")
            .weighs(0.3, 1.6)
            .group("reads")
            .because(
                "reads do not wait for a disk that is slow to write",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Itself, "processor-quota")
            .weighs(0.5, 1.2)
            .group("processor")
            .because("who waits for a disk uses no processor", "tikv: src/server"),
        outlier(Scope::Itself, "store-write-flow")
            .weighs(0.4, 1.2)
            .because(
                "a disk is slow at a low rate; at a high one it is overloaded",
                "pd: pkg/statistics",
            ),
        check(Scope::Itself, "write-latency")
            .weighs(2.0, 0.7)
            .group("requests")
            .explains()
            .because("writes through Raft wait for the disk", ASYNC_IO),
    ]
}

fn starved() -> Card {
    card("cpu-starved", "store", Severity::Critical, 0.03)
        .says(
            "Store starved of processor time",
            "{name} does not get the processor time it needs: a limit of its container, or a neighbour on its \
             machine. Every stage is slow there, the ones that touch no disk as well.",
        )
        .seen_by(signs_of_starvation())
        .brings(of_a_slow_store())
        .unlike(&["raftstore-saturated", "slow-disk"])
        .cured_by(&[
            ("raise-processor-limit", Fitness::Best, "gives it what it needs, or takes the neighbour away"),
            ("inspect-store", Fitness::Acceptable, "throttled periods and steal time on its machine prove it"),
            ("evict-leaders", Fitness::Acceptable, "takes most of its work away until the limit is raised"),
            ("wait", Fitness::Acceptable, "if the neighbour is a job that ends"),
            ("limit-background-writes", Fitness::Useless, "its disk is not what it lacks"),
        ])
        .until("its disk turns out to be slow, or the other stores become slow as well")
}

fn signs_of_starvation() -> Vec<EvidenceRule> {
    let mut rules = signs_of_a_limit();
    // A store that gets no processor time cannot keep a whole pool of threads busy.
    let pools = POOLS.iter().filter(|pool| **pool != "processor-quota");
    rules.extend(pools.map(|pool| {
        check(Scope::Itself, pool)
            .weighs(0.1, 1.05)
            .group("one-pool")
            .because(
                "one pool of threads at its limit would be the cause",
                "tikv: src/server",
            )
    }));
    rules
}

fn signs_of_a_limit() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "read-pool-wait")
            .weighs(8.0, 0.6)
            .group("reads")
            .explains()
            .because(
                "reads wait for their threads, which wait for no disk",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Itself, "read-index-latency")
            .weighs(3.0, 0.8)
            .group("reads")
            .explains()
            .because(
                "even getting a snapshot takes long, which needs no disk",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Itself, "propose-wait")
            .weighs(3.0, 0.8)
            .group("threads")
            .explains()
            .because(
                "proposals wait for the Raft threads",
                "tikv: components/raftstore/src/store",
            ),
        check(Scope::Itself, "processor-quota")
            .weighs(6.0, 0.8)
            .group("processor")
            .explains()
            .because(
                "it uses all the processors that it was given",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "processor-cores")
            .weighs(4.0, 0.7)
            .group("alone")
            .because(
                "load is shared by all stores, a limit or a neighbour is its own",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "request-rate")
            .weighs(0.4, 1.2)
            .because(
                "more requests than the others get would explain more work",
                "tikv: src/server/service",
            ),
        check(Scope::Others, "read-pool-wait")
            .weighs(0.25, 1.1)
            .group("others")
            .because(
                "a limit or a neighbour is its own: the reads of the others would not wait",
                "tikv: src/read_pool.rs",
            ),
        check(Scope::Others, "processor-quota")
            .weighs(0.25, 1.1)
            .group("others")
            .because(
                "a limit or a neighbour is its own: the others would have processors left",
                "tikv: src/server",
            ),
        outlier(Scope::Itself, "raft-sync-p99")
            .weighs(0.3, 2.5)
            .group("sync")
            .because(
                "a starved store syncs to its disk as fast as the others, once it runs",
                ASYNC_IO,
            ),
        check(Scope::Itself, "apply-wait")
            .weighs(2.0, 0.8)
            .group("threads")
            .explains()
            .because(
                "agreed writes wait for the apply threads",
                "tikv: components/raftstore/src/store/fsm/apply.rs",
            ),
        check(Scope::Itself, "request-latency")
            .weighs(2.0, 0.85)
            .group("requests")
            .explains()
            .because(
                "all requests are slow, reads and writes",
                "tikv: src/server/service",
            ),
    ]
}

fn hung_disk() -> Card {
    card("hung-disk", "store", Severity::Critical, 0.01)
        .says(
            "Hung disk",
            "The disk of {name} does not answer. Its process lives and says so, so that PD calls it up and \
             clients wait for it: requests to the whole cluster may stop.",
        )
        .seen_by(vec![
            check(Scope::Itself, "store-disk-probe")
                .weighs(30.0, 0.9)
                .group("probes")
                .explains()
                .because("its watchdog's probes of the disk fail", "tikv: components/raftstore/src/store/fail_fast.rs"),
            check(Scope::Itself, "store-threads-run").weighs(10.0, 0.5).group("kernel").explains().because(
                "its threads wait in the kernel for a device",
                "tikv: components/tikv_util/src/metrics/threads_linux.rs",
            ),
            check(Scope::Itself, "store-busy").weighs(8.0, 0.5).group("heartbeat").explains().because(
                "a substitute sends its heartbeats and says that it is busy",
                "tikv: components/raftstore/src/store/worker/pd.rs",
            ),
            check(Scope::Itself, "store-slow")
                .weighs(5.0, 0.5)
                .group("score")
                .explains()
                .because("its probes time out until its score is 100", SCORE),
            store_probe("ok")
                .weighs(1.5, 0.5)
                .because("the status server needs no disk", "tikv: src/server/status_server/mod.rs"),
            store_probe("refused")
                .weighs(0.02, 1.0)
                .because("the process is there and waits", "tikv: src/server/status_server/mod.rs"),
            level(Scope::Itself, "append-p99", Comparison::Gt, 0.0)
                .weighs(0.7, 1.5)
                .because("nothing is written any more, so that nothing is measured", ASYNC_IO),
        ])
        .brings(super::stores::of_a_lost_store())
        .brings(of_a_slow_store())
        .unlike(&["slow-disk", "store-process-stalled"])
        .cured_by(&[
            ("kill-store", Fitness::Best, "only then are its leaders elected elsewhere, within 10 to 20 s"),
            ("inspect-store", Fitness::Acceptable, "the kernel's log on its machine names the device"),
            ("evict-leaders", Fitness::Useless, "needs Raft to move on that store, which it does not"),
            ("wait", Fitness::Harmful, "the whole cluster may stand still until the process is gone"),
        ])
        .until("the process is gone, or its disk answers again")
}

fn growth() -> Card {
    card("disk-space-low", "store", Severity::Warning, 0.03)
        .says(
            "Disk filled by its data",
            "The data of {name} fills its disk. From a fifth left on, PD places nothing there; from a \
             twentieth on, the store refuses writes.",
        )
        .seen_by(vec![
            low(),
            others_have_room(),
            check(Scope::Itself, "disk-own-data")
                .weighs(0.1, 2.0)
                .group("whose")
                .because("other files than its own would be the cause", "pd: pkg/response/store.go"),
            anomaly(Scope::Itself, "disk-used")
                .weighs(4.0, 0.7)
                .group("growth")
                .explains()
                .because("its own data grows", "pd: pkg/response/store.go"),
        ])
        .brings(of_little_space())
        .unlike(&["disk-space-foreign-files"])
        .cured_by(&[
            ("add-store", Fitness::Best, "gives the data a place to go; PD moves it by itself"),
            ("free-space", Fitness::Acceptable, "buys time where logs or backups lie on the same disk"),
            ("speed-up-moves", Fitness::Acceptable, "moves regions to stores that have room, faster"),
            ("wait", Fitness::Useless, "data that grows does not shrink"),
            ("delete-store", Fitness::Harmful, "copies all its data onto stores that may be nearly as full"),
        ])
        .until("less than a tenth is left, or another store falls below a fifth")
}

fn foreign_files() -> Card {
    card("disk-space-foreign-files", "store", Severity::Warning, 0.02)
        .says(
            "Disk filled by other files",
            "Files that are not TiKV's fill the disk of {name}: logs, core dumps, backups, another program. \
             Its own data is the smaller part.",
        )
        .seen_by(vec![
            low(),
            others_have_room(),
            check(Scope::Itself, "disk-own-data").weighs(20.0, 0.1).group("whose").explains().because(
                "capacity less what is free and what TiKV uses is what other files take",
                "pd: pkg/response/store.go",
            ),
            anomaly(Scope::Itself, "disk-used")
                .weighs(0.5, 1.3)
                .group("growth")
                .because("growth of its own data would be the cause", "pd: pkg/response/store.go"),
        ])
        .brings(of_little_space())
        .unlike(&["disk-space-low"])
        .cured_by(&[
            ("free-space", Fitness::Best, "nothing of TiKV has to move"),
            ("add-store", Fitness::Acceptable, "if the other files have to stay"),
            ("wait", Fitness::Useless, "whatever writes them goes on"),
            ("delete-store", Fitness::Harmful, "moves a whole store because of files that are not its own"),
        ])
        .until("less than a tenth is left, or the other files turn out to be needed")
}

fn full() -> Card {
    card("disk-full", "store", Severity::Critical, 0.01)
        .says(
            "Disk full: writes are refused",
            "{name} has used its reserve and refuses writes. Regions that it leads cannot be written; below \
             half of the reserve it does not even follow.",
        )
        .seen_by(vec![
            check(Scope::Itself, "disk-writable")
                .weighs(50.0, 0.02)
                .explains()
                .because("it answers writes with “disk full”", "tikv: components/raftstore/src/store/peer.rs"),
            others_have_room(),
            check(Scope::Itself, "disk-space")
                .weighs(5.0, 0.3)
                .explains()
                .because("less than a fifth of its space is left", SPACE),
        ])
        .brings(of_little_space())
        .unlike(&["disk-space-foreign-files", "disk-space-low"])
        .cured_by(&[
            ("free-space", Fitness::Best, "the only way that works within minutes"),
            ("evict-leaders", Fitness::Acceptable, "other stores take its writes while space is made"),
            ("add-store", Fitness::Acceptable, "lasting, but takes hours"),
            ("wait", Fitness::Harmful, "writes fail until somebody acts"),
        ])
        .until("writes are accepted again")
}

fn no_room() -> Card {
    card("cluster-space-low", "cluster", Severity::Critical, 0.02)
        .says(
            "All disks fill up",
            "No store has more than a fifth of its space left: PD has nowhere to move data to. From a twentieth \
             left on, stores refuse writes, and they will do so nearly at the same time.",
        )
        .seen_by(vec![
            check(Scope::Itself, "room-somewhere")
                .weighs(60.0, 0.02)
                .explains()
                .because("no store has room left", SPACE),
            anomaly(Scope::Anyone, "disk-used")
                .weighs(2.0, 0.9)
                .explains()
                .because("the data of the stores grows", "pd: pkg/response/store.go"),
            check(Scope::Anyone, "disk-own-data")
                .weighs(0.5, 1.1)
                .because("files that are not TiKV's would be the cause on that store", "pd: pkg/response/store.go"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &[
                "disk-space",
                "disk-writable",
                "leader-balance",
                "no-missing-peers",
                "pending-peers-drain",
                "region-balance",
            ],
            &["pending-peers"],
            "stores without room take nothing, and in the end refuse writes",
            SPACE,
        ))
        .brings(consequences(Scope::Anyone, &STAGES, &STAGE_SIGNALS, "writes that are refused are tried again", SPACE))
        .unlike(&["disk-space-low", "disk-full"])
        .cured_by(&[
            ("add-store", Fitness::Best, "the only place where data can go; PD moves it by itself, for hours"),
            ("reduce-load", Fitness::Acceptable, "buys time until a store is added"),
            ("wait", Fitness::Harmful, "all stores come to refuse writes within a short time of each other"),
        ])
        .until("stores refuse writes, or a store with room has joined")
}

fn others_have_room() -> EvidenceRule {
    check(Scope::Anyone, "room-somewhere")
        .weighs(0.03, 1.0)
        .because(
            "the others are as full: it is not this store's trouble",
            SPACE,
        )
}

fn low() -> EvidenceRule {
    check(Scope::Itself, "disk-space")
        .weighs(20.0, 0.02)
        .explains()
        .because("less than a fifth of its space is left", SPACE)
}

fn of_a_slow_store() -> Vec<EvidenceRule> {
    let because =
        "whatever passes through a slow store is slow, and followers elsewhere wait for it";
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

fn of_little_space() -> Vec<EvidenceRule> {
    let because = "PD moves regions away from a store that is low on space, and places none there";
    let mut rules = consequences(
        Scope::Itself,
        &["disk-own-data", "disk-writable"],
        &["disk-available", "disk-used"],
        because,
        SPACE,
    );
    rules.extend(consequences(
        Scope::Anyone,
        &["region-balance", "leader-balance"],
        &["leader-count"],
        because,
        SPACE,
    ));
    rules.extend(consequences(
        Scope::Neighbours,
        &["no-missing-peers", "pending-peers-drain"],
        &[],
        because,
        SPACE,
    ));
    rules
}
