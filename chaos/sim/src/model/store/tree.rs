//! The log-structured tree of the default column family, as far as flow shows in it, and what protects it.

use crate::model::number::real;

/// Levels, and how far compaction is behind.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Bytes in the active memtable.
    pub memtable_bytes: f64,
    /// Files at level 0.
    pub level0_files: u64,
    /// Files at level 1.
    pub level1_files: u64,
    /// Bytes that wait for compaction.
    pub pending_bytes: f64,
    /// Bytes that a person asked to have compacted.
    pub asked_bytes: f64,
    /// Share of the usual speed of compaction.
    pub compaction_share: f64,
    /// Whether the scheduler slows writes before the engine stops them.
    pub flow_control: bool,
    /// What flow control lets pass, bytes a second; nothing while it does not act.
    pub throttle: Option<f64>,
    /// Stalls of the engine so far, by reason.
    pub stalls: Stalls,
}

/// Running counts of the engine's own stalls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stalls {
    /// `level0_file_limit_slowdown`.
    pub level0_slowdown: f64,
    /// `level0_file_limit_stop`.
    pub level0_stop: f64,
    /// Microseconds.
    pub micros: f64,
}

/// A memtable is flushed at this size (`tikv: rocksdb.defaultcf.write-buffer-size`).
const MEMTABLE_BYTES: f64 = 134_217_728.0;
/// Level 0 is compacted at so many files (`tikv: rocksdb.defaultcf.level0-file-num-compaction-trigger`).
const LEVEL0_TRIGGER: u64 = 4;
/// What one compaction thread gets done on a healthy machine.
const COMPACTION_BYTES_PER_SECOND: f64 = 64.0 * 1_048_576.0;
/// Flow control acts from so many files at level 0 on; the engine without it slows writes there
/// (`tikv: storage.flow-control.l0-files-threshold`, `rocksdb.defaultcf.level0-slowdown-writes-trigger`).
const LEVEL0_SLOW: u64 = 20;
/// The engine stops writes here (`tikv: rocksdb.defaultcf.level0-stop-writes-trigger`).
const LEVEL0_STOP: u64 = 36;
/// Flow control lowers what it lets pass step by step while files still grow.
const THROTTLE_DOWN: f64 = 0.9;
/// … and raises it again while they shrink.
const THROTTLE_UP: f64 = 1.05;
/// It never lets less pass (`tikv: src/storage/txn/flow_controller`).
const THROTTLE_MIN: f64 = 16.0 * 1_024.0;

