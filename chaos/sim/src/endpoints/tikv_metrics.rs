//! `/metrics` of a store.

mod engine;
mod raft;
mod requests;

use crate::model::cluster::Cluster;
use crate::model::number::{real, whole};
use crate::model::stages::{
    APPLY_THREADS, GRPC_THREADS, RAFTSTORE_THREADS, READ_THREADS, SCHEDULER_THREADS,
};
use crate::model::store::Store;
use operator_exposition::{NumberFormat, Writer};

/// Renders a store's metrics.
pub(super) fn render(cluster: &Cluster, store: &Store) -> Vec<u8> {
    let mut out = Writer::new(NumberFormat::Rust);
    process(&mut out, store);
    threads(&mut out, store);
    raft::durations(&mut out, store);
    raft::counts(&mut out, store);
    raft::messages(&mut out, store);
    requests::write(&mut out, store);
    engine::write(&mut out, store);
    health(&mut out, store);
    pd(&mut out, store);
    timestamps(&mut out, cluster, store);
    trouble(&mut out, store);
    out.finish().into_bytes()
}

fn process(out: &mut Writer, store: &Store) {
    let total = store.counters.cpu.total();
    out.counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
    )
    .plain(total.floor());
    out.gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
    )
    .plain(resident(store));
    out.gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
    )
    .plain(real(store.started_ms / 1_000));
    out.gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
    )
    .plain(resident(store) * 2.0);
    out.gauge(
        "tikv_server_cpu_cores_quota",
        "Total CPU cores quota for TiKV server",
    )
    .plain(store.cores);
    out.gauge(
        "tikv_server_memory_quota_bytes",
        "Total memory quota for TiKV server",
    )
    .plain(store.memory_bytes);
    let labels = format!("hash=\"None\",version=\"v{}\"", store.version);
    out.gauge(
        "tikv_server_info",
        "Indicate the tikv server info, and the value is the server startup timestamp(s).",
    )
    .series(&labels, real(store.started_ms / 1_000));
}

fn resident(store: &Store) -> f64 {
    store.memory.resident(store.tree.memtable_bytes).floor()
}

fn threads(out: &mut Writer, store: &Store) {
    let cpu = &store.counters.cpu;
    // The kernel numbers threads in the order in which they start; a new process starts with new numbers.
    let mut tid = 31_700 + 1_000 * store.incarnation + 200 * store.index;
    let mut family = out.gauge(
        "tikv_thread_cpu_seconds_total",
        "Total user and system CPU time spent in seconds by threads.",
    );
    let mut thread = |name: String, seconds: f64| {
        tid += 1;
        family.series(
            &format!("name=\"{name}\",tid=\"{tid}\""),
            (seconds * 100.0).floor() / 100.0,
        );
    };
    pool(
        &mut thread,
        |number| format!("apply_{number}"),
        APPLY_THREADS,
        cpu.apply,
        cpu.apply_hot,
    );
    thread("background_0".into(), cpu.background * 0.3);
    thread("timer".into(), cpu.background * 0.4);
    thread("pd_worker_0".into(), cpu.background * 0.1);
    thread("rocksdb:high".into(), cpu.background * 0.05);
    thread("rocksdb:low".into(), cpu.background * 0.15);
    even(
        &mut thread,
        |number| format!("grpc_server_{number}"),
        GRPC_THREADS,
        cpu.grpc,
    );
    pool(
        &mut thread,
        |number| format!("raftstore_{}_{number}", store.id),
        RAFTSTORE_THREADS,
        cpu.raftstore,
        cpu.raftstore_hot,
    );
    even(
        &mut thread,
        |number| format!("sched_pool_{number}"),
        SCHEDULER_THREADS,
        cpu.scheduler,
    );
    thread("store_writer_0".into(), cpu.writer);
    even(
        &mut thread,
        |number| format!("unified_read_pool_{number}"),
        READ_THREADS,
        cpu.read,
    );
    let stuck = if store.disk.hung { 4.0 } else { 0.0 };
    let running = 1.0 + store.stages.cpu.total().round();
    let mut states = out.gauge("tikv_threads_state", "Number of threads in each state.");
    if stuck > 0.0 {
        states.each("state", [("D", stuck)]);
    }
    states.each("state", [("R", running), ("S", 120.0 - running - stuck)]);
}

