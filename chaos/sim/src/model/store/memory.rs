//! What a store's process holds in memory.

/// Resident memory and how it grows.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// What it may have.
    pub quota_bytes: f64,
    /// Memory other than memtables: half of the quota is cache, of which two thirds are warm.
    pub base_bytes: f64,
    /// What it holds more than usual.
    pub extra_bytes: f64,
    /// How fast that grows.
    pub growth: f64,
    /// Where growth ends, as a share of the quota.
    pub until_share: f64,
}

impl Memory {
    /// A warm process.
    pub(crate) fn new(quota_bytes: f64) -> Self {
        Self {
            quota_bytes,
            base_bytes: quota_bytes * 0.35,
            extra_bytes: 0.0,
            growth: 0.0,
            until_share: 0.0,
        }
    }

    /// Everything together.
    pub(crate) fn resident(&self, memtable_bytes: f64) -> f64 {
        self.base_bytes + self.extra_bytes + memtable_bytes
    }

    /// Some time passes. Returns whether the process is OOM-killed.
    pub(crate) fn pass(&mut self, seconds: f64, memtable_bytes: f64) -> bool {
        let room = self.quota_bytes * self.until_share - self.resident(memtable_bytes);
        self.extra_bytes += (self.growth * seconds).min(room.max(0.0));
        self.resident(memtable_bytes) >= self.quota_bytes
    }

    /// A new process begins small.
    pub(crate) fn restart(&mut self) {
        (self.extra_bytes, self.growth, self.until_share) = (0.0, 0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_stops_where_it_was_told_to_and_kills_above_the_quota() {
        let mut memory = Memory {
            growth: 100.0,
            until_share: 0.9,
            ..Memory::new(1_000.0)
        };
        assert!(!(0..20).any(|_| memory.pass(1.0, 0.0)));
        assert!((memory.resident(0.0) - 900.0).abs() < 1e-9);
        memory.until_share = 1.2;
        assert!((0..20).any(|_| memory.pass(1.0, 0.0)));
    }
}
