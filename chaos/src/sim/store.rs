//! A store: a process, its machine, and what it counted since it started.

pub(crate) mod counters;

use super::config::Machine;
use super::disk::Disk;
use super::ids::StoreId;
use super::region::{Flow, Rates};
use super::slow_score::SlowScore;
use super::stages::{Demand, Stages};
use counters::Counters;

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It serves.
    Running,
    /// It reads its logs back and does not listen yet.
    Starting,
    /// It is gone.
    Dead,
}

/// A store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// Identity.
    pub id: StoreId,
    /// Position in the cluster: 0 for `tikv0`.
    pub index: u64,
    /// Where its process is.
    pub life: Life,
    /// When the process started.
    pub started_ms: u64,
    /// When it died last.
    pub died_ms: u64,
    /// Counts the starts, so that events planned for an earlier process are recognised.
    pub incarnation: u64,
    /// Processors.
    pub cores: f64,
    /// Memory.
    pub memory_bytes: f64,
    /// How many times longer each computation takes than on a healthy processor.
    pub cpu_factor: f64,
    /// Its disk.
    pub disk: Disk,
    /// Its health in its own eyes.
    pub slow_score: SlowScore,
    /// Whether PD can be reached.
    pub pd_reachable: bool,
    /// It is told to hand its leaders over and stop.
    pub stopping: bool,
    /// Load of the regions that it leads.
    pub led: Rates,
    /// Load of the regions that it replicates and that are served.
    pub replicated: Rates,
    /// Regions that it leads.
    pub led_regions: u64,
    /// Regions that it replicates.
    pub held_regions: u64,
    /// How long its stages take.
    pub stages: Stages,
    /// Its load in the last second.
    pub demand: Demand,
    /// The log-structured tree.
    pub tree: Tree,
    /// What it counted.
    pub counters: Counters,
    /// Flow since the last store heartbeat.
    pub interval: Flow,
    /// When it last reported to PD.
    pub reported_ms: u64,
}

/// Levels of the default column family, as far as flow shows in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// Bytes in the active memtable.
    pub memtable_bytes: f64,
    /// Files at level 0.
    pub level0_files: u64,
    /// Files at level 1.
    pub level1_files: u64,
    /// Bytes that wait for compaction.
    pub pending_bytes: f64,
}

/// A memtable is flushed at this size (`tikv: rocksdb.defaultcf.write-buffer-size`).
const MEMTABLE_BYTES: f64 = 134_217_728.0;
/// Level 0 is compacted at so many files (`tikv: rocksdb.defaultcf.level0-file-num-compaction-trigger`).
const LEVEL0_TRIGGER: u64 = 4;
/// What one compaction thread gets done on a healthy machine.
const COMPACTION_BYTES_PER_SECOND: f64 = 64.0 * 1_048_576.0;

impl Store {
    /// A store that has been running since `started_ms`.
    pub(crate) fn new(id: StoreId, index: u64, machine: &Machine, kv_bytes: f64, started_ms: u64) -> Self {
        Self {
            id,
            index,
            life: Life::Running,
            started_ms,
            died_ms: 0,
            incarnation: 0,
            cores: machine.cores,
            memory_bytes: machine.memory_bytes,
            cpu_factor: 1.0,
            disk: Disk::new(machine, kv_bytes),
            slow_score: SlowScore::new(),
            pd_reachable: true,
            stopping: false,
            led: Rates::default(),
            replicated: Rates::default(),
            led_regions: 0,
            held_regions: 0,
            stages: Stages::default(),
            demand: Demand::default(),
            tree: Tree { level1_files: 8, ..Tree::default() },
            counters: Counters::default(),
            interval: Flow::default(),
            reported_ms: 0,
        }
    }

    /// It serves requests and takes part in Raft.
    pub(crate) fn serves(&self) -> bool {
        self.life == Life::Running
    }

    /// It can append to its log.
    pub(crate) fn appends(&self) -> bool {
        self.serves() && !self.disk.hung
    }

    /// The name of its log.
    pub(crate) fn log_name(&self) -> String {
        format!("tikv{}", self.index)
    }

    /// `host:port` of its gRPC service.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", 20_160 + self.index)
    }

    /// `host:port` of its status server.
    pub(crate) fn status_address(&self) -> String {
        format!("127.0.0.1:{}", 20_180 + self.index)
    }
}

impl Tree {
    /// Bytes were written in a while. Returns bytes that flushes and compactions wrote to disk.
    pub(crate) fn pass(&mut self, seconds: f64, written_bytes: f64, cpu_factor: f64) -> f64 {
        self.memtable_bytes += written_bytes;
        let mut disk_bytes = 0.0;
        while self.memtable_bytes >= MEMTABLE_BYTES {
            self.memtable_bytes -= MEMTABLE_BYTES;
            self.level0_files += 1;
            disk_bytes += MEMTABLE_BYTES;
        }
        if self.level0_files >= LEVEL0_TRIGGER && self.pending_bytes <= 0.0 {
            self.pending_bytes = super::number::real(self.level0_files) * MEMTABLE_BYTES;
        }
        let compacted = (COMPACTION_BYTES_PER_SECOND * seconds / cpu_factor).min(self.pending_bytes);
        self.pending_bytes -= compacted;
        if compacted > 0.0 && self.pending_bytes <= 0.0 {
            self.level1_files = (self.level1_files + self.level0_files).min(64);
            self.level0_files = 0;
        }
        disk_bytes + compacted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_flushes_compacts_and_comes_to_rest() {
        let mut tree = Tree::default();
        let mut most_files = 0;
        for _ in 0..400 {
            tree.pass(1.0, 20.0 * 1_048_576.0, 1.0);
            most_files = most_files.max(tree.level0_files);
        }
        assert!((LEVEL0_TRIGGER..12).contains(&most_files), "{most_files}");
        let compacted: f64 = (0..60).map(|_| tree.pass(1.0, 0.0, 1.0)).sum();
        assert!(compacted >= 0.0);
        assert!(tree.pending_bytes <= 0.0);
    }
}
