//! Space, and the log-structured tree.

use crate::model::number::real;
use crate::model::store::Store;
use operator_exposition::Writer;

const CFS: [&str; 4] = ["default", "lock", "raft", "write"];

pub(super) fn write(out: &mut Writer, store: &Store) {
    let tree = &store.tree;
    let disk = &store.disk;
    let counters = &store.counters;
    let sizes = [
        ("available", disk.available().floor()),
        ("capacity", disk.capacity),
        ("import_size", 0.0),
        ("kv_size", disk.kv_bytes.floor()),
        ("raft_size", disk.raft_bytes.floor()),
        ("snap_size", 0.0),
        ("used", disk.used().floor()),
    ];
    out.gauge("tikv_store_size_bytes", "Size of storage.")
        .each("type", sizes);
    let by_cf = |default: f64| CFS.map(|cf| (cf, if cf == "default" { default } else { 0.0 }));
    let mut files = out.gauge(
        "tikv_engine_num_files_at_level",
        "Number of files at each level",
    );
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
    per_cf(
        "tikv_engine_num_immutable_mem_table",
        "Number of immutable mem-table",
        0.0,
    );
    per_cf(
        "tikv_engine_pending_compaction_bytes",
        "Pending compaction bytes",
        tree.pending_bytes.floor(),
    );
    let mut size = out.gauge("tikv_engine_size_bytes", "Sizes of each column families");
    for (cf, bytes) in by_cf(disk.kv_bytes.floor()) {
        size.series(&format!("db=\"kv\",type=\"{cf}\""), bytes);
    }
    out.gauge(
        "tikv_engine_block_cache_size_bytes",
        "Usage of each column families' block cache",
    )
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
    stalls(out, store);
    io(out, store);
}

/// Disk traffic, and the signals of flow control.
fn io(out: &mut Writer, store: &Store) {
    let tree = &store.tree;
    let counters = &store.counters;
    let mut io = out.counter("tikv_io_bytes", "Bytes of disk tikv io");
    for (kind, bytes) in [
        ("compaction", counters.compacted_bytes),
        ("flush", counters.flushed_bytes),
        ("foreground_write", 2.0 * counters.written_bytes),
    ] {
        io.series(&format!("op=\"write\",type=\"{kind}\""), bytes.floor());
    }
    // The ratio is an integer of ten-millionths.
    let discarded = (tree.held_back(store.led.write_bytes) * 1e7).floor();
    out.gauge(
        "tikv_scheduler_discard_ratio",
        "The discard ratio of L0 flow.",
    )
    .plain(discarded);
    out.gauge(
        "tikv_scheduler_throttle_flow",
        "The speed of throttle write flow.",
    )
    .plain(tree.throttle.unwrap_or(0.0).floor());
    out.gauge("tikv_scheduler_l0", "The number of l0 files.")
        .each("cf", [("default", real(tree.level0_files))]);
    out.gauge("tikv_scheduler_l0_avg", "The number of average l0 files.")
        .each("cf", [("default", real(tree.level0_files))]);
    out.gauge("tikv_scheduler_memtable", "The number of memtables.")
        .each("cf", [("default", 0.0)]);
}

/// Flow control keeps the engine itself from stalling.
fn stalls(out: &mut Writer, store: &Store) {
    const REASONS: [&str; 6] = [
        "level0_file_limit_slowdown",
        "level0_file_limit_stop",
        "memtable_count_limit_slowdown",
        "memtable_count_limit_stop",
        "pending_compaction_bytes_slowdown",
        "pending_compaction_bytes_stop",
    ];
    let stalled = store.tree.stalls;
    let mut reasons = out.gauge(
        "tikv_engine_write_stall_reason",
        "QPS of each reason which cause tikv write stall",
    );
    for reason in REASONS {
        let count = match reason {
            "level0_file_limit_slowdown" => stalled.level0_slowdown,
            "level0_file_limit_stop" => stalled.level0_stop,
            _ => 0.0,
        };
        reasons.series(&format!("db=\"kv\",type=\"{reason}\""), count.floor());
    }
    let longest = (store.tree.stall_ms() * 1_000.0).floor();
    let mut stall = out.gauge("tikv_engine_write_stall", "Histogram of write stall");
    for kind in [
        "write_stall_average",
        "write_stall_max",
        "write_stall_percentile99",
    ] {
        stall.series(&format!("db=\"kv\",type=\"{kind}\""), longest);
    }
    out.counter("tikv_engine_stall_micro_seconds", "Stall micros")
        .series("db=\"kv\"", stalled.micros.floor());
}
