//! The signals that are tracked for each store, each member and the cluster.
//!
//! A floor is the smallest deviation that matters in operation: 0.1 s (where TiKV itself considers
//! a disk slow), 0.3 CPU cores, 1 MiB/s, 1 000 requests per second, 50 leaders. Smaller changes of
//! load are harmless and would only keep a ticket open after its cause is gone.

mod builder;

use std::time::Duration;

use operator_plugin::Reduction;
use operator_plugin::knowledge::{Direction, QuantileSource, SeriesSource, Signal, SignalSource};
use operator_plugin::{Matcher, label};

use builder::{Adjust, column_of, of, of_store, quantile, rate, selector, series};

/// Rates and quantiles span four scrapes.
const WINDOW: Duration = Duration::from_secs(60);
/// PD writes to its log less than once per second, so quantiles need a longer window.
const PD_WINDOW: Duration = Duration::from_secs(300);

/// All signals.
pub(super) fn all() -> Vec<Signal> {
    let mut signals = flow();
    signals.extend(stages());
    signals.extend(pools());
    signals.extend(storage());
    signals.push(log_reads());
    signals.extend(liveness());
    signals.extend(control());
    signals
}

/// Read and write load.
fn flow() -> Vec<Signal> {
    const MIB: f64 = 1024.0 * 1024.0;
    let flow = |id, title, column| {
        of_store(id, title, "By/s", column_of("store_flow", "store", column)).floor(MIB)
    };
    let keys = |id, title, column| {
        of_store(id, title, "1/s", column_of("store_flow", "store", column)).floor(1_000.0)
    };
    vec![
        flow(
            "store-write-flow",
            "bytes written to the store",
            "write_bytes_per_s",
        ),
        flow(
            "store-read-flow",
            "bytes read from the store",
            "read_bytes_per_s",
        ),
        keys(
            "store-write-keys",
            "keys written to the store",
            "write_keys_per_s",
        ),
        keys(
            "store-read-keys",
            "keys read from the store",
            "read_keys_per_s",
        ),
        of_store(
            "request-rate",
            "requests to the store",
            "1/s",
            rate("tikv_grpc_msg_duration_seconds_count", &[]),
        )
        .floor(1_000.0),
        of_store(
            "leader-count",
            "regions led by the store",
            "1",
            column_of("stores", "store", "leader_count"),
        )
        .bad(Direction::Either)
        .floor(50.0),
    ]
}

/// The stages of the request path.
fn stages() -> Vec<Signal> {
    [raft_stages(), request_stages()].concat()
}

/// The latency of one stage.
fn stage(id: &str, title: &str, histogram: &str, labels: &[(&str, &str)]) -> Signal {
    const TENTH: f64 = 0.1;
    of_store(id, title, "s", quantile(histogram, labels)).floor(TENTH)
}

/// Replication, and the probes of disks and links.
fn raft_stages() -> Vec<Signal> {
    vec![
        stage(
            "append-p99",
            "P99 Raft log append latency",
            "tikv_raftstore_append_log_duration_seconds",
            &[],
        ),
        stage(
            "commit-p99",
            "P99 Raft commit latency",
            "tikv_raftstore_commit_log_duration_seconds",
            &[],
        ),
        stage(
            "apply-p99",
            "P99 apply latency",
            "tikv_raftstore_apply_log_duration_seconds",
            &[],
        ),
        stage(
            "apply-wait-p99",
            "P99 wait before apply",
            "tikv_raftstore_apply_wait_time_duration_secs",
            &[],
        ),
        stage(
            "propose-wait-p99",
            "P99 wait before propose",
            "tikv_raftstore_request_wait_time_duration_secs",
            &[],
        ),
        stage(
            "log-queue-p99",
            "P99 wait for the Raft log writer",
            "tikv_raftstore_store_write_task_wait_duration_secs",
            &[],
        ),
        stage(
            "raft-sync-p99",
            "P99 Raft log sync latency",
            "raft_engine_sync_log_duration_seconds",
            &[],
        ),
        stage(
            "inspect-p99",
            "P99 latency of the store's disk probes",
            "tikv_raftstore_inspect_duration_seconds",
            &[],
        ),
        stage(
            "link-p99",
            "P99 latency of the store's probes of other stores",
            "tikv_raftstore_inspect_network_duration_seconds",
            &[],
        ),
    ]
}

