//! A store: a process, its machine, and what it counted since it started.

pub(crate) mod counters;
pub(crate) mod memory;
pub(crate) mod tree;

use super::disk::Disk;
use super::ids::{RegionId, StoreId};
use super::region::{Flow, Rates};
use super::slow_score::SlowScore;
use super::stages::{Costs, Demand, Stages};
use crate::config::Machine;
use counters::Counters;
use memory::Memory;
use std::collections::BTreeSet;
use tree::Tree;

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It serves.
    Running,
    /// It reads its logs back and does not listen yet.
    Starting,
    /// It is gone.
    Dead,
    /// It stands still: the kernel takes connections for it, and nothing comes back.
    Frozen,
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
    /// CPUs.
    pub cores: f64,
    /// Memory.
    pub memory_bytes: f64,
    /// How many times longer each computation takes than on a healthy CPU.
    pub cpu_factor: f64,
    /// Its disk.
    pub disk: Disk,
    /// Its health in its own eyes.
    pub slow_score: SlowScore,
    /// Whether PD can be reached.
    pub pd_reachable: bool,
    /// Its machine is lost too: connections time out.
    pub machine_lost: bool,
    /// It has registered with PD at least once.
    pub joined: bool,
    /// Its version, without `v`.
    pub version: String,
    /// How far its clock is off, in milliseconds.
    pub clock_off_ms: i64,
    /// What its process holds.
    pub memory: Memory,
    /// How much harder than usual the work of each pool is.
    pub costs: Costs,
    /// Since when a transaction that does not end holds locks here.
    pub locked_since_ms: Option<u64>,
    /// Messages that wait in the mailbox of its busiest region.
    pub mailbox: f64,
    /// Snapshots that it receives now.
    pub receiving: u64,
    /// Snapshots that it sends now.
    pub sending: u64,
    /// When the last snapshot that was promised to it will have come.
    pub snapshots_until_ms: u64,
    /// Regions that it leads.
    pub leads: BTreeSet<RegionId>,
    /// Regions with a replica here and without a leader.
    pub leaderless_regions: u64,
    /// It is transferring its leaders before it stops.
    pub stopping: bool,
    /// Load of the regions that it leads.
    pub led: Rates,
    /// Load of the regions that it replicates and that are served.
    pub replicated: Rates,
    /// Regions that it leads.
    pub led_regions: u64,
    /// Regions that it replicates.
    pub held_regions: u64,
    /// The part of its regions that hibernates.
    pub asleep: Asleep,
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

/// Hibernated regions of a store.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asleep {
    /// That it replicates.
    pub held: u64,
    /// That it leads.
    pub led: u64,
    /// Its leader is lost, and the followers have not noticed.
    pub leaderless: u64,
}

/// The version of stores that are not upgraded.
pub(crate) const VERSION: &str = "8.5.0";

impl Store {
    /// A store that has been running since `started_ms`.
    pub(crate) fn new(
        id: StoreId,
        index: u64,
        machine: &Machine,
        kv_bytes: f64,
        started_ms: u64,
    ) -> Self {
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
            machine_lost: false,
            joined: true,
            version: VERSION.to_owned(),
            clock_off_ms: 0,
            memory: Memory::new(machine.memory_bytes),
            costs: Costs::default(),
            locked_since_ms: None,
            mailbox: 0.0,
            receiving: 0,
            sending: 0,
            snapshots_until_ms: 0,
            leads: BTreeSet::new(),
            leaderless_regions: 0,
            stopping: false,
            led: Rates::default(),
            replicated: Rates::default(),
            led_regions: 0,
            held_regions: 0,
            asleep: Asleep::default(),
            stages: Stages::default(),
            demand: Demand::default(),
            tree: Tree::default(),
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

    /// Port of its gRPC service. The usual ports of both kinds lie twenty apart: later stores need others.
    pub(crate) fn port(&self) -> u64 {
        if self.index < 20 {
            20_160 + self.index
        } else {
            21_000 + self.index
        }
    }

    /// Port of its status server.
    pub(crate) fn status_port(&self) -> u64 {
        if self.index < 20 {
            20_180 + self.index
        } else {
            22_000 + self.index
        }
    }

    /// `host:port` of its gRPC service.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// `host:port` of its status server.
    pub(crate) fn status_address(&self) -> String {
        format!("127.0.0.1:{}", self.status_port())
    }

    /// Whether the kernel still accepts connections, so that requests time out instead of being refused.
    pub(crate) fn is_silent(&self) -> bool {
        self.life == Life::Frozen || self.machine_lost
    }

    /// Its own time.
    pub(crate) fn clock_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_off_ms)
    }
}
