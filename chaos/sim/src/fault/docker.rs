//! What is done to containers. Services are named as in `compose/`: `pd-0` to `pd-2`, `tikv-0` to `tikv-2`.

use serde::{Deserialize, Serialize};

/// What is done to containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerPlan {
    /// In order.
    pub steps: Vec<DockerStep>,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerStep {
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
    /// What is done.
    #[serde(rename = "do")]
    pub action: DockerAction,
}

/// Which way a link is cut or disturbed, seen from the service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// What comes to the service.
    In,
    /// What it sends.
    Out,
}

/// What can be done to a container, or by the load tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DockerAction {
    /// SIGKILL to the service's main process.
    Kill {
        /// Which service.
        service: String,
    },
    /// SIGTERM, and SIGKILL after a while.
    Stop {
        /// Which service.
        service: String,
        /// How long it may take, in seconds.
        #[serde(default = "stop_grace_s")]
        grace_s: u64,
    },
    /// All processes are frozen.
    Pause {
        /// Which service.
        service: String,
    },
    /// Stopped and started again.
    Restart {
        /// Which service.
        service: String,
        /// How long stopping may take, in seconds.
        #[serde(default = "stop_grace_s")]
        grace_s: u64,
    },
    /// A stopped service is started: the second half of a restart by hand.
    Start {
        /// Which service.
        service: String,
    },
    /// Taken off the project's network.
    NetworkDisconnect {
        /// Which service.
        service: String,
    },
    /// Packets between a service and others are dropped.
    Partition {
        /// Which service.
        service: String,
        /// The peers; all of them when empty.
        #[serde(default)]
        from: Vec<String>,
        /// Which way.
        #[serde(default)]
        direction: Direction,
    },
    /// Every packet that a service sends comes later.
    Latency {
        /// Which service.
        service: String,
        /// By so much, in milliseconds.
        delay_ms: u64,
    },
    /// Every packet that a service sends comes later, by varying times.
    Jitter {
        /// Which service.
        service: String,
        /// By so much on average, in milliseconds.
        delay_ms: u64,
        /// Give or take, in milliseconds.
        jitter_ms: u64,
    },
    /// Some packets that a service sends are lost.
    Loss {
        /// Which service.
        service: String,
        /// How many of a hundred.
        percent: f64,
    },
    /// Some packets that a service sends come twice.
    Duplicate {
        /// Which service.
        service: String,
        /// How many of a hundred.
        percent: f64,
    },
    /// A service can send only so fast.
    RateLimit {
        /// Which service.
        service: String,
        /// Kilobits a second.
        kilobits_per_second: u64,
    },
    /// Other processes use the service's CPUs.
    CpuStress {
        /// Which service.
        service: String,
        /// Busy threads.
        workers: u32,
    },
    /// The CPU time of a service is limited.
    CpuLimit {
        /// Which service.
        service: String,
        /// CPUs.
        cpus: f64,
    },
    /// Memory inside of the service's limit is taken.
    MemoryStress {
        /// Which service.
        service: String,
        /// MiB.
        mebibytes: u64,
    },
    /// A service may use less memory.
    MemoryLimit {
        /// Which service.
        service: String,
        /// MiB.
        mebibytes: u64,
    },
    /// Others write and flush on the service's disk.
    IoStress {
        /// Which service.
        service: String,
        /// Writers.
        workers: u32,
    },
    /// A service can write only so fast.
    IoLimit {
        /// Which service.
        service: String,
        /// Bytes a second.
        write_bytes_per_second: u64,
    },
    /// Files fill the service's disk.
    DiskFill {
        /// Which service.
        service: String,
        /// Until so many MiB are free.
        free_mebibytes: u64,
    },
    /// The service's data cannot be written.
    ReadOnly {
        /// Which service.
        service: String,
    },
    /// The service's clock is off.
    ClockSkew {
        /// Which service.
        service: String,
        /// By so much; negative is behind.
        offset_ms: i64,
    },
    /// The service cannot open files or connections.
    FdExhaust {
        /// Which service.
        service: String,
        /// Descriptors that it may have.
        limit: u64,
    },
    /// Clients write a few neighbouring keys.
    HotKeys {
        /// How many keys.
        keys: u64,
        /// Writes a second.
        writes_per_second: u64,
        /// Bytes of one value.
        value_bytes: u64,
    },
    /// Clients read long ranges.
    HeavyScan {
        /// Scans a second.
        scans_per_second: u64,
        /// Keys of one scan.
        keys: u64,
    },
}

/// What Docker allows by default.
fn stop_grace_s() -> u64 {
    10
}

impl DockerAction {
    /// Its name, as faults write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::Stop { .. } => "stop",
            Self::Pause { .. } => "pause",
            Self::Restart { .. } => "restart",
            Self::Start { .. } => "start",
            Self::NetworkDisconnect { .. } => "network-disconnect",
            Self::Partition { .. } => "partition",
            Self::Latency { .. } => "latency",
            Self::Jitter { .. } => "jitter",
            Self::Loss { .. } => "loss",
            Self::Duplicate { .. } => "duplicate",
            Self::RateLimit { .. } => "rate-limit",
            Self::CpuStress { .. } => "cpu-stress",
            Self::CpuLimit { .. } => "cpu-limit",
            Self::MemoryStress { .. } => "memory-stress",
            Self::MemoryLimit { .. } => "memory-limit",
            Self::IoStress { .. } => "io-stress",
            Self::IoLimit { .. } => "io-limit",
            Self::DiskFill { .. } => "disk-fill",
            Self::ReadOnly { .. } => "read-only",
            Self::ClockSkew { .. } => "clock-skew",
            Self::FdExhaust { .. } => "fd-exhaust",
            Self::HotKeys { .. } => "hot-keys",
            Self::HeavyScan { .. } => "heavy-scan",
        }
    }

    /// The affected service; load has none.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Kill { service }
            | Self::Stop { service, .. }
            | Self::Pause { service }
            | Self::Restart { service, .. }
            | Self::Start { service }
            | Self::NetworkDisconnect { service }
            | Self::Partition { service, .. }
            | Self::Latency { service, .. }
            | Self::Jitter { service, .. }
            | Self::Loss { service, .. }
            | Self::Duplicate { service, .. }
            | Self::RateLimit { service, .. }
            | Self::CpuStress { service, .. }
            | Self::CpuLimit { service, .. }
            | Self::MemoryStress { service, .. }
            | Self::MemoryLimit { service, .. }
            | Self::IoStress { service, .. }
            | Self::IoLimit { service, .. }
            | Self::DiskFill { service, .. }
            | Self::ReadOnly { service }
            | Self::ClockSkew { service, .. }
            | Self::FdExhaust { service, .. } => Some(service),
            Self::HotKeys { .. } | Self::HeavyScan { .. } => None,
        }
    }
}
