//! `/metrics` of a store.

use super::exposition::{Dialect, Exposition};
use super::pd_http::TIKV_VERSION;
use crate::sim::cluster::Cluster;
use crate::sim::number::{real, whole};
use crate::sim::stages::{APPLY_THREADS, GRPC_THREADS, RAFTSTORE_THREADS, READ_THREADS, SCHEDULER_THREADS};
use crate::sim::store::Store;
use std::collections::BTreeMap;

/// Renders a store's metrics.
pub(super) fn render(cluster: &Cluster, store: &Store) -> Vec<u8> {
    let mut out = Exposition::new(Dialect::Rust);
    process(&mut out, store);
    threads(&mut out, store);
    raft_durations(&mut out, store);
    raft_counts(&mut out, cluster, store);
    messages(&mut out, store);
    requests(&mut out, store);
    engine(&mut out, store);
    health(&mut out, store);
    pd(&mut out, store);
    timestamps(&mut out, cluster);
    out.finish()
}

const CFS: [&str; 4] = ["default", "lock", "raft", "write"];

fn process(out: &mut Exposition, store: &Store) {
    let total = store.counters.cpu.total();
    out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.").plain(total.floor());
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.").plain(resident(store));
    out.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        .plain(real(store.started_ms / 1_000));
    out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.").plain(resident(store) * 2.0);
    out.gauge("tikv_server_cpu_cores_quota", "Total CPU cores quota for TiKV server").plain(store.cores);
    out.gauge("tikv_server_memory_quota_bytes", "Total memory quota for TiKV server").plain(store.memory_bytes);
    let labels = format!("hash=\"None\",version=\"v{TIKV_VERSION}\"");
    out.gauge("tikv_server_info", "Indicate the tikv server info, and the value is the server startup timestamp(s).")
        .series(&labels, real(store.started_ms / 1_000));
}

/// Cache and memtable over what every process needs.
fn resident(store: &Store) -> f64 {
    (store.memory_bytes * 0.35 + store.tree.memtable_bytes).floor()
}

fn threads(out: &mut Exposition, store: &Store) {
    let cpu = &store.counters.cpu;
    // The kernel numbers threads in the order in which they start; a new process starts with new numbers.
    let mut tid = 31_700 + 1_000 * store.incarnation + 200 * store.index;
    let mut family =
        out.gauge("tikv_thread_cpu_seconds_total", "Total user and system CPU time spent in seconds by threads.");
    let mut thread = |name: String, seconds: f64| {
        tid += 1;
        family.series(&format!("name=\"{name}\",tid=\"{tid}\""), (seconds * 100.0).floor() / 100.0);
    };
    pool(&mut thread, |number| format!("apply_{number}"), APPLY_THREADS, cpu.apply, cpu.apply_hot);
    thread("background_0".into(), cpu.background * 0.3);
    thread("timer".into(), cpu.background * 0.4);
    thread("pd_worker_0".into(), cpu.background * 0.1);
    thread("rocksdb:high".into(), cpu.background * 0.05);
    thread("rocksdb:low".into(), cpu.background * 0.15);
    even(&mut thread, |number| format!("grpc_server_{number}"), GRPC_THREADS, cpu.grpc);
    pool(
        &mut thread,
        |number| format!("raftstore_{}_{number}", store.id),
        RAFTSTORE_THREADS,
        cpu.raftstore,
        cpu.raftstore_hot,
    );
    even(&mut thread, |number| format!("sched_pool_{number}"), SCHEDULER_THREADS, cpu.scheduler);
    thread("store_writer_0".into(), cpu.writer);
    even(&mut thread, |number| format!("unified_read_pool_{number}"), READ_THREADS, cpu.read);
    let stuck = if store.disk.hung { 4.0 } else { 0.0 };
    let running = 1.0 + store.stages.cpu.total().round();
    let mut states = out.gauge("tikv_threads_state", "Number of threads in each state.");
    if stuck > 0.0 {
        states.each("state", [("D", stuck)]);
    }
    states.each("state", [("R", running), ("S", 120.0 - running - stuck)]);
}

/// A pool in which one thread carries the busiest region.
fn pool(thread: &mut impl FnMut(String, f64), name: impl Fn(u64) -> String, threads: f64, total: f64, hot: f64) {
    thread(name(0), hot);
    for number in 1..whole(threads) {
        thread(name(number), (total - hot) / (threads - 1.0));
    }
}

fn even(thread: &mut impl FnMut(String, f64), name: impl Fn(u64) -> String, threads: f64, total: f64) {
    for number in 0..whole(threads) {
        thread(name(number), total / threads);
    }
}

