//! Every fault that can be injected: what it does, what it needs of the machine, its parameters, and how it is undone.

use super::capability::Capabilities;
use super::step::Step;
use super::steps::{Context, files, load, network, processes, resources};
use super::{DockerError, Need};
use serde::Serialize;

/// A fault that can be injected into containers.
pub struct DockerFault {
    /// Stable name, for the command line.
    pub id: &'static str,
    /// One line for lists.
    pub title: &'static str,
    /// The kind of thing that breaks.
    pub family: &'static str,
    /// How it is undone.
    pub undo: &'static str,
    /// What the machine must offer.
    pub needs: &'static [Need],
    /// Its parameters, with their defaults.
    pub settings: &'static [Setting],
    pub(crate) steps: fn(&Context<'_>) -> Result<Vec<Step>, DockerError>,
}

/// A parameter of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// `--set NAME=NUMBER`.
    pub name: &'static str,
    /// Value without `--set`.
    pub default: u64,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// Larger values make no sense, or would affect more than the target.
    pub max: u64,
}

const fn setting(name: &'static str, default: u64, max: u64, meaning: &'static str) -> Setting {
    Setting {
        name,
        default,
        meaning,
        max,
    }
}

const PERCENT: Setting = setting("percent", 10, 100, "share of the packets, in percent");

