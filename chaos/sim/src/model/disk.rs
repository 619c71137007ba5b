//! A store's disk: how full it is and how long a flush takes.

use crate::config::{GIB, MIB, Machine};

/// Space and speed.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    /// Size of the file system.
    pub capacity: f64,
    /// Live data, log structure included.
    pub kv_bytes: f64,
    /// Raft log files.
    pub raft_bytes: f64,
    /// Files of others.
    pub foreign_bytes: f64,
    /// Growth of files of others.
    pub filling: Option<Filling>,
    /// How much slower than healthy each operation is.
    pub slow_factor: f64,
    /// What others write here, bytes a second.
    pub others_bytes: f64,
    /// Nothing returns any more.
    pub hung: bool,
    flush_ms: f64,
    /// Bytes a second that the device is busy with, smoothed over some seconds.
    busy_bytes: f64,
}

/// Another process writes files to the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    /// Speed.
    pub bytes_per_second: f64,
    /// It stops there.
    pub until_free_bytes: f64,
}

/// What the store makes of its free space (`tikv: components/server/src/server.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskUsage {
    /// Enough.
    Normal,
    /// Within the reserve: normal writes are rejected.
    AlmostFull,
    /// Within half of the reserve: every proposal is rejected.
    AlreadyFull,
}

/// What the device can write. A SATA SSD.
const BANDWIDTH: f64 = 500.0 * MIB;
/// Raft log files are recycled at about this size (`tikv: raft-engine.purge-threshold` scaled to the small disk).
const RAFT_BYTES: f64 = GIB;

impl Disk {
    /// A healthy disk with this much data.
    pub(crate) fn new(machine: &Machine, kv_bytes: f64) -> Self {
        Self {
            capacity: machine.disk_bytes,
            kv_bytes,
            raft_bytes: RAFT_BYTES,
            foreign_bytes: machine.foreign_bytes,
            filling: None,
            slow_factor: 1.0,
            others_bytes: 0.0,
            hung: false,
            flush_ms: machine.flush_ms,
            busy_bytes: 0.0,
        }
    }

    /// The use that the store reports.
    pub(crate) fn used(&self) -> f64 {
        self.kv_bytes + self.raft_bytes
    }

    /// What is free for everyone.
    pub(crate) fn available(&self) -> f64 {
        (self.capacity - self.used() - self.foreign_bytes).max(0.0)
    }

    /// What the store makes of it. The reserve is 5 GiB or 5 %, whichever is more.
    pub(crate) fn usage(&self) -> DiskUsage {
        let reserve = (5.0 * GIB).max(self.capacity * 0.05);
        match self.available() {
            free if free <= reserve / 2.0 => DiskUsage::AlreadyFull,
            free if free <= reserve => DiskUsage::AlmostFull,
            _ => DiskUsage::Normal,
        }
    }

    /// How long a small write and its flush take.
    pub(crate) fn flush_ms(&self) -> f64 {
        let utilisation = (self.busy_bytes / BANDWIDTH).min(0.95);
        self.flush_ms * self.slow_factor / (1.0 - utilisation)
    }

    /// A while passes in which the store writes `store_bytes`, of which `kept_bytes` stay.
    pub(crate) fn pass(&mut self, seconds: f64, store_bytes: f64, kept_bytes: f64) {
        if self.hung {
            return;
        }
        let filled = self.filling.map_or(0.0, |filling| {
            (filling.bytes_per_second * seconds)
                .min((self.available() - filling.until_free_bytes).max(0.0))
        });
        self.foreign_bytes += filled;
        self.kv_bytes += kept_bytes.min(self.available());
        let busy_now = (store_bytes + filled) / seconds.max(0.001) + self.others_bytes;
        // The queue of a device remembers a few seconds.
        self.busy_bytes += (busy_now - self.busy_bytes) * (seconds / 3.0).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Disk {
        Disk::new(&Machine::default(), 11.0 * GIB)
    }

    #[test]
    fn used_and_available_never_exceed_the_capacity() {
        let mut disk = disk();
        disk.filling = Some(Filling {
            bytes_per_second: 500.0 * MIB,
            until_free_bytes: 0.0,
        });
        for _ in 0..400 {
            disk.pass(1.0, 10.0 * MIB, 10.0 * MIB);
            assert!(disk.used() + disk.available() <= disk.capacity, "{disk:?}");
        }
        assert_eq!(disk.usage(), DiskUsage::AlreadyFull);
    }

    #[test]
    fn filling_stops_where_it_was_told_to() {
        let mut disk = disk();
        disk.filling = Some(Filling {
            bytes_per_second: 900.0 * MIB,
            until_free_bytes: 4.0 * GIB,
        });
        (0..200).for_each(|_| disk.pass(1.0, 0.0, 0.0));
        assert!(
            (disk.available() - 4.0 * GIB).abs() < 1.0,
            "{}",
            disk.available()
        );
        assert_eq!(disk.usage(), DiskUsage::AlmostFull);
    }

    #[test]
    fn a_busy_disk_is_slower_than_an_idle_one() {
        let mut busy = disk();
        let idle = disk();
        (0..30).for_each(|_| busy.pass(1.0, 250.0 * MIB, 0.0));
        assert!(busy.flush_ms() > idle.flush_ms() * 1.5);
    }
}
