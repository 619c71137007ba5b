//! What each fault must move, what it must not, and when (`tikv.md` §7.3).

use super::observer::{PD1, PD3, Run, STATUS};
use operator_world::{Answer, World};

const APPEND: &str = "tikv_raftstore_append_log_duration_seconds";
const PROPOSE: &str = "tikv_raftstore_request_wait_time_duration_secs";
const APPLY_WAIT: &str = "tikv_raftstore_apply_wait_time_duration_secs";
const SYNC: &str = "raft_engine_sync_log_duration_seconds";
const RAFTSTORE_CPU: &str = "tikv_thread_cpu_seconds_total{name=\"raftstore";
const SLOW_SCORE: &str = "tikv_raftstore_slow_score{type=\"raft\"}";

#[test]
fn a_healthy_cluster_is_quiet() {
    let mut run = Run::of("healthy", "nothing");
    let windows = run.window(0, 120);
    for window in &windows {
        assert!(
            window.p99(APPEND) < 0.05 && window.p99(PROPOSE) < 0.05,
            "{} {}",
            window.p99(APPEND),
            window.p99(PROPOSE)
        );
        assert!((window.after.get(SLOW_SCORE) - 1.0).abs() < 1e-9);
        assert!(window.cpu() < 0.4 * 4.0);
    }
    let leader = run.metrics(PD3);
    assert!(leader.sum("pd_regions_status").abs() < 1e-9);
    assert!((leader.get("pd_cluster_status{type=\"store_up_count\"}") - 3.0).abs() < 1e-9);
    assert_eq!(run.json("/operators"), serde_json::json!([]));
    for id in [1, 4, 5] {
        assert_eq!(run.store(id)["store"]["state_name"], "Up");
    }
}

#[test]
fn a_dead_store_is_refused_at_once_and_disconnected_after_twenty_seconds() {
    let mut run = Run::of("node-death", "for-good");
    run.at(1);
    assert_eq!(
        run.world.request(STATUS[1], "GET", "/status"),
        Answer::Refused
    );
    assert_eq!(run.store(4)["store"]["state_name"], "Up");
    run.at(31);
    assert_eq!(run.store(4)["store"]["state_name"], "Disconnected");
    assert_eq!(run.store(1)["store"]["state_name"], "Up");
    run.at(45);
    assert!(
        (run.metrics(PD3)
            .get("pd_cluster_status{type=\"store_disconnected_count\"}")
            - 1.0)
            .abs()
            < 1e-9
    );
}

#[test]
fn the_leaders_of_a_dead_store_move_within_an_election_timeout() {
    let mut run = Run::of("node-death", "for-good");
    run.at(7);
    assert_eq!(
        run.store(4)["status"]["leader_count"],
        40,
        "PD knows nothing new of leaderless regions"
    );
    assert!(run.metrics(STATUS[0]).get("tikv_raftstore_leader_missing") > 0.0);
    run.at(21);
    assert_eq!(run.store(4)["status"]["leader_count"], 0);
    assert!(
        run.metrics(STATUS[0])
            .get("tikv_raftstore_leader_missing")
            .abs()
            < 1e-9
    );
    let unreachable = "tikv_server_report_failure_msg_total{store_id=\"4\",type=\"unreachable\"}";
    assert!(run.metrics(STATUS[0]).get(unreachable) > 0.0);
    let (lines, _) = run.world.read_log("tikv0", 100_000);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("became leader at term 7")),
        "{} lines",
        lines.len()
    );
}

#[test]
fn a_store_that_stays_dead_is_unhealthy_then_down_and_its_peers_are_down() {
    let mut run = Run::of("node-death", "for-good");
    run.at(700);
    let leader = run.metrics(PD3);
    assert!((leader.get("pd_cluster_status{type=\"store_unhealth_count\"}") - 1.0).abs() < 1e-9);
    assert!(
        (leader.get("pd_regions_status{type=\"down-peer-region-count\"}") - 120.0).abs() < 1e-9
    );
    assert!(
        leader
            .get("pd_regions_status{type=\"miss-peer-region-count\"}")
            .abs()
            < 1e-9
    );
    let down = run.json("/regions/check/down-peer");
    assert!(
        down["regions"][0]["down_peers"][0]["down_seconds"]
            .as_u64()
            .unwrap()
            >= 600
    );
    run.at(1_830);
    assert_eq!(run.store(4)["store"]["state_name"], "Down");
}

