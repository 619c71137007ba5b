//! The metric families that are collected from TiKV and PD, and the table derived from them.
//!
//! A TiKV exposes about 1.6 MB of series; the host keeps only the families named here.

use std::time::Duration;

use operator_plugin::{
    HttpError, ObservationGap, Reduction, ScrapeRequest, ScrapeSummary, SeriesError, TableData,
    TableView, World, label, series, table,
};

use crate::nodes::{Node, Probes};

/// A rate window spans four scrapes.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// Smaller rates are rounding errors of zero.
const REPORTS_PER_S: f64 = 1e-9;

/// Families of a TiKV store.
pub(crate) const TIKV: &[&str] = &[
    // Process: restarts, memory, CPU, threads stuck in the kernel.
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "tikv_server_memory_quota_bytes",
    "tikv_server_cpu_cores_quota",
    "tikv_thread_cpu_seconds_total",
    "tikv_threads_state",
    "tikv_server_info",
    // Space.
    "tikv_store_size_bytes",
    "tikv_engine_size_bytes",
    // Regions and leaders as counted by the store itself.
    "tikv_raftstore_region_count",
    "tikv_raftstore_leader_missing",
    "tikv_raftstore_hibernated_peer_state",
    // Disks.
    "tikv_raftstore_slow_score",
    "tikv_raftstore_inspect_duration_seconds",
    "tikv_raftstore_inspect_network_duration_seconds",
    "tikv_raftstore_disk_probe_duration_seconds",
    "raft_engine_write_duration_seconds",
    "raft_engine_sync_log_duration_seconds",
    "tikv_io_bytes",
    // The write path through raftstore.
    "tikv_raftstore_process_busy",
    "tikv_raftstore_busy_on_apply_region_total",
    "tikv_raftstore_append_log_duration_seconds",
    "tikv_raftstore_commit_log_duration_seconds",
    "tikv_raftstore_apply_log_duration_seconds",
    "tikv_raftstore_apply_wait_time_duration_secs",
    "tikv_raftstore_request_wait_time_duration_secs",
    "tikv_raftstore_store_write_task_wait_duration_secs",
    "tikv_raftstore_store_write_loop_duration_seconds",
    "tikv_raftstore_raft_process_duration_secs",
    "tikv_raftstore_log_lag",
    "tikv_raftstore_raft_sent_message_total",
    "tikv_raftstore_snapshot_total",
    "tikv_raftstore_snapshot_pending_applies",
    "tikv_raftstore_admin_cmd_total",
    "tikv_channel_full_total",
    // Requests as clients see them.
    "tikv_storage_engine_async_request_duration_seconds",
    "tikv_storage_engine_async_request_total",
    "tikv_grpc_msg_duration_seconds",
    "tikv_grpc_msg_fail_total",
    "tikv_coprocessor_request_wait_seconds",
    "tikv_coprocessor_request_handle_seconds",
    "tikv_coprocessor_request_error",
    // Scheduler and flow control.
    "tikv_scheduler_contex_total",
    "tikv_scheduler_writing_bytes",
    "tikv_scheduler_too_busy_total",
    "tikv_scheduler_latch_wait_duration_seconds",
    "tikv_scheduler_command_duration_seconds",
    "tikv_scheduler_throttle_flow",
    "tikv_scheduler_discard_ratio",
    "tikv_scheduler_throttle_duration_seconds",
    "tikv_scheduler_throttle_action_total",
    "tikv_scheduler_l0",
    "tikv_scheduler_memtable",
    // RocksDB.
    "tikv_engine_write_stall",
    "tikv_engine_write_stall_reason",
    "tikv_engine_pending_compaction_bytes",
    "tikv_engine_num_files_at_level",
    "tikv_engine_num_immutable_mem_table",
    "tikv_engine_compaction_num_corrupt_keys",
    "tikv_rocksdb_damaged_files",
    // Pools and workers.
    "tikv_unified_read_pool_running_tasks",
    "tikv_yatp_pool_schedule_wait_duration",
    "tikv_worker_pending_task_total",
    // Other stores and PD as seen by this store.
    "tikv_server_report_failure_msg_total",
    "tikv_server_raft_append_rejects",
    "tikv_pd_request_duration_seconds",
    "tikv_pd_heartbeat_message_total",
    "tikv_pd_heartbeat_tick_total",
    "tikv_pd_pending_heartbeat_total",
    "tikv_pd_reconnect_total",
    "tikv_pd_request_forwarded",
    // Critical errors, garbage collection and resolved timestamps.
    "tikv_critical_error_total",
    "tikv_gcworker_autogc_safe_point",
    "tikv_resolved_ts_min_resolved_ts_gap_millis",
    "tikv_resolved_ts_min_leader_resolved_ts_gap_millis",
    "tikv_resolved_ts_min_leader_resolved_ts_region",
    "tikv_resolved_ts_min_leader_resolved_ts_region_min_lock_ts",
    "tikv_resolved_ts_min_follower_safe_ts_gap_millis",
    "tikv_concurrency_manager_max_ts",
];

