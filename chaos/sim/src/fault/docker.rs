//! Steps in containers. Services are named as in `compose/`: `pd-0` to `pd-2`, `tikv-0` to `tikv-2`.

use serde::{Deserialize, Serialize};

/// The steps in containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerPlan {
    /// Steps, in the order of time.
    pub steps: Vec<DockerStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerStep {
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
    /// The action.
    #[serde(rename = "do")]
    pub action: DockerAction,
}

/// The direction in which a link is cut or disturbed, as seen from the service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Packets to the service.
    In,
    /// Packets from the service.
    Out,
}

/// An action on a container, or of the load generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DockerAction {
    /// SIGKILL to the service's main process.
    Kill {
        /// Which service.
        service: String,
    },
    /// SIGTERM, followed by SIGKILL after the grace period.
    Stop {
        /// Which service.
        service: String,
        /// Grace period in seconds.
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
        /// Grace period in seconds.
        #[serde(default = "stop_grace_s")]
        grace_s: u64,
    },
    /// A stopped service is started: the second half of a manual restart.
    Start {
        /// Which service.
        service: String,
    },
    /// Disconnected from the project's network.
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
    /// Every packet from a service is delayed.
    Latency {
        /// Which service.
        service: String,
        /// Delay in milliseconds.
        delay_ms: u64,
    },
    /// Every packet from a service is delayed by a varying time.
    Jitter {
        /// Which service.
        service: String,
        /// Mean delay in milliseconds.
        delay_ms: u64,
        /// Deviation in milliseconds.
        jitter_ms: u64,
    },
    /// Some packets from a service are lost.
    Loss {
        /// Which service.
        service: String,
        /// Percentage.
        percent: f64,
    },
    /// Some packets from a service are duplicated.
    Duplicate {
        /// Which service.
        service: String,
        /// Percentage.
        percent: f64,
    },
    /// The bandwidth of a service is limited.
    RateLimit {
        /// Which service.
        service: String,
        /// Rate in kbit/s.
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
    /// Another process uses memory within the service's limit.
    MemoryStress {
        /// Which service.
        service: String,
        /// MiB.
        mebibytes: u64,
    },
    /// The memory limit of a service is lowered.
    MemoryLimit {
        /// Which service.
        service: String,
        /// MiB.
        mebibytes: u64,
    },
    /// Other processes write and flush on the service's disk.
    IoStress {
        /// Which service.
        service: String,
        /// Writers.
        workers: u32,
    },
    /// The write bandwidth of a service is limited.
    IoLimit {
        /// Which service.
        service: String,
        /// Rate in bytes per second.
        write_bytes_per_second: u64,
    },
    /// Files fill the service's disk.
    DiskFill {
        /// Which service.
        service: String,
        /// Free space to leave, in MiB.
        free_mebibytes: u64,
    },
    /// The service's data directory is read-only.
    ReadOnly {
        /// Which service.
        service: String,
    },
    /// The service's clock is off.
    ClockSkew {
        /// Which service.
        service: String,
        /// Offset; negative is behind.
        offset_ms: i64,
    },
    /// The service cannot open files or connections.
    FdExhaust {
        /// Which service.
        service: String,
        /// Limit of open file descriptors.
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

/// Docker's default grace period.
fn stop_grace_s() -> u64 {
    10
}

impl DockerAction {
    /// Its name in fault files.
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
