//! Counters of a store's process since its start. A restart begins with an empty set.

use crate::model::histogram::Histogram;
use crate::model::ids::StoreId;
use crate::model::layouts;
use crate::model::stages::{CpuUse, Demand, Stages};
use std::collections::BTreeMap;

/// Share of reads for which the leader's lease is no answer, because their region was quiet for longer than it lasts:
/// they go through the Raft thread.
const THROUGH_RAFT: f64 = 0.015;
/// Spread of durations that are computation and queueing.
const CPU_SIGMA: f64 = 0.6;
/// Spread of durations that are mostly disk.
const DISK_SIGMA: f64 = 0.5;

/// All counters of one process.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    /// `tikv_raftstore_append_log_duration_seconds`.
    pub append: Histogram,
    /// `tikv_raftstore_commit_log_duration_seconds`.
    pub commit: Histogram,
    /// `tikv_raftstore_apply_log_duration_seconds`.
    pub apply: Histogram,
    /// `tikv_raftstore_apply_wait_time_duration_secs`.
    pub apply_wait: Histogram,
    /// `tikv_raftstore_request_wait_time_duration_secs`.
    pub propose_wait: Histogram,
    /// `tikv_raftstore_store_write_task_wait_duration_secs`.
    pub write_wait: Histogram,
    /// `tikv_raftstore_store_write_loop_duration_seconds`.
    pub write_loop: Histogram,
    /// `tikv_raftstore_store_write_raftdb_duration_seconds`.
    pub write_raftdb: Histogram,
    /// `tikv_raftstore_store_duration_secs`.
    pub store_duration: Histogram,
    /// `tikv_raftstore_raft_process_duration_secs{type="ready"}`.
    pub raft_ready: Histogram,
    /// `raft_engine_write_duration_seconds`.
    pub engine_write: Histogram,
    /// `raft_engine_sync_log_duration_seconds`.
    pub engine_sync: Histogram,
    /// `tikv_raftstore_disk_probe_duration_seconds{disk="raft"}`.
    pub disk_probe: Histogram,
    /// `tikv_raftstore_inspect_duration_seconds{type="all"}`.
    pub inspect_all: Histogram,
    /// `tikv_raftstore_inspect_duration_seconds{type="store_wait"}`.
    pub inspect_wait: Histogram,
    /// `tikv_raftstore_inspect_network_duration_seconds` by target.
    pub network: BTreeMap<StoreId, Histogram>,
    /// `tikv_grpc_msg_duration_seconds` of reads.
    pub grpc_get: Histogram,
    /// The same of writes.
    pub grpc_put: Histogram,
    /// `tikv_storage_engine_async_request_duration_seconds{type="snapshot"}`.
    pub snapshot: Histogram,
    /// The same for `write`.
    pub write: Histogram,
    /// `tikv_scheduler_command_duration_seconds` of reads.
    pub command_get: Histogram,
    /// The same of writes.
    pub command_put: Histogram,
    /// `tikv_yatp_pool_schedule_wait_duration` of the scheduler.
    pub schedule_wait: Histogram,
    /// The same of the read pool.
    pub read_wait: Histogram,
    /// `tikv_pd_request_duration_seconds` by type.
    pub pd_requests: BTreeMap<&'static str, Histogram>,
    /// `tikv_raftstore_log_lag`.
    pub log_lag: Histogram,
    /// `tikv_raftstore_region_size`.
    pub region_size: Histogram,
    /// `tikv_region_written_bytes`.
    pub region_written: Histogram,
    /// Processor seconds by group of threads.
    pub cpu: CpuUse,
    /// Reads.
    pub gets: f64,
    /// Writes that came.
    pub puts: f64,
    /// Writes that were answered with success.
    pub puts_done: f64,
    /// `tikv_storage_engine_async_request_total` of failures, by status.
    pub write_errors: BTreeMap<&'static str, f64>,
    /// Log entries appended.
    pub appended: f64,
    /// Bytes read by clients.
    pub read_bytes: f64,
    /// Bytes applied.
    pub written_bytes: f64,
    /// Bytes that flushes wrote.
    pub flushed_bytes: f64,
    /// Bytes that compactions wrote.
    pub compacted_bytes: f64,
    /// `tikv_raftstore_raft_sent_message_total`, by type.
    pub messages: BTreeMap<&'static str, f64>,
    /// `tikv_raftstore_raft_dropped_message_total`, by type.
    pub dropped: BTreeMap<&'static str, f64>,
    /// `tikv_server_report_failure_msg_total{type="unreachable"}`, by target.
    pub unreachable: BTreeMap<StoreId, f64>,
    /// Region heartbeats sent.
    pub heartbeats: f64,
    /// `tikv_pd_reconnect_total`, by type.
    pub reconnects: BTreeMap<&'static str, f64>,
    /// Leader transfers that it carried out.
    pub transfers: f64,
    /// Elections that it started.
    pub elections: f64,
    /// Split checks.
    pub split_checks: f64,
    /// Splits that were carried out.
    pub splits: f64,
    /// Merges for which its regions were made ready.
    pub merges_prepared: f64,
    /// Merges by which its regions became larger.
    pub merges_committed: f64,
    /// Changes of membership that were carried out.
    pub conf_changes: f64,
    /// Snapshots by what was done with them.
    pub snapshots: BTreeMap<&'static str, f64>,
    /// Long reads.
    pub scans: f64,
    /// `tikv_grpc_msg_duration_seconds` of long reads.
    pub grpc_scan: Histogram,
    /// Writes that the scheduler refused.
    pub too_busy: f64,
    /// `tikv_scheduler_throttle_duration_seconds`.
    pub throttled: Histogram,
    /// Messages that found a mailbox full.
    pub mailbox_full: f64,
    /// `tikv_critical_error_total`, by type.
    pub critical: BTreeMap<&'static str, f64>,
    /// Probes of the watchdog that failed.
    pub failed_probes: f64,
}

