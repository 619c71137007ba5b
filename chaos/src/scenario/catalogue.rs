//! The scenarios that are shipped.

use super::{Fault, FaultKind, Scenario, Truth, Variant};

/// The store that most scenarios strike; neither the first nor the last.
const VICTIM: u64 = 4;
/// Long enough for an observer to learn what is usual.
const ONSET_MS: u64 = 120_000;
const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_024.0 * MIB;

/// Every scenario, the four of the demo first.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let mut scenarios = vec![node_death(), hot_region(), disk_pressure(), ambiguous_slowness()];
    scenarios.extend([
        pd_leader_kill(),
        store_pd_partition(),
        hung_disk(),
        leader_eviction(),
        rolling_restart(),
        load_surge(),
        healthy(),
    ]);
    scenarios
}

fn node_death() -> Scenario {
    let kill = fault(0, FaultKind::KillStore { store: VICTIM });
    let start = fault(240_000, FaultKind::StartStore { store: VICTIM });
    let truth = || Truth {
        best_actions: texts(&["restart-store", "wait"]),
        harmful_actions: texts(&["delete-store", "unsafe-recovery"]),
        ..store_truth("the process died", &["dead", "down", "death", "killed", "crash", "process"])
    };
    Scenario {
        story: "A TiKV process is killed. Its regions elect new leaders within 10 to 20 s; PD notices after 20 s."
            .into(),
        variants: vec![
            variant("for-good", vec![kill.clone()], truth()),
            variant("comes-back", vec![kill, start], truth()),
        ],
        ..scenario("node-death", "A store's process dies", 300_000)
    }
}

fn hot_region() -> Scenario {
    let heat = FaultKind::HotWrite { leader: VICTIM, bytes_per_second: 8.8 * MIB, value_bytes: 2_048.0 };
    let truth = Truth {
        component_kind: "region".into(),
        component: String::new(),
        component_aliases: texts(&["4", "127.0.0.1:20161"]),
        best_actions: texts(&["split-region", "scatter-region", "change-keys"]),
        acceptable_actions: texts(&["wait", "transfer-leader"]),
        harmful_actions: texts(&["restart-store", "delete-store"]),
        ..store_truth("clients write neighbouring keys of one region", &["hot", "region", "write", "skew"])
    };
    Scenario {
        story: "Clients begin to write a few neighbouring keys. One region takes almost all writes, and one thread of its leader's store must carry them. PD lists it only after three heartbeats.".into(),
        variants: vec![variant("neighbouring-keys", vec![fault(0, heat)], truth)],
        ..scenario("hot-region", "One region takes almost all writes", 420_000)
    }
}

fn disk_pressure() -> Scenario {
    let fill = FaultKind::FillDisk { store: VICTIM, bytes_per_second: 300.0 * MIB, until_free_bytes: 4.0 * GIB };
    let truth = Truth {
        best_actions: texts(&["free-space"]),
        acceptable_actions: texts(&["wait", "add-store", "evict-leaders"]),
        harmful_actions: texts(&["delete-store", "delete-data-files", "unsafe-recovery"]),
        ..store_truth("files that are not the store's fill its disk", &["disk", "space", "full", "low", "available"])
    };
    Scenario {
        story: "Something writes large files beside a store's data. Free space falls through 20 % and on to the reserve, where the store rejects writes.".into(),
        variants: vec![variant("foreign-files", vec![fault(0, fill)], truth)],
        ..scenario("disk-pressure", "A store's disk fills up", 360_000)
    }
}

fn ambiguous_slowness() -> Scenario {
    let slow = FaultKind::SlowDisk { store: VICTIM, factor: 60.0 };
    let steal = FaultKind::CpuSteal { store: VICTIM, share_left: 0.2 };
    let evict = || texts(&["evict-leaders"]);
    let harmful = || texts(&["delete-store", "unsafe-recovery"]);
    let disk = Truth {
        best_actions: evict(),
        acceptable_actions: texts(&["wait", "replace-disk"]),
        harmful_actions: harmful(),
        ..store_truth("its disk is slow", &["disk", "fsync", "append", "io", "slow"])
    };
    let cpu = Truth {
        best_actions: texts(&["free-cpu", "evict-leaders"]),
        acceptable_actions: texts(&["wait", "evict-leaders"]),
        harmful_actions: harmful(),
        ..store_truth("its processors are starved", &["cpu", "processor", "starved", "throttl", "steal"])
    };
    Scenario {
        story: "Writes of one store become slow. Either its disk takes sixty times as long for each flush, or something else uses its processors.".into(),
        variants: vec![variant("slow-disk", vec![fault(0, slow)], disk), variant("cpu-starvation", vec![fault(0, steal)], cpu)],
        ..scenario("ambiguous-slowness", "A store is slow, and two causes look alike at first", 300_000)
    }
}

