//! What the simulated cluster is made of.

use crate::fault::ClusterShape;
use crate::model::number::real;
use crate::noise::Noise;

/// Size, machines and load of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterConfig {
    /// Random seed: decides everything that is left to chance.
    pub seed: u64,
    /// Virtual time of the first observation, in milliseconds since the Unix epoch.
    pub start_unix_ms: u64,
    /// How long the cluster has been running under load when the first observation is made. Long enough for the
    /// slowest view to settle: PD's write hot list needs three region heartbeats.
    pub warm_up_ms: u64,
    /// PD members.
    pub members: u64,
    /// Stores.
    pub stores: u64,
    /// Regions.
    pub regions: u64,
    /// Usual size of a region.
    pub region_bytes: f64,
    /// Each store's machine.
    pub machine: Machine,
    /// What the clients do.
    pub load: Load,
    /// What varies without a cause.
    pub noise: Noise,
    /// No store has registered yet when the first observation is made; they do, one after the other, soon after.
    pub fresh: bool,
}

impl ClusterConfig {
    /// The same cluster with this noise.
    #[must_use]
    pub fn with_noise(self, noise: &Noise) -> Self {
        Self {
            noise: noise.clone(),
            ..self
        }
    }

    /// The same cluster, in the shape that a fault needs.
    #[must_use]
    pub fn shaped(self, shape: &ClusterShape) -> Self {
        Self {
            stores: shape.stores.unwrap_or(self.stores),
            regions: shape.regions.unwrap_or(self.regions),
            region_bytes: shape
                .region_mib
                .map_or(self.region_bytes, |mebibytes| real(mebibytes) * MIB),
            fresh: shape.fresh || self.fresh,
            load: Load {
                idle_share: shape.idle_percent.map_or(self.load.idle_share, |percent| {
                    real(percent.min(100)) / 100.0
                }),
                ..self.load
            },
            ..self
        }
    }
}

/// A store's machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// CPUs.
    pub cores: f64,
    /// Memory.
    pub memory_bytes: f64,
    /// Disk.
    pub disk_bytes: f64,
    /// Files on the disk that are not the store's.
    pub foreign_bytes: f64,
    /// One write and flush of an idle disk.
    pub flush_ms: f64,
    /// One round trip between two machines.
    pub round_trip_ms: f64,
}

/// The clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Reads of the whole cluster, a second.
    pub reads_per_second: f64,
    /// Writes of the whole cluster, a second.
    pub writes_per_second: f64,
    /// Bytes of one value.
    pub value_bytes: f64,
    /// Requests that the clients keep in flight at most: they wait for answers before they ask again.
    pub in_flight_max: f64,
    /// How uneven the regions are: 0 is even, 1 is Zipf.
    pub skew: f64,
    /// Share of the regions without load.
    pub idle_share: f64,
}

impl Default for ClusterConfig {
    /// 3 + 3 small servers under a steady load of about a fifth of what they can do.
    fn default() -> Self {
        Self {
            seed: 1,
            // 2026-11-21 00:00:00 UTC, the day of the recordings.
            start_unix_ms: 1_795_219_200_000,
            warm_up_ms: 240_000,
            members: 3,
            stores: 3,
            // PD tests a store for low space only from 100 regions on (`pd: pkg/core/store.go`).
            regions: 120,
            region_bytes: 96.0 * MIB,
            machine: Machine::default(),
            load: Load::default(),
            noise: Noise::default(),
            fresh: false,
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            cores: 4.0,
            memory_bytes: 8.0 * GIB,
            disk_bytes: 80.0 * GIB,
            foreign_bytes: 1.5 * GIB,
            // A data-centre SSD behind a RAID controller; the recordings' machine needs about 1.5.
            flush_ms: 0.8,
            round_trip_ms: 0.3,
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            reads_per_second: 6_000.0,
            writes_per_second: 1_500.0,
            value_bytes: 1_024.0,
            in_flight_max: 300.0,
            skew: 0.3,
            idle_share: 0.0,
        }
    }
}

/// 2^20 bytes.
pub const MIB: f64 = 1_048_576.0;
/// 2^30 bytes.
pub const GIB: f64 = 1_073_741_824.0;