impl Default for Counters {
    fn default() -> Self {
        let tikv = || Histogram::new(layouts::tikv_seconds());
        Self {
            append: tikv(),
            commit: Histogram::new(layouts::tikv_commit_seconds()),
            apply: tikv(),
            apply_wait: tikv(),
            propose_wait: tikv(),
            write_wait: tikv(),
            write_loop: tikv(),
            write_raftdb: tikv(),
            store_duration: tikv(),
            raft_ready: tikv(),
            engine_write: Histogram::new(layouts::raft_engine_seconds()),
            engine_sync: Histogram::new(layouts::raft_engine_seconds()),
            disk_probe: tikv(),
            inspect_all: tikv(),
            inspect_wait: tikv(),
            network: BTreeMap::new(),
            grpc_get: Histogram::new(layouts::tikv_grpc_seconds()),
            grpc_put: Histogram::new(layouts::tikv_grpc_seconds()),
            snapshot: Histogram::new(layouts::tikv_commit_seconds()),
            write: Histogram::new(layouts::tikv_commit_seconds()),
            command_get: tikv(),
            command_put: tikv(),
            schedule_wait: Histogram::new(layouts::tikv_yatp_seconds()),
            read_wait: Histogram::new(layouts::tikv_yatp_seconds()),
            pd_requests: BTreeMap::new(),
            log_lag: Histogram::new(layouts::tikv_log_lag()),
            region_size: Histogram::new(layouts::tikv_region_size()),
            region_written: Histogram::new(layouts::tikv_region_bytes()),
            cpu: CpuUse::default(),
            gets: 0.0,
            puts: 0.0,
            puts_done: 0.0,
            write_errors: BTreeMap::new(),
            appended: 0.0,
            read_bytes: 0.0,
            written_bytes: 0.0,
            flushed_bytes: 0.0,
            compacted_bytes: 0.0,
            messages: BTreeMap::new(),
            dropped: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            heartbeats: 0.0,
            reconnects: BTreeMap::new(),
            transfers: 0.0,
            elections: 0.0,
            split_checks: 0.0,
            splits: 0.0,
            merges_prepared: 0.0,
            merges_committed: 0.0,
            conf_changes: 0.0,
            snapshots: BTreeMap::new(),
            scans: 0.0,
            grpc_scan: Histogram::new(layouts::tikv_grpc_seconds()),
            too_busy: 0.0,
            throttled: tikv(),
            mailbox_full: 0.0,
            critical: BTreeMap::new(),
            failed_probes: 0.0,
        }
    }
}