#[test]
fn a_store_that_comes_back_starts_its_counters_anew_and_gets_leaders_again() {
    let mut run = Run::of("node-death", "comes-back");
    run.at(260);
    assert_eq!(run.store(4)["store"]["state_name"], "Up");
    assert!(
        run.metrics(STATUS[1])
            .get("tikv_raftstore_append_log_duration_seconds_count")
            < 60_000.0
    );
    run.at(340);
    assert!(
        run.store(4)["status"]["leader_count"].as_u64().unwrap() > 30,
        "{}",
        run.store(4)
    );
}

#[test]
fn a_hot_region_loads_its_leaders_thread_and_pd_lists_it_minutes_later() {
    let mut run = Run::of("hot-region", "neighbouring-keys");
    let before = run.window(-60, -1);
    let after = run.window(10, 70);
    let region = run.world.hot_region().unwrap();
    assert!(after[1].rate(RAFTSTORE_CPU) > 5.0 * before[1].rate(RAFTSTORE_CPU));
    assert!(
        after[1].p99(PROPOSE) >= 4.0 * before[1].p99(PROPOSE),
        "{} {}",
        after[1].p99(PROPOSE),
        before[1].p99(PROPOSE)
    );
    for other in [0, 2] {
        assert!(after[1].rate(RAFTSTORE_CPU) > 2.0 * after[other].rate(RAFTSTORE_CPU));
        assert!(after[other].p99(PROPOSE) <= 2.0 * before[other].p99(PROPOSE));
        assert!((after[other].after.get(SLOW_SCORE) - 1.0).abs() < 1e-9);
    }
    assert!(
        (after[1].after.get(SLOW_SCORE) - 1.0).abs() < 1e-9,
        "a hot region is no slow disk"
    );
    let top = run.json("/regions/writeflow?limit=16");
    assert_eq!(top["regions"][0]["id"], region);
    let shown = |run: &mut Run| {
        let hot = run.json("/hotspot/regions/write");
        let peers = hot["as_leader"]["4"]["statistics"]
            .as_array()
            .unwrap()
            .clone();
        peers
            .iter()
            .any(|peer| peer["region_id"] == region && peer["flow_bytes"].as_f64().unwrap() > 5e6)
    };
    run.at(90);
    assert!(!shown(&mut run), "too early");
    run.at(240);
    assert!(
        shown(&mut run),
        "{}",
        run.json("/hotspot/regions/write")["as_leader"]["4"]
    );
}

#[test]
fn a_full_disk_passes_a_fifth_and_then_rejects_writes() {
    let mut run = Run::of("disk-pressure", "foreign-files");
    run.at(100);
    assert!(
        run.metrics(PD3)
            .get("pd_cluster_status{type=\"store_low_space_count\"}")
            .abs()
            < 1e-9
    );
    run.at(195);
    assert!(
        (run.metrics(PD3)
            .get("pd_cluster_status{type=\"store_low_space_count\"}")
            - 1.0)
            .abs()
            < 1e-9
    );
    let metrics = run.metrics(STATUS[1]);
    let size = |kind: &str| metrics.get(&format!("tikv_store_size_bytes{{type=\"{kind}\"}}"));
    assert!(size("available") / size("capacity") < 0.2);
    assert!(
        size("capacity") - size("used") - size("available") > 30e9,
        "the files are someone else's"
    );
    run.at(235);
    let rejected =
        "tikv_storage_engine_async_request_total{status=\"err_disk_full\",type=\"write\"}";
    assert!(run.metrics(STATUS[1]).get(rejected) > 0.0);
    assert!(run.metrics(STATUS[0]).get(rejected).abs() < 1e-9);
    let (lines, _) = run.world.read_log("tikv1", 100_000);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("disk usage Normal->AlmostFull"))
    );
}