fn raft_durations(out: &mut Exposition, store: &Store) {
    let counters = &store.counters;
    for (name, help, histogram) in [
        (
            "raft_engine_sync_log_duration_seconds",
            "Bucketed histogram of Raft Engine sync log duration",
            &counters.engine_sync,
        ),
        (
            "raft_engine_write_duration_seconds",
            "Bucketed histogram of Raft Engine write duration",
            &counters.engine_write,
        ),
        (
            "tikv_raftstore_append_log_duration_seconds",
            "Bucketed histogram of peer appending log duration.",
            &counters.append,
        ),
        (
            "tikv_raftstore_apply_log_duration_seconds",
            "Bucketed histogram of peer applying log duration.",
            &counters.apply,
        ),
        (
            "tikv_raftstore_apply_wait_time_duration_secs",
            "Bucketed histogram of apply task wait time duration.",
            &counters.apply_wait,
        ),
        (
            "tikv_raftstore_commit_log_duration_seconds",
            "Bucketed histogram of peer commits logs duration.",
            &counters.commit,
        ),
        ("tikv_raftstore_log_lag", "Bucketed histogram of log lag in a region.", &counters.log_lag),
        ("tikv_raftstore_region_size", "Bucketed histogram of approximate region size.", &counters.region_size),
        (
            "tikv_raftstore_request_wait_time_duration_secs",
            "Bucketed histogram of request wait time duration.",
            &counters.propose_wait,
        ),
        ("tikv_raftstore_store_duration_secs", "Bucketed histogram of store time duration.", &counters.store_duration),
        (
            "tikv_raftstore_store_write_loop_duration_seconds",
            "Bucketed histogram of store write loop duration.",
            &counters.write_loop,
        ),
        (
            "tikv_raftstore_store_write_raftdb_duration_seconds",
            "Bucketed histogram of store write raft db duration.",
            &counters.write_raftdb,
        ),
        (
            "tikv_raftstore_store_write_task_wait_duration_secs",
            "Bucketed histogram of store write task wait time duration.",
            &counters.write_wait,
        ),
        ("tikv_region_written_bytes", "Histogram of bytes written for regions", &counters.region_written),
    ] {
        out.histogram(name, help).buckets("", histogram);
    }
    let name = "tikv_raftstore_raft_process_duration_secs";
    out.histogram(name, "Bucketed histogram of peer processing raft duration.")
        .buckets("type=\"ready\"", &counters.raft_ready);
}

fn raft_counts(out: &mut Exposition, cluster: &Cluster, store: &Store) {
    let counters = &store.counters;
    let (led, all) = (store.led_regions, store.held_regions);
    let missing =
        cluster.regions.values().filter(|region| region.leader.is_none() && region.peer_on(store.id).is_some());
    let counts = [("buckets", real(all)), ("leader", real(led)), ("region", real(all))];
    out.gauge("tikv_raftstore_region_count", "Number of regions collected in region_collector").each("type", counts);
    out.gauge("tikv_raftstore_leader_missing", "Total number of leader missed region.")
        .plain(crate::sim::number::real_len(missing.count()));
    let hibernation = [("awaken", real(all)), ("hibernated", 0.0)];
    out.gauge("tikv_raftstore_hibernated_peer_state", "Number of peers in hibernated state.")
        .each("state", hibernation);
    let proposals = [
        ("all", counters.puts_done.floor()),
        ("batch", 0.0),
        ("conf_change", 0.0),
        ("local_read", 0.0),
        ("normal", counters.puts_done.floor()),
        ("read_index", 0.0),
        ("transfer_leader", counters.transfers),
    ];
    out.counter("tikv_raftstore_proposal_total", "Total number of proposal made.").each("type", proposals);
    let mut admin = out.counter("tikv_raftstore_admin_cmd_total", "Total number of admin cmd processed.");
    for status in ["all", "success"] {
        for (kind, count) in [("batch-split", 0.0), ("conf_change", 0.0), ("transfer_leader", counters.transfers)] {
            admin.series(&format!("status=\"{status}\",type=\"{kind}\""), count);
        }
    }
    let checks = [("all", counters.split_checks), ("ignore", counters.split_checks), ("success", 0.0)];
    out.counter("tikv_raftstore_check_split_total", "Total number of raftstore split check.").each("type", checks);
    let snapshots = ["all", "fail", "success"].map(|status| (status, 0.0));
    let mut family = out.counter("tikv_raftstore_snapshot_total", "Total number of raftstore snapshot processed.");
    for (status, count) in snapshots {
        for kind in ["apply", "generate"] {
            family.series(&format!("status=\"{status}\",type=\"{kind}\""), count);
        }
    }
    out.gauge("tikv_raftstore_snapshot_pending_applies", "Total snapshots in the pending queue of apply worker.")
        .plain(0.0);
    let traffic = [("receiving", 0.0), ("sending", 0.0)];
    out.gauge("tikv_raftstore_snapshot_traffic_total", "Total number of raftstore snapshot traffic.")
        .each("type", traffic);
}