impl Counters {
    /// A while of service. What cannot finish (an infinite stage) is not counted: its samples never come.
    pub(crate) fn serve(&mut self, seconds: f64, demand: &Demand, stages: &Stages, jitter: f64) {
        self.use_cpu(seconds, &stages.cpu);
        let reads = demand.reads * seconds;
        let read_ms = stages.read_wait_ms + stages.read_ms;
        self.gets += reads;
        seconds_of(
            &mut self.read_wait,
            reads,
            stages.read_wait_ms * jitter,
            CPU_SIGMA,
        );
        seconds_of(
            &mut self.snapshot,
            reads * (1.0 - THROUGH_RAFT),
            (0.02 + stages.wake_ms / 2.0) * jitter,
            CPU_SIGMA,
        );
        let through_raft_ms = stages.propose_wait_ms + stages.round_ms;
        seconds_of(
            &mut self.snapshot,
            reads * THROUGH_RAFT,
            through_raft_ms * jitter,
            CPU_SIGMA,
        );
        let scans = demand.scans * seconds;
        self.scans += scans;
        seconds_of(
            &mut self.grpc_scan,
            scans,
            (stages.read_wait_ms + stages.scan_ms + stages.grpc_ms) * jitter,
            CPU_SIGMA,
        );
        seconds_of(&mut self.command_get, reads, read_ms * jitter, CPU_SIGMA);
        seconds_of(
            &mut self.grpc_get,
            reads,
            (read_ms + stages.grpc_ms) * jitter,
            CPU_SIGMA,
        );
        self.append_entries(demand, seconds, stages, jitter);
        self.apply_entries(demand, seconds, stages, jitter);
        self.write_entries(demand, seconds, stages, jitter);
    }

    fn use_cpu(&mut self, seconds: f64, cpu: &CpuUse) {
        self.cpu.raftstore += cpu.raftstore * seconds;
        self.cpu.raftstore_hot += cpu.raftstore_hot * seconds;
        self.cpu.apply += cpu.apply * seconds;
        self.cpu.apply_hot += cpu.apply_hot * seconds;
        self.cpu.writer += cpu.writer * seconds;
        self.cpu.grpc += cpu.grpc * seconds;
        self.cpu.scheduler += cpu.scheduler * seconds;
        self.cpu.read += cpu.read * seconds;
        self.cpu.background += cpu.background * seconds;
    }

    fn append_entries(&mut self, demand: &Demand, seconds: f64, stages: &Stages, jitter: f64) {
        if !stages.append_ms.is_finite() {
            return;
        }
        let entries = demand.appends * seconds;
        let loops = stages.write_loops * seconds;
        self.appended += entries;
        seconds_of(
            &mut self.append,
            entries,
            stages.append_ms * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.write_wait,
            entries,
            stages.write_wait_ms * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.write_loop,
            loops,
            stages.write_loop_ms * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.write_raftdb,
            loops,
            (stages.flush_ms + 0.02) * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.engine_write,
            loops,
            (stages.flush_ms + 0.02) * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.engine_sync,
            loops,
            stages.flush_ms * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.raft_ready,
            entries,
            stages.round_ms * jitter,
            CPU_SIGMA,
        );
    }

    fn apply_entries(&mut self, demand: &Demand, seconds: f64, stages: &Stages, jitter: f64) {
        if !stages.append_ms.is_finite() {
            return;
        }
        let entries = demand.appends * seconds;
        seconds_of(
            &mut self.apply_wait,
            entries,
            stages.apply_wait_ms * jitter,
            CPU_SIGMA,
        );
        seconds_of(
            &mut self.apply,
            entries,
            stages.apply_ms * jitter,
            CPU_SIGMA,
        );
    }