/// A pool in which one thread carries the busiest region.
fn pool(
    thread: &mut impl FnMut(String, f64),
    name: impl Fn(u64) -> String,
    threads: f64,
    total: f64,
    hot: f64,
) {
    thread(name(0), hot);
    for number in 1..whole(threads) {
        thread(name(number), (total - hot) / (threads - 1.0));
    }
}

fn even(
    thread: &mut impl FnMut(String, f64),
    name: impl Fn(u64) -> String,
    threads: f64,
    total: f64,
) {
    for number in 0..whole(threads) {
        thread(name(number), total / threads);
    }
}

fn health(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let scores = [("network", 1.0), ("raft", store.slow_score.score())];
    out.gauge("tikv_raftstore_slow_score", "Slow score of the store.")
        .each("type", scores);
    let mut inspect = out.histogram(
        "tikv_raftstore_inspect_duration_seconds",
        "Bucketed histogram of inspect duration.",
    );
    inspect
        .buckets("type=\"all\"", &counters.inspect_all)
        .buckets("type=\"store_wait\"", &counters.inspect_wait);
    let mut probes = out.histogram(
        "tikv_raftstore_disk_probe_duration_seconds",
        "Bucketed histogram of fail-fast disk probe duration.",
    );
    probes.buckets("disk=\"raft\",outcome=\"success\"", &counters.disk_probe);
    if counters.failed_probes >= 1.0 {
        let mut late =
            crate::model::histogram::Histogram::new(crate::model::layouts::tikv_seconds());
        late.observe_exactly(counters.failed_probes.floor(), 60.0);
        probes.buckets("disk=\"raft\",outcome=\"timeout\"", &late);
    }
    let busy = [("applystore_busy", 0.0), ("raftstore_busy", 0.0)];
    out.gauge("tikv_raftstore_process_busy", "Is raft process busy or not")
        .each("type", busy);
    let applying = [("busy_apply_peers", 0.0), ("completed_apply_peers", 0.0)];
    out.gauge(
        "tikv_raftstore_busy_on_apply_region_total",
        "Total number of regions busy on apply or complete apply.",
    )
    .each("type", applying);
    let workers = [
        "gc-worker",
        "pd-worker",
        "raft-gc-worker",
        "region-worker",
        "snap-generator",
        "snap-handler",
        "split-check",
    ];
    out.gauge(
        "tikv_worker_pending_task_total",
        "Current worker pending + running tasks.",
    )
    .each("name", workers.map(|name| (name, 0.0)));
    let memory = [
        ("coprocessor", 0.0),
        ("raftstore", 750_000.0),
        ("raftstore-entry_cache", 700_000.0),
    ];
    out.gauge("tikv_server_mem_trace_sum", "Sum of memory usage.")
        .each("name", memory);
}

/// Counters that a process does not expose before their first event.
fn trouble(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let critical = counters
        .critical
        .iter()
        .map(|(kind, count)| (*kind, *count));
    out.counter("tikv_critical_error_total", "Counter of critical error.")
        .each("type", critical);
    let some = |count: f64| (count >= 1.0).then(|| count.floor());
    out.counter(
        "tikv_scheduler_too_busy_total",
        "Total count of scheduler too busy",
    )
    .each(
        "type",
        some(counters.too_busy).map(|count| ("raw_put", count)),
    );
    out.counter(
        "tikv_channel_full_total",
        "Total number of channel full errors.",
    )
    .each(
        "type",
        some(counters.mailbox_full).map(|count| ("raft", count)),
    );
    if counters.throttled.samples() >= 1.0 {
        out.histogram(
            "tikv_scheduler_throttle_duration_seconds",
            "Bucketed histogram of throttle duration.",
        )
        .buckets("", &counters.throttled);
    }
}