/// Requests of clients, and the store's own requests to PD.
fn request_stages() -> Vec<Signal> {
    let requests = "tikv_storage_engine_async_request_duration_seconds";
    vec![
        stage(
            "write-p99",
            "P99 latency of writes through Raft",
            requests,
            &[("type", "write")],
        ),
        stage(
            "read-index-p99",
            "P99 latency of read snapshots",
            requests,
            &[("type", "snapshot")],
        ),
        stage(
            "scheduler-p99",
            "P99 write command latency",
            "tikv_scheduler_command_duration_seconds",
            &[],
        ),
        stage(
            "latch-p99",
            "P99 latch wait",
            "tikv_scheduler_latch_wait_duration_seconds",
            &[],
        ),
        stage(
            "read-wait-p99",
            "P99 wait for the read pool",
            "tikv_yatp_pool_schedule_wait_duration",
            &[],
        ),
        stage(
            "request-p99",
            "P99 request latency",
            "tikv_grpc_msg_duration_seconds",
            &[],
        ),
        stage(
            "pd-request-p99",
            "P99 latency of the store's requests to PD",
            "tikv_pd_request_duration_seconds",
            &[],
        ),
    ]
}

/// CPU use of thread pools, in cores.
fn pools() -> Vec<Signal> {
    const THIRD_OF_A_CORE: f64 = 0.3;
    let pool = |id, title, threads: &str| {
        let mut selector = selector("tikv_thread_cpu_seconds_total", &[]);
        if !threads.is_empty() {
            selector
                .all_of
                .push(Matcher::StartsWith(label("name", threads)));
        }
        let source = SeriesSource {
            selector,
            reduction: Reduction::Rate,
            window: WINDOW,
            by: vec!["store".to_owned()],
        };
        of_store(id, title, "1", SignalSource::Series(source)).floor(THIRD_OF_A_CORE)
    };
    vec![
        pool("processor-cores", "CPU cores used by the store", ""),
        pool(
            "raftstore-cores",
            "CPU cores used by the Raft threads",
            "raftstore_",
        ),
        pool(
            "apply-cores",
            "CPU cores used by the apply threads",
            "apply_",
        ),
        pool(
            "grpc-cores",
            "CPU cores used by the gRPC threads",
            "grpc_server",
        ),
        pool(
            "read-cores",
            "CPU cores used by the read threads",
            "unified_read_po",
        ),
        pool(
            "scheduler-cores",
            "CPU cores used by the write scheduler",
            "sched_",
        ),
    ]
}

/// Disk reads of Raft log for followers that fell behind.
fn log_reads() -> Signal {
    const LARGE: f64 = 20.0 * 1024.0 * 1024.0;
    let reads = [("op", "read"), ("type", "replication")];
    of_store(
        "log-read-flow",
        "bytes of old Raft log read from disk",
        "By/s",
        rate("tikv_io_bytes", &reads),
    )
    .floor(LARGE)
}

/// Disk space and compaction.
fn storage() -> Vec<Signal> {
    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
    let last = |metric, labels: &[(&str, &str)]| series(metric, labels, Reduction::Last);
    let delta = |metric| series(metric, &[], Reduction::Delta);
    vec![
        of_store(
            "disk-available",
            "share of the disk that is free",
            "ratio",
            column_of("stores", "store", "available_ratio"),
        )
        .bad(Direction::Down)
        .floor(0.05),
        of_store(
            "disk-used",
            "bytes used by the store",
            "By",
            column_of("stores", "store", "used_bytes"),
        )
        .floor(GIB),
        of_store(
            "compaction-debt",
            "bytes pending compaction",
            "By",
            last("tikv_engine_pending_compaction_bytes", &[]),
        )
        .floor(GIB),
        of_store(
            "level-0-files",
            "level-0 files",
            "1",
            last("tikv_engine_num_files_at_level", &[("level", "0")]),
        )
        .floor(10.0),
        of_store(
            "memtables",
            "immutable memtables",
            "1",
            last("tikv_engine_num_immutable_mem_table", &[]),
        )
        .floor(3.0),
        of_store(
            "stalls",
            "write stalls per minute",
            "1",
            delta("tikv_engine_write_stall_reason"),
        )
        .floor(0.5),
        of_store(
            "discarded",
            "share of writes rejected, times 10^7",
            "1",
            last("tikv_scheduler_discard_ratio", &[]),
        )
        .floor(0.5),
        of_store(
            "memory",
            "resident memory of the store",
            "By",
            last("process_resident_memory_bytes", &[]),
        )
        .floor(GIB),
    ]
}