    fn write_entries(&mut self, demand: &Demand, seconds: f64, stages: &Stages, jitter: f64) {
        self.puts += demand.led_writes * seconds;
        let hot = demand.hot_writes * seconds;
        let cold = (demand.led_writes - demand.hot_writes).max(0.0) * seconds;
        seconds_of(
            &mut self.propose_wait,
            cold,
            stages.propose_wait_ms * jitter,
            CPU_SIGMA,
        );
        seconds_of(
            &mut self.propose_wait,
            hot,
            stages.hot_propose_wait_ms * jitter,
            CPU_SIGMA,
        );
        seconds_of(
            &mut self.schedule_wait,
            cold + hot,
            stages.schedule_wait_ms * jitter,
            CPU_SIGMA,
        );
        let late_ms = crate::model::links::RETRANSMIT_MS;
        let late = stages.lossy_share;
        seconds_of(
            &mut self.commit,
            (cold + hot) * (1.0 - late),
            stages.commit_ms * jitter,
            DISK_SIGMA,
        );
        seconds_of(
            &mut self.commit,
            (cold + hot) * late,
            (stages.commit_ms + late_ms) * jitter,
            CPU_SIGMA,
        );
        let parts = [
            (cold * (1.0 - late), stages.write_ms),
            (cold * late, stages.write_ms + late_ms),
            (hot * (1.0 - late), stages.hot_write_ms),
            (hot * late, stages.hot_write_ms + late_ms),
        ];
        for (count, write_ms) in parts {
            if !write_ms.is_finite() {
                continue;
            }
            self.puts_done += count;
            let command_ms = write_ms + stages.schedule_wait_ms;
            seconds_of(&mut self.write, count, write_ms * jitter, DISK_SIGMA);
            seconds_of(
                &mut self.store_duration,
                count,
                write_ms * jitter,
                DISK_SIGMA,
            );
            seconds_of(
                &mut self.command_put,
                count,
                command_ms * jitter,
                DISK_SIGMA,
            );
            seconds_of(
                &mut self.grpc_put,
                count,
                (command_ms + stages.grpc_ms) * jitter,
                DISK_SIGMA,
            );
        }
    }

    /// Probes of the disk and of the write path. Returns the share that timed out.
    pub(crate) fn probe(&mut self, probes: f64, stages: &Stages, timeout_ms: f64) -> f64 {
        let wait_ms = 0.05 + stages.wake_ms + stages.propose_wait_ms;
        let all_ms = wait_ms + stages.append_ms;
        seconds_of(&mut self.inspect_wait, probes, wait_ms, CPU_SIGMA);
        // The watchdog writes a small file, ten times less often.
        seconds_of(
            &mut self.disk_probe,
            probes / 10.0,
            stages.flush_ms,
            DISK_SIGMA,
        );
        if !all_ms.is_finite() {
            self.failed_probes += probes / 10.0;
            return 1.0;
        }
        seconds_of(&mut self.inspect_all, probes, all_ms, DISK_SIGMA);
        1.0 - crate::model::histogram::normal_share((timeout_ms / all_ms).ln() / DISK_SIGMA)
    }

    /// A request to PD.
    pub(crate) fn pd_request(&mut self, kind: &'static str, count: f64, milliseconds: f64) {
        let histogram = self
            .pd_requests
            .entry(kind)
            .or_insert_with(|| Histogram::new(layouts::default_seconds()));
        seconds_of(histogram, count, milliseconds, CPU_SIGMA);
    }

    /// Raft messages.
    pub(crate) fn send(&mut self, kind: &'static str, count: f64) {
        *self.messages.entry(kind).or_insert(0.0) += count;
    }
}

fn seconds_of(histogram: &mut Histogram, count: f64, median_ms: f64, sigma: f64) {
    if median_ms.is_finite() {
        histogram.observe(count, median_ms / 1_000.0, sigma);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_finishes_leaves_no_samples() {
        let demand = Demand {
            reads: 10.0,
            led_writes: 10.0,
            appends: 10.0,
            ..Demand::default()
        };
        let hung = Stages {
            append_ms: f64::INFINITY,
            write_ms: f64::INFINITY,
            hot_write_ms: f64::INFINITY,
            ..Stages::default()
        };
        let mut counters = Counters::default();
        counters.serve(1.0, &demand, &hung, 1.0);
        assert!(counters.append.samples() < 1.0 && counters.write.samples() < 1.0);
        assert!((counters.puts - 10.0).abs() < 1e-9 && counters.puts_done < 1e-9);
        assert!((counters.probe(10.0, &hung, 100.0) - 1.0).abs() < 1e-9);
    }
}