fn messages(out: &mut Exposition, store: &Store) {
    const SENT: [&str; 9] = [
        "append",
        "append_resp",
        "heartbeat",
        "heartbeat_resp",
        "prevote",
        "prevote_resp",
        "timeout_now",
        "vote",
        "vote_resp",
    ];
    let counters = &store.counters;
    let of = |map: &BTreeMap<&'static str, f64>, kind: &str| map.get(kind).copied().unwrap_or(0.0).floor();
    let mut sent = out.counter("tikv_raftstore_raft_sent_message_total", "Total number of raft ready sent messages.");
    for kind in SENT {
        sent.series(&format!("status=\"accept\",type=\"{kind}\""), of(&counters.messages, kind));
        sent.series(&format!("status=\"drop\",type=\"{kind}\""), 0.0);
    }
    let dropped =
        ["applying_snap", "disk_full", "mismatch_region_epoch", "mismatch_store_id", "region_nonexistent", "stale_msg"];
    let values = dropped.map(|kind| (kind, of(&counters.dropped, kind)));
    out.counter("tikv_raftstore_raft_dropped_message_total", "Total number of raft dropped messages.")
        .each("type", values);
    let invalid = ["epoch_not_match", "not_leader", "region_not_found", "stale_command"].map(|kind| (kind, 0.0));
    out.counter("tikv_raftstore_raft_invalid_proposal_total", "Total number of raft invalid proposal.")
        .each("type", invalid);
    let mut network = out.histogram(
        "tikv_raftstore_inspect_network_duration_seconds",
        "Bucketed histogram of inspect network duration.",
    );
    for (target, histogram) in &counters.network {
        network.buckets(&format!("target=\"{target}\""), histogram);
    }
    // As in the real program, the family appears with the first failure.
    let mut failures =
        out.counter("tikv_server_report_failure_msg_total", "Total number of reporting failure messages");
    for (target, count) in &counters.unreachable {
        failures.series(&format!("store_id=\"{target}\",type=\"unreachable\""), count.floor());
    }
}

fn requests(out: &mut Exposition, store: &Store) {
    let counters = &store.counters;
    let mut grpc = out.histogram("tikv_grpc_msg_duration_seconds", "Bucketed histogram of grpc server messages");
    grpc.buckets("priority=\"unknown\",type=\"raw_get\"", &counters.grpc_get);
    grpc.buckets("priority=\"unknown\",type=\"raw_put\"", &counters.grpc_put);
    let mut engine = out.histogram(
        "tikv_storage_engine_async_request_duration_seconds",
        "Bucketed histogram of processing successful asynchronous requests.",
    );
    engine.buckets("type=\"snapshot\"", &counters.snapshot).buckets("type=\"write\"", &counters.write);
    let mut command =
        out.histogram("tikv_scheduler_command_duration_seconds", "Bucketed histogram of command execution");
    command.buckets("type=\"raw_get\"", &counters.command_get).buckets("type=\"raw_put\"", &counters.command_put);
    let mut waits =
        out.histogram("tikv_yatp_pool_schedule_wait_duration", "Histogram of yatp pool schedule wait duration.");
    waits.buckets("name=\"sched-pool\",priority=\"medium\"", &counters.schedule_wait);
    waits.buckets("name=\"unified-read-pool\",priority=\"medium\"", &counters.read_wait);
    let commands = [("raw_get", counters.gets.floor()), ("raw_put", counters.puts.floor())];
    out.counter("tikv_storage_command_total", "Total number of commands received.").each("type", commands);
    let mut total =
        out.counter("tikv_storage_engine_async_request_total", "Total number of engine asynchronous requests");
    for status in ["all", "success"] {
        total.series(&format!("status=\"{status}\",type=\"snapshot\""), counters.gets.floor());
    }
    total.series("status=\"all\",type=\"write\"", counters.puts.floor());
    total.series("status=\"success\",type=\"write\"", counters.puts_done.floor());
    for status in ["err_disk_full", "err_epoch_not_match", "err_not_leader", "err_stale_command"] {
        let count = counters.write_errors.get(status).copied().unwrap_or(0.0);
        total.series(&format!("status=\"{status}\",type=\"write\""), count.floor());
    }
    let mut stages = out.counter("tikv_scheduler_stage_total", "Total number of commands on each stage.");
    for stage in ["new", "write_finish"] {
        let count = if stage == "new" { counters.puts } else { counters.puts_done };
        stages.series(&format!("stage=\"{stage}\",type=\"raw_put\""), count.floor());
    }
    let running = ["high", "low", "medium"].map(|priority| {
        let tasks =
            if priority == "medium" { (store.demand.reads * store.stages.read_wait_ms / 1_000.0).floor() } else { 0.0 };
        (priority, tasks)
    });
    let mut family =
        out.gauge("tikv_unified_read_pool_running_tasks", "The number of running tasks in the unified read pool");
    for (priority, tasks) in running {
        family.series(&format!("name=\"unified-read-pool\",priority=\"{priority}\""), tasks);
    }
    out.gauge("tikv_unified_read_pool_thread_count", "The number of running threads in the unified read pool")
        .each("name", [("unified-read-pool", READ_THREADS)]);
}