/// Heartbeats, reachability and slow scores of the stores.
fn liveness() -> Vec<Signal> {
    let unreachable = SeriesSource {
        selector: selector(
            "tikv_server_report_failure_msg_total",
            &[("type", "unreachable")],
        ),
        reduction: Reduction::Rate,
        window: WINDOW,
        by: vec!["store_id".to_owned()],
    };
    vec![
        of_store(
            "heartbeat-lag",
            "lag of the store's heartbeat behind the latest one",
            "s",
            column_of("stores", "store", "heartbeat_lag_s"),
        )
        .floor(10.0),
        of_store(
            "slow-score",
            "slow score of the store",
            "1",
            column_of("stores", "store", "slow_score"),
        )
        .floor(9.0),
        of_store(
            "pending-peers",
            "replicas on the store that are catching up",
            "1",
            column_of("stores", "store", "pending_peers"),
        )
        .floor(50.0),
        of_store(
            "unreachable-rate",
            "reports that the store is unreachable",
            "1/s",
            SignalSource::Series(unreachable),
        )
        .floor(0.1),
        of_store(
            "heartbeat-queue",
            "heartbeats queued for PD",
            "1",
            series("tikv_pd_pending_heartbeat_total", &[], Reduction::Last),
        )
        .floor(1_000.0),
    ]
}

/// PD and the cluster as a whole.
fn control() -> Vec<Signal> {
    [pd(), clocks_and_counts()].concat()
}

/// Latencies and timestamps of PD.
fn pd() -> Vec<Signal> {
    let histogram = |id, title, metric, window| {
        let source = QuantileSource {
            quantile: 0.99,
            selector: selector(metric, &[]),
            window,
            by: vec!["member".to_owned()],
        };
        of("member", id, title, "s", SignalSource::Quantile(source)).floor(0.1)
    };
    let gap = SeriesSource {
        selector: selector("pd_cluster_tso_gap_millionseconds", &[]),
        reduction: Reduction::Last,
        window: WINDOW,
        by: vec!["member".to_owned()],
    };
    vec![
        histogram(
            "pd-fsync-p99",
            "P99 PD log sync latency",
            "etcd_disk_wal_fsync_duration_seconds",
            PD_WINDOW,
        ),
        histogram(
            "pd-commit-p99",
            "P99 PD backend commit latency",
            "etcd_disk_backend_commit_duration_seconds",
            PD_WINDOW,
        ),
        histogram(
            "pd-link-p99",
            "P99 round-trip time to other members",
            "etcd_network_peer_round_trip_time_seconds",
            PD_WINDOW,
        ),
        histogram(
            "tso-p99",
            "P99 timestamp allocation latency",
            "pd_server_handle_tso_duration_seconds",
            WINDOW,
        ),
        of(
            "member",
            "tso-gap",
            "gap between PD's timestamps and its clock",
            "ms",
            SignalSource::Series(gap),
        )
        .bad(Direction::Either)
        .floor(1_000.0),
    ]
}

/// Clocks and counts.
fn clocks_and_counts() -> Vec<Signal> {
    vec![
        of(
            "member",
            "pd-clock-offset",
            "offset of the member's clock from the others",
            "s",
            column_of("members", "member", "date_offset_s"),
        )
        .bad(Direction::Either)
        .floor(2.0),
        of(
            "store",
            "store-clock-offset",
            "offset of the store's clock from the others",
            "s",
            column_of("stores", "store", "date_offset_s"),
        )
        .bad(Direction::Either)
        .floor(2.0),
        of(
            "cluster",
            "region-total",
            "regions in the cluster",
            "1",
            column_of("cluster", "cluster", "region_count"),
        )
        .floor(100.0),
        of(
            "cluster",
            "members-healthy",
            "members that PD reports healthy",
            "1",
            column_of("cluster", "cluster", "members_healthy"),
        )
        .bad(Direction::Down)
        .floor(1.0),
    ]
}