#[test]
fn a_slow_disk_raises_flushes_and_the_slow_score_while_processors_rest() {
    let mut run = Run::of("ambiguous-slowness", "slow-disk");
    let before = run.window(-60, -1);
    let after = run.window(2, 22);
    assert!(after[1].p99(APPEND) >= 0.1, "{}", after[1].p99(APPEND));
    assert!(after[1].p99(SYNC) > 50.0 * before[1].p99(SYNC));
    assert!(after[1].p99(PROPOSE) <= 2.0 * before[1].p99(PROPOSE));
    assert!(after[1].cpu() < 1.2 * before[1].cpu());
    for other in [0, 2] {
        assert!(after[other].p99(APPEND) <= 2.0 * before[other].p99(APPEND));
    }
    run.at(30);
    assert!((run.metrics(STATUS[1]).get(SLOW_SCORE) - 100.0).abs() < 1e-9);
    run.at(90);
    assert_eq!(
        run.store(4)["status"]["leader_count"],
        0,
        "PD evicts the leaders of a slow store"
    );
    assert_eq!(run.store(4)["status"]["pause_leader_transfer_in"], true);
    let evicted = "pd_scheduler_evicted_slow_store_status{slow_type=\"disk\",store=\"4\"}";
    assert!((run.metrics(PD3).get(evicted) - 1.0).abs() < 1e-9);
    let (lines, _) = run.world.read_log("pd3", 100_000);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("detected slow store, start to evict leaders"))
    );
}

#[test]
fn starved_processors_raise_every_stage_but_not_the_flush_or_the_score() {
    let mut run = Run::of("ambiguous-slowness", "cpu-starvation");
    let before = run.window(-60, -1);
    let after = run.window(2, 62);
    for stage in [
        APPEND,
        PROPOSE,
        APPLY_WAIT,
        "tikv_grpc_msg_duration_seconds",
    ] {
        let label = if stage.contains("grpc") {
            "priority=\"unknown\",type=\"raw_get\""
        } else {
            ""
        };
        let now = after[1].quantile(0.99, stage, label);
        let then = before[1].quantile(0.99, stage, label);
        // Half of an append is the flush, which does not need the CPU.
        let least = if stage == APPEND { 2.0 } else { 3.0 };
        assert!(now >= least * then, "{stage}: {then} to {now}");
    }
    assert!(after[1].p99(SYNC) < 0.02 && after[1].p99(SYNC) <= 3.3 * before[1].p99(SYNC));
    assert!(after[1].cpu() > 3.0 * before[1].cpu());
    assert!(after[1].after.get(SLOW_SCORE) < 80.0);
    for other in [0, 2] {
        assert!(after[other].cpu() < 1.2 * before[other].cpu());
        assert!(after[other].p99(PROPOSE) <= 2.0 * before[other].p99(PROPOSE));
    }
}

#[test]
fn both_causes_of_slowness_slow_writes_down() {
    let put = "priority=\"unknown\",type=\"raw_put\"";
    for variant in ["slow-disk", "cpu-starvation"] {
        let mut run = Run::of("ambiguous-slowness", variant);
        let before = run.window(-60, -1);
        let after = run.window(2, 20);
        let now = after[1].quantile(0.99, "tikv_grpc_msg_duration_seconds", put);
        let then = before[1].quantile(0.99, "tikv_grpc_msg_duration_seconds", put);
        assert!(now >= 3.0 * then, "{variant}: {then} to {now}");
    }
}