fn engine(out: &mut Exposition, store: &Store) {
    let (tree, disk, counters) = (&store.tree, &store.disk, &store.counters);
    let sizes = [
        ("available", disk.available().floor()),
        ("capacity", disk.capacity),
        ("import_size", 0.0),
        ("kv_size", disk.kv_bytes.floor()),
        ("raft_size", disk.raft_bytes.floor()),
        ("snap_size", 0.0),
        ("used", disk.used().floor()),
    ];
    out.gauge("tikv_store_size_bytes", "Size of storage.").each("type", sizes);
    let by_cf = |default: f64| CFS.map(|cf| (cf, if cf == "default" { default } else { 0.0 }));
    let mut files = out.gauge("tikv_engine_num_files_at_level", "Number of files at each level");
    for cf in CFS {
        for level in 0..7 {
            let count = match (cf, level) {
                ("default", 0) => real(tree.level0_files),
                ("default", 1) => real(tree.level1_files),
                _ => 0.0,
            };
            files.series(&format!("cf=\"{cf}\",db=\"kv\",level=\"{level}\""), count);
        }
    }
    let mut per_cf = |name: &'static str, help: &str, default: f64| {
        let mut family = out.gauge(name, help);
        for (cf, value) in by_cf(default) {
            family.series(&format!("cf=\"{cf}\",db=\"kv\""), value);
        }
    };
    per_cf("tikv_engine_num_immutable_mem_table", "Number of immutable mem-table", 0.0);
    per_cf("tikv_engine_pending_compaction_bytes", "Pending compaction bytes", tree.pending_bytes.floor());
    let mut size = out.gauge("tikv_engine_size_bytes", "Sizes of each column families");
    for (cf, bytes) in by_cf(disk.kv_bytes.floor()) {
        size.series(&format!("db=\"kv\",type=\"{cf}\""), bytes);
    }
    out.gauge("tikv_engine_block_cache_size_bytes", "Usage of each column families' block cache")
        .series("cf=\"all\",db=\"kv\"", (store.memory_bytes * 0.25).floor());
    let mut flow = out.counter("tikv_engine_flow_bytes", "Bytes and keys of read/written");
    for (kind, bytes) in [
        ("bytes_read", counters.read_bytes),
        ("bytes_written", counters.written_bytes),
        ("flush_write_bytes", counters.flushed_bytes),
        ("keys_written", counters.appended),
        ("wal_file_bytes", counters.written_bytes),
    ] {
        flow.series(&format!("db=\"kv\",type=\"{kind}\""), bytes.floor());
    }
    stalls(out);
    let mut io = out.counter("tikv_io_bytes", "Bytes of disk tikv io");
    for (kind, bytes) in [
        ("compaction", counters.compacted_bytes),
        ("flush", counters.flushed_bytes),
        ("foreground_write", 2.0 * counters.written_bytes),
    ] {
        io.series(&format!("op=\"write\",type=\"{kind}\""), bytes.floor());
    }
    out.gauge("tikv_scheduler_discard_ratio", "The discard ratio of L0 flow.").plain(0.0);
    out.gauge("tikv_scheduler_throttle_flow", "The speed of throttle write flow.").plain(0.0);
    out.gauge("tikv_scheduler_l0", "The number of l0 files.").each("cf", [("default", real(tree.level0_files))]);
    out.gauge("tikv_scheduler_l0_avg", "The number of average l0 files.")
        .each("cf", [("default", real(tree.level0_files))]);
    out.gauge("tikv_scheduler_memtable", "The number of memtables.").each("cf", [("default", 0.0)]);
}