impl Default for Tree {
    fn default() -> Self {
        Self {
            memtable_bytes: 0.0,
            level0_files: 0,
            level1_files: 8,
            pending_bytes: 0.0,
            asked_bytes: 0.0,
            compaction_share: 1.0,
            flow_control: true,
            throttle: None,
            stalls: Stalls::default(),
        }
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
            self.pending_bytes += if self.pending_bytes > 0.0 {
                MEMTABLE_BYTES
            } else {
                0.0
            };
            disk_bytes += MEMTABLE_BYTES;
        }
        disk_bytes += self.compact(seconds, cpu_factor);
        self.protect(seconds, written_bytes);
        disk_bytes
    }

    fn compact(&mut self, seconds: f64, cpu_factor: f64) -> f64 {
        if self.level0_files >= LEVEL0_TRIGGER && self.pending_bytes <= 0.0 {
            self.pending_bytes = real(self.level0_files) * MEMTABLE_BYTES;
        }
        let able = COMPACTION_BYTES_PER_SECOND * self.compaction_share * seconds / cpu_factor;
        let compacted = able.min(self.pending_bytes);
        self.pending_bytes -= compacted;
        if self.level0_files > 0 && compacted > 0.0 && self.pending_bytes <= 0.0 {
            self.level1_files = (self.level1_files + self.level0_files).min(64);
            self.level0_files = 0;
        }
        let asked = (able - compacted).min(self.asked_bytes).max(0.0);
        self.asked_bytes -= asked;
        compacted + asked
    }

    /// Too many files at level 0 make every read slow, so that writes are slowed or stopped first.
    fn protect(&mut self, seconds: f64, written_bytes: f64) {
        let over = self.level0_files >= LEVEL0_SLOW;
        if self.flow_control {
            let flow = self.throttle.unwrap_or(written_bytes / seconds.max(0.001));
            self.throttle = match (over, self.throttle) {
                (true, _) => Some((flow * THROTTLE_DOWN).max(THROTTLE_MIN)),
                (false, Some(flow)) if flow < written_bytes * 4.0 => Some(flow * THROTTLE_UP),
                (false, _) => None,
            };
            return;
        }
        self.throttle = None;
        if over {
            self.stalls.level0_slowdown += seconds;
            self.stalls.micros += 300_000.0 * seconds;
        }
        if self.level0_files >= LEVEL0_STOP {
            self.stalls.level0_stop += seconds;
            self.stalls.micros += 700_000.0 * seconds;
        }
    }

    /// Share of writes of this flow that waits or is turned away, 0 to 1.
    pub(crate) fn held_back(&self, bytes_per_second: f64) -> f64 {
        self.throttle.map_or(0.0, |passes| {
            (1.0 - passes / bytes_per_second.max(1.0)).clamp(0.0, 1.0)
        })
    }

    /// How long applying a write waits for the engine itself, in milliseconds.
    pub(crate) fn stall_ms(&self) -> f64 {
        match (self.flow_control, self.level0_files) {
            (true, _) => 0.0,
            (false, files) if files >= LEVEL0_STOP => 1_500.0,
            // The delayed write rate halves with each step towards the stop.
            (false, files) if files >= LEVEL0_SLOW => {
                20.0 * 1.3_f64.powi(i32::try_from(files - LEVEL0_SLOW).unwrap_or(16))
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    #[test]
    fn the_tree_flushes_compacts_and_comes_to_rest() {
        let mut tree = Tree::default();
        let mut most_files = 0;
        for _ in 0..400 {
            tree.pass(1.0, 20.0 * MIB, 1.0);
            most_files = most_files.max(tree.level0_files);
        }
        assert!((LEVEL0_TRIGGER..12).contains(&most_files), "{most_files}");
        for _ in 0..60 {
            tree.pass(1.0, 0.0, 1.0);
        }
        assert!(tree.pending_bytes <= 0.0);
    }

    #[test]
    fn slow_compaction_piles_files_up_until_flow_control_acts() {
        let mut tree = Tree {
            compaction_share: 0.02,
            ..Tree::default()
        };
        for _ in 0..300 {
            let flow = 40.0 * MIB;
            tree.pass(1.0, flow * (1.0 - tree.held_back(flow)), 1.0);
        }
        assert!(
            tree.throttle.is_some() && tree.held_back(40.0 * MIB) > 0.3,
            "{tree:?}"
        );
        assert!(tree.stalls.level0_slowdown < 1.0);
        assert!(tree.level0_files < LEVEL0_STOP, "{tree:?}");
    }

    #[test]
    fn without_flow_control_the_engine_slows_and_then_stops() {
        let mut tree = Tree {
            compaction_share: 0.02,
            flow_control: false,
            ..Tree::default()
        };
        for _ in 0..300 {
            tree.pass(1.0, 40.0 * MIB, 1.0);
        }
        assert!(
            tree.stalls.level0_slowdown > 1.0 && tree.stalls.level0_stop > 1.0,
            "{tree:?}"
        );
        assert!(tree.stall_ms() > 1_000.0);
    }

    #[test]
    fn what_a_person_asks_for_is_compacted_after_what_must_be() {
        let mut tree = Tree {
            asked_bytes: 640.0 * MIB,
            ..Tree::default()
        };
        let done: f64 = (0..20).map(|_| tree.pass(1.0, 0.0, 1.0)).sum();
        assert!((done - 640.0 * MIB).abs() < MIB);
    }
}