#[test]
fn pd_has_no_answer_while_it_has_no_leader_and_a_new_one_knows_less() {
    let mut run = Run::of("pd-leader-kill", "kill");
    run.at(2);
    assert_eq!(
        run.world.request(PD3, "GET", "/pd/api/v1/members"),
        Answer::Refused
    );
    assert!(matches!(
        run.world.request(PD1, "GET", "/pd/api/v1/stores"),
        Answer::Response { status: 503, .. }
    ));
    assert!(matches!(
        run.world.request(PD1, "GET", "/pd/api/v1/health"),
        Answer::Response { status: 200, .. }
    ));
    run.at(9);
    let members = run.json("/members");
    assert_ne!(members["leader"]["name"], "pd3");
    assert_eq!(
        members["leader"]["member_id"],
        members["etcd_leader"]["member_id"]
    );
    assert_eq!(run.json("/regions/count")["count"], 120);
    let listed: usize = ["1", "4", "5"]
        .iter()
        .filter_map(|id| {
            run.json("/hotspot/regions/write")["as_leader"][id]["statistics"]
                .as_array()
                .map(Vec::len)
        })
        .sum();
    assert_eq!(listed, 0);
    run.at(20);
    for id in [1, 4, 5] {
        assert_eq!(run.store(id)["store"]["state_name"], "Up");
    }
}

#[test]
fn a_store_without_pd_is_disconnected_and_goes_on_serving() {
    let mut run = Run::of("store-pd-partition", "cut");
    let windows = run.window(5, 60);
    assert_eq!(run.store(4)["store"]["state_name"], "Disconnected");
    assert!(windows[1].rate("tikv_storage_command_total") > 1_000.0);
    assert!(
        !windows[0]
            .after
            .0
            .keys()
            .any(|series| series.starts_with("tikv_server_report_failure"))
    );
    let (lines, _) = run.world.read_log("tikv1", 100_000);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("store heartbeat failed"))
    );
}

#[test]
fn a_hung_disk_looks_up_and_busy_while_its_counters_stand_still() {
    let mut run = Run::of("hung-disk", "hang");
    let windows = run.window(5, 60);
    assert!(
        windows[1]
            .rate("tikv_raftstore_append_log_duration_seconds_count")
            .abs()
            < 1e-9
    );
    assert!((windows[1].after.get(SLOW_SCORE) - 100.0).abs() < 1e-9);
    let store = run.store(4);
    assert_eq!(
        (
            store["store"]["state_name"].as_str(),
            store["status"]["is_busy"].as_bool()
        ),
        (Some("Up"), Some(true))
    );
    assert!(matches!(
        run.world.request(STATUS[1], "GET", "/status"),
        Answer::Response { status: 200, .. }
    ));
    run.at(340);
    assert_eq!(run.store(4)["store"]["state_name"], "Disconnected");
}

#[test]
fn evicted_leaders_go_without_any_election_timeout() {
    let mut run = Run::of("leader-eviction", "evict");
    run.at(60);
    assert_eq!(run.store(4)["status"]["leader_count"], 0);
    assert!(
        run.json("/schedulers")
            .as_array()
            .unwrap()
            .iter()
            .any(|name| name == "evict-leader-scheduler")
    );
    let (lines, _) = run.world.read_log("tikv1", 100_000);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("starts to transfer leadership"))
    );
}

#[test]
fn a_rolling_restart_never_leaves_a_region_without_a_leader_for_long() {
    let mut run = Run::of("rolling-restart", "three-stores");
    let mut leaderless_s = 0;
    for second in 0..280 {
        run.at(second);
        let leaderless = run
            .world
            .cluster
            .regions
            .values()
            .filter(|region| region.leader.is_none())
            .count();
        leaderless_s += leaderless;
    }
    assert!(leaderless_s < 120, "{leaderless_s} region-seconds");
}

#[test]
fn a_surge_doubles_the_flow_and_nothing_breaks() {
    let mut run = Run::of("load-surge", "double");
    let before = run.window(-60, -1);
    let during = run.window(10, 100);
    for (before, during) in before.iter().zip(&during) {
        let growth =
            during.rate("tikv_storage_command_total") / before.rate("tikv_storage_command_total");
        assert!((1.8..2.2).contains(&growth), "{growth}");
        assert!(during.p99(APPEND) < 0.05);
    }
    assert!(matches!(
        run.world.request(PD1, "GET", "/pd/api/v1/stores"),
        Answer::Response { status: 200, .. }
    ));
}