/// Families of a PD member.
pub(crate) const PD: &[&str] = &[
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "pd_server_info",
    // Leadership and etcd.
    "etcd_server_is_leader",
    "etcd_server_has_leader",
    "service_member_role",
    "etcd_server_leader_changes_seen_total",
    "etcd_disk_wal_fsync_duration_seconds",
    "etcd_disk_backend_commit_duration_seconds",
    "etcd_network_peer_round_trip_time_seconds",
    "etcd_mvcc_db_total_size_in_bytes",
    "etcd_server_quota_backend_bytes",
    // The cluster as counted by PD; only the leader's values are current.
    "pd_cluster_status",
    "pd_regions_status",
    "pd_regions_abnormal_peer_duration_seconds",
    "pd_scheduler_store_status",
    "pd_cluster_progress",
    "pd_cluster_speed",
    "pd_cluster_eta",
    "pd_cluster_health_status",
    // PD scheduling.
    "pd_schedule_operators_count",
    "pd_schedule_finish_operators_duration_seconds",
    "pd_checker_event_count",
    "pd_scheduler_event_count",
    "pd_scheduler_region_heartbeat",
    "pd_scheduler_evicted_slow_store_status",
    // Timestamps and clocks.
    "pd_tso_events",
    "pd_cluster_tso",
    "pd_cluster_tso_gap_millionseconds",
    "pd_monitor_time_jump_back_total",
    "pd_lease_local_ttl_remaining_seconds",
    "pd_server_handle_tso_duration_seconds",
];

/// The outcome of the last scrape.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScrapeOutcome {
    /// Nodes that respond but whose series could not be read.
    pub(crate) gaps: Vec<ObservationGap>,
    /// Stores whose series were read.
    pub(crate) stores: usize,
}

/// Scrapes every node that responds. Probes already report the others.
pub(crate) fn scrape<'nodes>(
    world: &mut dyn World,
    nodes: impl Iterator<Item = &'nodes Node>,
    probes: &Probes,
) -> ScrapeOutcome {
    let answers = |node: &&Node| {
        probes
            .get(&node.entity)
            .is_none_or(|probe| probe.is_reachable() == Some(true))
    };
    let requests: Vec<ScrapeRequest> = nodes.filter(answers).filter_map(request).collect();
    let results = world.scrape_all(&requests);
    let mut scraped = ScrapeOutcome::default();
    for (request, result) in requests.iter().zip(results) {
        match observation_gap(request, &result) {
            Some(gap) => scraped.gaps.push(gap),
            None if request.target.starts_with("store-") => scraped.stores += 1,
            None => {}
        }
    }
    scraped
}

fn request(node: &Node) -> Option<ScrapeRequest> {
    let (kind, key) = node.entity.split_once('/')?;
    let families = if kind == "store" { TIKV } else { PD };
    Some(ScrapeRequest {
        target: node.target.clone(),
        path: "/metrics".to_owned(),
        metrics: families.iter().map(|family| (*family).to_owned()).collect(),
        labels: vec![label(kind, key)],
    })
}

fn observation_gap(
    request: &ScrapeRequest,
    result: &Result<ScrapeSummary, HttpError>,
) -> Option<ObservationGap> {
    let reason = match result {
        Err(error) => error.describe(),
        Ok(summary) if summary.kept == 0 => {
            format!("none of the {} exposed series are known", summary.seen)
        }
        Ok(_) => return None,
    };
    Some(ObservationGap::path(&request.target, &request.path, reason))
}

/// The `unreachable_reports` table: which store reports which other store unreachable, and how
/// often. A store that never did so has no such series, so a missing series means zero once a store
/// has been scraped.
pub(crate) fn unreachable_reports_table(
    world: &mut dyn World,
    scraped: &ScrapeOutcome,
) -> Option<TableData> {
    let query = series("tikv_server_report_failure_msg_total")
        .with("type", "unreachable")
        .by("store")
        .by("store_id");
    let found = match world.select(&query, Reduction::Rate, RATE_WINDOW) {
        Ok(found) => Some(found),
        Err(SeriesError::NoSuchMetric(_) | SeriesError::TooFewSamples) if scraped.stores > 0 => {
            None
        }
        Err(_) => return None,
    };
    let pair = |row: operator_plugin::Row<'_>| {
        let rate = row.number("value").filter(|rate| *rate > REPORTS_PER_S)?;
        Some((
            row.text("store")?.to_owned(),
            row.text("store_id")?.to_owned(),
            rate,
        ))
    };
    let rows: Vec<(String, String, f64)> = found
        .iter()
        .flat_map(TableView::rows)
        .filter_map(pair)
        .collect();
    Some(
        table("unreachable_reports")
            .texts(
                "reporter",
                rows.iter().map(|(reporter, ..)| reporter.clone()),
            )
            .texts("target", rows.iter().map(|(_, target, _)| target.clone()))
            .floats("per_s", "1/s", rows.iter().map(|(.., rate)| *rate)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_scraped_for_tikv_families_and_labeled_with_its_id() {
        let request = request(&Node::store("4", "http://127.0.0.1:20181".to_owned())).unwrap();
        assert_eq!(
            (request.target.as_str(), request.labels),
            ("store-4", vec![label("store", "4")])
        );
        assert!(
            request
                .metrics
                .contains(&"tikv_raftstore_slow_score".to_owned())
        );
    }

    #[test]
    fn families_are_unique() {
        for families in [TIKV, PD] {
            let mut sorted = families.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), families.len());
        }
    }
}