fn pd_leader_kill() -> Scenario {
    let truth = Truth {
        component_kind: "member".into(),
        component: "pd3".into(),
        component_aliases: texts(&["127.0.0.1:2579"]),
        best_actions: texts(&["restart-member", "wait"]),
        ..store_truth("the leading PD member died", &["pd", "leader", "member"])
    };
    Scenario {
        story: "The PD member that leads is killed. For some seconds nobody answers for PD; then another member leads and knows less.".into(),
        variants: vec![variant("kill", vec![fault(0, FaultKind::KillPdLeader)], truth)],
        ..scenario("pd-leader-kill", "The leading PD member dies", 300_000)
    }
}

fn store_pd_partition() -> Scenario {
    let cut = fault(0, FaultKind::CutStoreFromPd { store: VICTIM });
    let truth = Truth {
        best_actions: texts(&["repair-network"]),
        harmful_actions: texts(&["delete-store", "restart-store"]),
        ..store_truth("it cannot reach PD", &["partition", "network", "pd", "unreachable"])
    };
    Scenario {
        story: "A store loses its way to PD. It goes on serving, and PD calls it Disconnected.".into(),
        variants: vec![variant("cut", vec![cut], truth)],
        ..scenario("store-pd-partition", "A store cannot reach PD", 300_000)
    }
}

fn hung_disk() -> Scenario {
    let truth = Truth {
        best_actions: texts(&["kill-process"]),
        acceptable_actions: texts(&["evict-leaders"]),
        harmful_actions: texts(&["wait", "delete-store"]),
        ..store_truth("its disk hangs", &["disk", "hang", "hung", "stuck"])
    };
    Scenario {
        story: "A store's disk stops answering. The process lives, PD calls it Up, and its leaders commit nothing."
            .into(),
        variants: vec![variant("hang", vec![fault(0, FaultKind::HangDisk { store: VICTIM })], truth)],
        ..scenario("hung-disk", "A store's disk hangs", 300_000)
    }
}

fn leader_eviction() -> Scenario {
    let truth = Truth {
        best_actions: texts(&["remove-evict-leader-scheduler", "wait"]),
        ..store_truth("a scheduler evicts its leaders", &["evict", "leader", "scheduler"])
    };
    Scenario {
        story: "Someone adds an evict-leader scheduler for a store and leaves it there.".into(),
        variants: vec![variant("evict", vec![fault(0, FaultKind::EvictLeaders { store: VICTIM })], truth)],
        ..scenario("leader-eviction", "A store's leaders are evicted on purpose", 300_000)
    }
}

fn rolling_restart() -> Scenario {
    let mut faults = Vec::new();
    for (store, after_ms) in [(1, 0), (VICTIM, 90_000), (5, 180_000)] {
        faults.push(fault(after_ms, FaultKind::StopStore { store }));
        faults.push(fault(after_ms + 22_000, FaultKind::StartStore { store }));
    }
    Scenario {
        story: "A person restarts the stores one after the other, as for an upgrade.".into(),
        variants: vec![variant("three-stores", faults, no_ticket("a planned restart"))],
        ..scenario("rolling-restart", "The stores are restarted one by one", 420_000)
    }
}

fn load_surge() -> Scenario {
    let faults =
        vec![fault(0, FaultKind::LoadFactor { factor: 2.0 }), fault(150_000, FaultKind::LoadFactor { factor: 1.0 })];
    Scenario {
        story: "For two and a half minutes the clients want twice as much as usual, which the cluster can give.".into(),
        variants: vec![variant("double", faults, no_ticket("more load, well carried"))],
        ..scenario("load-surge", "Clients ask for twice the usual load", 300_000)
    }
}

fn healthy() -> Scenario {
    Scenario {
        story: "Nothing happens.".into(),
        variants: vec![variant("nothing", Vec::new(), no_ticket("nothing"))],
        ..scenario("healthy", "A healthy cluster under steady load", 300_000)
    }
}

fn scenario(id: &str, title: &str, duration_ms: u64) -> Scenario {
    Scenario {
        id: id.into(),
        title: title.into(),
        story: String::new(),
        plugin: "tikv.wasm".into(),
        onset_ms: ONSET_MS,
        duration_ms,
        variants: Vec::new(),
    }
}

fn variant(id: &str, faults: Vec<Fault>, truth: Truth) -> Variant {
    Variant { id: id.into(), faults, truth }
}

fn fault(after_ms: u64, kind: FaultKind) -> Fault {
    Fault { after_ms, kind }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn store_truth(mechanism: &str, words: &[&str]) -> Truth {
    Truth {
        ticket: true,
        component_kind: "store".into(),
        component: VICTIM.to_string(),
        component_aliases: texts(&["127.0.0.1:20161", "127.0.0.1:20181"]),
        mechanism: mechanism.into(),
        words: texts(words),
        acceptable_actions: texts(&["wait"]),
        best_actions: Vec::new(),
        harmful_actions: texts(&["delete-store"]),
    }
}

fn no_ticket(mechanism: &str) -> Truth {
    Truth {
        ticket: false,
        component_kind: String::new(),
        component: String::new(),
        component_aliases: Vec::new(),
        mechanism: mechanism.into(),
        words: Vec::new(),
        acceptable_actions: texts(&["wait"]),
        best_actions: Vec::new(),
        harmful_actions: Vec::new(),
    }
}