/// Flow control keeps the engine itself from stalling.
fn stalls(out: &mut Exposition) {
    const REASONS: [&str; 6] = [
        "level0_file_limit_slowdown",
        "level0_file_limit_stop",
        "memtable_count_limit_slowdown",
        "memtable_count_limit_stop",
        "pending_compaction_bytes_slowdown",
        "pending_compaction_bytes_stop",
    ];
    let mut reasons = out.gauge("tikv_engine_write_stall_reason", "QPS of each reason which cause tikv write stall");
    for reason in REASONS {
        reasons.series(&format!("db=\"kv\",type=\"{reason}\""), 0.0);
    }
    let mut stall = out.gauge("tikv_engine_write_stall", "Histogram of write stall");
    for kind in ["write_stall_average", "write_stall_max", "write_stall_percentile99"] {
        stall.series(&format!("db=\"kv\",type=\"{kind}\""), 0.0);
    }
    out.counter("tikv_engine_stall_micro_seconds", "Stall micros").series("db=\"kv\"", 0.0);
}

fn health(out: &mut Exposition, store: &Store) {
    let counters = &store.counters;
    let scores = [("network", 1.0), ("raft", store.slow_score.score())];
    out.gauge("tikv_raftstore_slow_score", "Slow score of the store.").each("type", scores);
    let mut inspect =
        out.histogram("tikv_raftstore_inspect_duration_seconds", "Bucketed histogram of inspect duration.");
    inspect.buckets("type=\"all\"", &counters.inspect_all).buckets("type=\"store_wait\"", &counters.inspect_wait);
    out.histogram("tikv_raftstore_disk_probe_duration_seconds", "Bucketed histogram of fail-fast disk probe duration.")
        .buckets("disk=\"raft\",outcome=\"success\"", &counters.disk_probe);
    let busy = [("applystore_busy", 0.0), ("raftstore_busy", 0.0)];
    out.gauge("tikv_raftstore_process_busy", "Is raft process busy or not").each("type", busy);
    let applying = [("busy_apply_peers", 0.0), ("completed_apply_peers", 0.0)];
    out.gauge("tikv_raftstore_busy_on_apply_region_total", "Total number of regions busy on apply or complete apply.")
        .each("type", applying);
    let workers =
        ["gc-worker", "pd-worker", "raft-gc-worker", "region-worker", "snap-generator", "snap-handler", "split-check"];
    out.gauge("tikv_worker_pending_task_total", "Current worker pending + running tasks.")
        .each("name", workers.map(|name| (name, 0.0)));
    let memory = [("coprocessor", 0.0), ("raftstore", 750_000.0), ("raftstore-entry_cache", 700_000.0)];
    out.gauge("tikv_server_mem_trace_sum", "Sum of memory usage.").each("name", memory);
}

fn pd(out: &mut Exposition, store: &Store) {
    let counters = &store.counters;
    let sent = [("noop", 0.0), ("send", counters.heartbeats)];
    out.counter("tikv_pd_heartbeat_message_total", "Total number of PD heartbeat messages.").each("type", sent);
    out.gauge("tikv_pd_pending_heartbeat_total", "Total number of pending region heartbeat").plain(0.0);
    let mut requests = out.histogram("tikv_pd_request_duration_seconds", "Bucketed histogram of PD requests duration");
    for (kind, histogram) in &counters.pd_requests {
        requests.buckets(&format!("type=\"{kind}\""), histogram);
    }
    let reconnects = counters.reconnects.iter().map(|(kind, count)| (*kind, *count));
    out.counter("tikv_pd_reconnect_total", "Total number of PD reconnections.").each("type", reconnects);
}

/// Resolved timestamps move on every 20 s (`resolved-ts.advance-ts-interval`), so their gap is a saw.
fn timestamps(out: &mut Exposition, cluster: &Cluster) {
    const ADVANCE_MS: u64 = 20_000;
    let gap_ms = real(ADVANCE_MS + cluster.now_ms % ADVANCE_MS);
    for (name, help) in [
        ("tikv_resolved_ts_min_resolved_ts_gap_millis", "The gap between now() and the minimal (non-zero) resolved ts"),
        (
            "tikv_resolved_ts_min_leader_resolved_ts_gap_millis",
            "The gap between now() and the minimal leader resolved ts",
        ),
        ("tikv_resolved_ts_min_follower_safe_ts_gap_millis", "The gap between now() and the minimal follower safe ts"),
    ] {
        out.gauge(name, help).plain(gap_ms);
    }
    // A timestamp is milliseconds and 18 bits of a counter.
    let timestamp = real(cluster.now_ms << 18);
    out.gauge("tikv_concurrency_manager_max_ts", "Current value of max_ts").plain(timestamp);
}