fn pd(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let sent = [("noop", 0.0), ("send", counters.heartbeats)];
    out.counter(
        "tikv_pd_heartbeat_message_total",
        "Total number of PD heartbeat messages.",
    )
    .each("type", sent);
    out.gauge(
        "tikv_pd_pending_heartbeat_total",
        "Total number of pending region heartbeat",
    )
    .plain(0.0);
    let mut requests = out.histogram(
        "tikv_pd_request_duration_seconds",
        "Bucketed histogram of PD requests duration",
    );
    for (kind, histogram) in &counters.pd_requests {
        requests.buckets(&format!("type=\"{kind}\""), histogram);
    }
    let reconnects = counters
        .reconnects
        .iter()
        .map(|(kind, count)| (*kind, *count));
    out.counter(
        "tikv_pd_reconnect_total",
        "Total number of PD reconnections.",
    )
    .each("type", reconnects);
}

/// Resolved timestamps move on in rounds, so that their gaps are saws: of leaders up to 10 s as recorded, of followers, which hear
/// of it later, above `resolved-ts.advance-ts-interval`. A lock holds its region back on every store that has a replica.
fn timestamps(out: &mut Writer, cluster: &Cluster, store: &Store) {
    const LEADERS_MS: u64 = 10_000;
    const ADVANCE_MS: u64 = 20_000;
    let held_ms = |since_ms: Option<u64>| {
        since_ms.map_or(0, |since_ms| cluster.now_ms.saturating_sub(since_ms))
    };
    let oldest_ms = held_ms(
        cluster
            .stores
            .values()
            .filter_map(|store| store.locked_since_ms)
            .min(),
    );
    let leaders_ms = (cluster.now_ms % LEADERS_MS).max(held_ms(store.locked_since_ms));
    let followers_ms = (ADVANCE_MS + cluster.now_ms % ADVANCE_MS).max(oldest_ms);
    for (name, help, gap_ms) in [
        (
            "tikv_resolved_ts_min_resolved_ts_gap_millis",
            "The gap between now() and the minimal (non-zero) resolved ts",
            followers_ms,
        ),
        (
            "tikv_resolved_ts_min_leader_resolved_ts_gap_millis",
            "The gap between now() and the minimal (non-zero) resolved ts for leader peers",
            leaders_ms,
        ),
        (
            "tikv_resolved_ts_min_follower_safe_ts_gap_millis",
            "The gap between now() and the minimal follower safe ts",
            followers_ms,
        ),
    ] {
        // The gap is taken by the store's own clock, which may be behind.
        out.gauge(name, help)
            .plain(real(gap_ms.saturating_add_signed(store.clock_off_ms)));
    }
    slowest_leader(out, cluster, store);
    // A timestamp is milliseconds and 18 bits of a counter.
    let timestamp = real(cluster.now_ms << 18);
    out.gauge("tikv_concurrency_manager_max_ts", "Current value of max_ts")
        .plain(timestamp);
}

/// The region whose leader here has resolved least, and the lock that holds it, as far as there is one.
fn slowest_leader(out: &mut Writer, cluster: &Cluster, store: &Store) {
    let region = cluster
        .regions
        .values()
        .find(|region| region.leader == Some(store.id));
    let lock = store
        .locked_since_ms
        .map_or(-1.0, |since_ms| real(since_ms << 18));
    out.gauge(
        "tikv_resolved_ts_min_leader_resolved_ts_region",
        "The region whose leader peer has minimal resolved ts",
    )
    .plain(region.map_or(0.0, |region| real(region.id.0)));
    out.gauge(
        "tikv_resolved_ts_min_leader_resolved_ts_region_min_lock_ts",
        "The minimal lock ts for the region whose leader peer has minimal resolved ts. 0 means no lock. -1 means no region found.",
    )
    .plain(lock);
}