/// Every fault, in the order of a list.
pub const FAULTS: &[DockerFault] = &[
    DockerFault {
        id: "kill",
        title: "The main process is killed (SIGKILL)",
        family: "process",
        undo: "the container is started",
        needs: &[],
        settings: &[],
        steps: processes::kill,
    },
    DockerFault {
        id: "stop",
        title: "The main process receives SIGTERM, then SIGKILL",
        family: "process",
        undo: "the container is started",
        needs: &[],
        settings: &[setting(
            "grace-ms",
            10_000,
            10_000,
            "grace period, in milliseconds",
        )],
        steps: processes::stop,
    },
    DockerFault {
        id: "restart",
        title: "The container is restarted",
        family: "process",
        undo: "the container is started if it is not running",
        needs: &[],
        settings: &[setting(
            "grace-ms",
            5_000,
            10_000,
            "grace period, in milliseconds",
        )],
        steps: processes::restart,
    },
    DockerFault {
        id: "pause",
        title: "All processes are frozen; Docker reports the container as paused",
        family: "process",
        undo: "the container is unpaused",
        needs: &[],
        settings: &[],
        steps: processes::pause,
    },
    DockerFault {
        id: "hang",
        title: "The main process is stopped (SIGSTOP); Docker reports the container as running",
        family: "process",
        undo: "SIGCONT",
        needs: &[],
        settings: &[],
        steps: processes::hang,
    },
    DockerFault {
        id: "network-disconnect",
        title: "The container loses its networks",
        family: "network",
        undo: "it is reconnected with the same addresses and aliases",
        needs: &[],
        settings: &[],
        steps: network::disconnect,
    },
    DockerFault {
        id: "partition",
        title: "Packets between the target and its peers are dropped in both directions",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::partition,
    },
    DockerFault {
        id: "partition-out",
        title: "One-way partition: packets from the target to its peers are dropped",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::partition_out,
    },
    DockerFault {
        id: "partition-in",
        title: "One-way partition: packets from its peers to the target are dropped",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::partition_in,
    },
    DockerFault {
        id: "connection-refused",
        title: "TCP connections of the target to its peers are reset",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::refuse,
    },
    DockerFault {
        id: "dns-failure",
        title: "The target cannot resolve names",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::names,
    },
    DockerFault {
        id: "latency",
        title: "Packets of the target leave late",
        family: "network",
        undo: "the queueing discipline, or the packet queue and its agent, are removed",
        needs: &[Need::Delay],
        settings: &[setting(
            "delay-ms",
            100,
            10_000,
            "delay of each packet, in milliseconds",
        )],
        steps: network::latency,
    },
    DockerFault {
        id: "jitter",
        title: "Packets of the target leave late, by varying times",
        family: "network",
        undo: "the queueing discipline, or the packet queue and its agent, are removed",
        needs: &[Need::Delay],
        settings: &[
            setting("delay-ms", 20, 10_000, "minimum delay, in milliseconds"),
            setting(
                "jitter-ms",
                200,
                10_000,
                "additional delay of up to this, in milliseconds",
            ),
        ],
        steps: network::jitter,
    },
    DockerFault {
        id: "loss",
        title: "Packets of the target are lost",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[PERCENT],
        steps: network::loss,
    },
    DockerFault {
        id: "duplicate",
        title: "Packets of the target arrive twice",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Duplicate],
        settings: &[PERCENT],
        steps: network::duplicate,
    },
    DockerFault {
        id: "rate-limit",
        title: "The target sends slowly",
        family: "network",
        undo: "the queueing discipline is removed",
        needs: &[Need::Rate],
        settings: &[setting("kbit", 1_000, 10_000_000, "rate, in kbit/s")],
        steps: network::rate,
    },
    DockerFault {
        id: "cpu-limit",
        title: "The CPU time of the container is limited",
        family: "resources",
        undo: "the previous quota is restored",
        needs: &[Need::Cgroups],
        settings: &[setting(
            "percent",
            20,
            10_000,
            "CPU time, in percent of one CPU",
        )],
        steps: resources::cpu_limit,
    },
    DockerFault {
        id: "cpu-stress",
        title: "Other processes use the container's CPUs",
        family: "resources",
        undo: "the processes are killed",
        needs: &[Need::Cgroups],
        settings: &[setting("threads", 2, 64, "number of busy threads")],
        steps: resources::cpu_pressure,
    },
    DockerFault {
        id: "memory-limit",
        title: "The memory limit of the container is lowered to about its use",
        family: "resources",
        undo: "the previous limit is restored",
        needs: &[Need::Cgroups],
        settings: &[
            setting(
                "percent",
                110,
                10_000,
                "limit, in percent of its current use",
            ),
            setting(
                "mib",
                0,
                10_000_000,
                "limit instead of a percentage, in MiB",
            ),
        ],
        steps: resources::memory_limit,
    },
    DockerFault {
        id: "memory-stress",
        title: "Another process uses the container's memory",
        family: "resources",
        undo: "the process is killed",
        needs: &[Need::Cgroups],
        settings: &[
            setting(
                "percent",
                80,
                100,
                "share of the memory that is left below its limit, in percent",
            ),
            setting("mib-max", 1_024, 65_536, "upper bound, in MiB"),
        ],
        steps: resources::memory_pressure,
    },
    DockerFault {
        id: "io-limit",
        title: "The disk bandwidth of the container is limited",
        family: "resources",
        undo: "the limit is removed",
        needs: &[Need::Cgroups, Need::IoThrottle],
        settings: &[setting("kib", 1_024, 100_000_000, "bandwidth, in KiB/s")],
        steps: resources::io_limit,
    },
    DockerFault {
        id: "io-stress",
        title: "Another process writes and syncs on the container's disk",
        family: "resources",
        undo: "the process is killed and its file is deleted",
        needs: &[Need::Cgroups],
        settings: &[setting(
            "mib",
            64,
            1_024,
            "size of the file that is overwritten repeatedly, in MiB",
        )],
        steps: resources::io_pressure,
    },
    DockerFault {
        id: "process-limit",
        title: "The container cannot start another process or thread",
        family: "resources",
        undo: "the previous limit is restored",
        needs: &[Need::Cgroups],
        settings: &[setting(
            "spare",
            0,
            10_000,
            "number of processes that may still be started",
        )],
        steps: resources::process_limit,
    },
    DockerFault {
        id: "fd-exhaust",
        title: "The container's processes cannot open another file",
        family: "resources",
        undo: "the previous limits are restored",
        needs: &[Need::Prlimit],
        settings: &[setting(
            "files",
            3,
            1_000_000,
            "limit of open files during the fault",
        )],
        steps: files::descriptors,
    },
    DockerFault {
        id: "disk-fill",
        title: "Foreign files fill the container's directory",
        family: "disk",
        undo: "the file is deleted",
        needs: &[],
        settings: &[
            setting(
                "free-mib",
                1,
                1_000_000,
                "space that is left free, in MiB; without it, 10 % of a shared disk",
            ),
            setting("mib-max", 1_000_000, 100_000_000, "upper bound, in MiB"),
        ],
        steps: files::fill,
    },
    DockerFault {
        id: "read-only",
        title: "The container's directory becomes read-only",
        family: "disk",
        undo: "it is remounted writable",
        needs: &[Need::Mounts],
        settings: &[],
        steps: files::read_only,
    },
    DockerFault {
        id: "clock-skew",
        title: "The container's clock is wrong",
        family: "time",
        undo: "nothing to undo",
        needs: &[Need::WallClock],
        settings: &[],
        steps: files::clock,
    },
    DockerFault {
        id: "hot-keys",
        title: "Clients write a few neighbouring keys",
        family: "load",
        undo: "the load generator is stopped",
        needs: &[Need::Load],
        settings: &[
            setting("rate", 2_000, 1_000_000, "writes per second"),
            setting("keys", 50, 100_000, "number of keys"),
            setting("value-bytes", 1_024, 1_048_576, "size of a value, in bytes"),
        ],
        steps: load::hot_keys,
    },
    DockerFault {
        id: "heavy-scan",
        title: "Clients read long ranges",
        family: "load",
        undo: "the load generator is stopped",
        needs: &[Need::Load],
        settings: &[
            setting("rate", 50, 1_000_000, "scans per second"),
            setting("keys", 10_000, 10_240, "number of keys of a scan"),
        ],
        steps: load::heavy_scans,
    },
];

/// The second half of a manual restart, only for fault files.
const START: DockerFault = DockerFault {
    id: "start",
    title: "A container that was stopped is started",
    family: "process",
    undo: "nothing to undo",
    needs: &[],
    settings: &[],
    steps: processes::start,
};

/// The fault of this name.
#[must_use]
pub fn find(id: &str) -> Option<&'static DockerFault> {
    const LAST: &DockerFault = &START;
    FAULTS.iter().chain([LAST]).find(|fault| fault.id == id)
}

/// Whether one fault can be injected on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// The fault.
    pub fault: &'static str,
    /// Why it cannot be injected here; `None` when it can.
    pub missing: Option<&'static str>,
}

/// Every fault, and whether a machine with these capabilities can inject it.
#[must_use]
pub fn availability(capabilities: &Capabilities) -> Vec<Availability> {
    let faults = FAULTS.iter();
    faults
        .map(|fault| Availability {
            fault: fault.id,
            missing: capabilities.missing(fault.needs),
        })
        .collect()
}

#[cfg(test)]
mod tests;
