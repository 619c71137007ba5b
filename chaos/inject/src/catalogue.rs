//! Every fault that this injector knows: what it does, what it needs of the machine, what can be set, how it is undone.

use super::capability::Capabilities;
use super::step::Step;
use super::steps::{Context, files, load, network, processes, resources};
use super::{DockerError, Need};
use serde::Serialize;

/// A fault that can be made in containers.
pub struct DockerFault {
    /// Stable name, for the command line.
    pub id: &'static str,
    /// One line for a list.
    pub title: &'static str,
    /// What kind of thing breaks.
    pub family: &'static str,
    /// How it is undone.
    pub undo: &'static str,
    /// What the machine must offer.
    pub needs: &'static [Need],
    /// What can be set, with the defaults.
    pub settings: &'static [Setting],
    pub(crate) steps: fn(&Context<'_>) -> Result<Vec<Step>, DockerError>,
}

/// A number that a fault takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// `--set NAME=NUMBER`.
    pub name: &'static str,
    /// Without it.
    pub default: u64,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// More makes no sense, or would hurt more than the target.
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
        title: "The main process is asked to stop (SIGTERM), then killed",
        family: "process",
        undo: "the container is started",
        needs: &[],
        settings: &[setting(
            "grace-ms",
            10_000,
            10_000,
            "how long the process may take, in milliseconds",
        )],
        steps: processes::stop,
    },
    DockerFault {
        id: "restart",
        title: "The container is restarted",
        family: "process",
        undo: "the container is started, if it does not run",
        needs: &[],
        settings: &[setting(
            "grace-ms",
            5_000,
            10_000,
            "how long the process may take to stop, in milliseconds",
        )],
        steps: processes::restart,
    },
    DockerFault {
        id: "pause",
        title: "All processes are frozen; Docker says paused",
        family: "process",
        undo: "the container is unpaused",
        needs: &[],
        settings: &[],
        steps: processes::pause,
    },
    DockerFault {
        id: "hang",
        title: "The main process is stopped (SIGSTOP); Docker says running",
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
        undo: "it is connected with the same addresses and names",
        needs: &[],
        settings: &[],
        steps: network::disconnect,
    },
    DockerFault {
        id: "partition",
        title: "No packets between the target and its peers, in both directions",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::partition,
    },
    DockerFault {
        id: "partition-out",
        title: "One-way partition: peers do not hear the target",
        family: "network",
        undo: "the rules are removed",
        needs: &[Need::Iptables],
        settings: &[],
        steps: network::partition_out,
    },
    DockerFault {
        id: "partition-in",
        title: "One-way partition: the target does not hear its peers",
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
        undo: "the discipline, or the queue and its holder, are removed",
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
        title: "Packets of the target leave late, each by another time",
        family: "network",
        undo: "the discipline, or the queue and its holder, are removed",
        needs: &[Need::Delay],
        settings: &[
            setting("delay-ms", 20, 10_000, "least delay, in milliseconds"),
            setting(
                "jitter-ms",
                200,
                10_000,
                "up to this much more, in milliseconds",
            ),
        ],
        steps: network::jitter,
    },
    DockerFault {
        id: "loss",
        title: "Packets of the target get lost",
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
        undo: "the discipline is removed",
        needs: &[Need::Rate],
        settings: &[setting(
            "kbit",
            1_000,
            10_000_000,
            "rate, in kilobits a second",
        )],
        steps: network::rate,
    },
    DockerFault {
        id: "cpu-limit",
        title: "The container gets less processor time",
        family: "resources",
        undo: "the quota of before is written",
        needs: &[Need::Cgroups],
        settings: &[setting("percent", 20, 10_000, "of one processor")],
        steps: resources::cpu_limit,
    },
    DockerFault {
        id: "cpu-stress",
        title: "Other work uses the container's processors",
        family: "resources",
        undo: "the processes are ended",
        needs: &[Need::Cgroups],
        settings: &[setting("threads", 2, 64, "how many run at once")],
        steps: resources::cpu_pressure,
    },
    DockerFault {
        id: "memory-limit",
        title: "The container may use little more memory than it does",
        family: "resources",
        undo: "the limit of before is written",
        needs: &[Need::Cgroups],
        settings: &[
            setting("percent", 110, 10_000, "of what it uses now"),
            setting("mib", 0, 10_000_000, "this much instead, in MiB"),
        ],
        steps: resources::memory_limit,
    },
    DockerFault {
        id: "memory-stress",
        title: "Other work uses the container's memory",
        family: "resources",
        undo: "the process is ended",
        needs: &[Need::Cgroups],
        settings: &[
            setting("percent", 80, 100, "of what is left below its limit"),
            setting("mib-max", 1_024, 65_536, "never more than this, in MiB"),
        ],
        steps: resources::memory_pressure,
    },
    DockerFault {
        id: "io-limit",
        title: "The container reads and writes its disk slowly",
        family: "resources",
        undo: "the limit is lifted",
        needs: &[Need::Cgroups, Need::IoThrottle],
        settings: &[setting("kib", 1_024, 100_000_000, "a second, in KiB")],
        steps: resources::io_limit,
    },
    DockerFault {
        id: "io-stress",
        title: "Other work writes and syncs on the container's disk",
        family: "resources",
        undo: "the process is ended and its file deleted",
        needs: &[Need::Cgroups],
        settings: &[setting(
            "mib",
            64,
            1_024,
            "length of the file that is written again and again, in MiB",
        )],
        steps: resources::io_pressure,
    },
    DockerFault {
        id: "process-limit",
        title: "The container can start no further process or thread",
        family: "resources",
        undo: "the limit of before is written",
        needs: &[Need::Cgroups],
        settings: &[setting(
            "spare",
            0,
            10_000,
            "how many more than now may be started",
        )],
        steps: resources::process_limit,
    },
    DockerFault {
        id: "fd-exhaust",
        title: "The container's processes can open no further file",
        family: "resources",
        undo: "the limits of before are set",
        needs: &[Need::Prlimit],
        settings: &[setting(
            "files",
            3,
            1_000_000,
            "limit of open files while the fault lasts",
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
                "what is left free, in MiB; left away on a disk that others use: 10 %",
            ),
            setting(
                "mib-max",
                1_000_000,
                100_000_000,
                "never more than this, in MiB",
            ),
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
        undo: "the load tool is ended",
        needs: &[Need::Load],
        settings: &[
            setting("rate", 2_000, 1_000_000, "writes a second"),
            setting("keys", 50, 100_000, "how many keys"),
            setting("value-bytes", 1_024, 1_048_576, "bytes of one value"),
        ],
        steps: load::hot_keys,
    },
    DockerFault {
        id: "heavy-scan",
        title: "Clients read long ranges",
        family: "load",
        undo: "the load tool is ended",
        needs: &[Need::Load],
        settings: &[
            setting("rate", 50, 1_000_000, "scans a second"),
            setting("keys", 10_000, 10_240, "keys of one scan"),
        ],
        steps: load::heavy_scans,
    },
];

/// No fault of its own: the second half of a restart by hand, for cards.
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
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_every_fault_says_how_it_is_undone() {
        let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.id).collect();
        assert_eq!(names.len(), FAULTS.len());
        assert!(FAULTS.len() >= 20, "{} faults", FAULTS.len());
        for fault in FAULTS {
            assert!(
                !fault.undo.is_empty() && !fault.title.is_empty(),
                "{}",
                fault.id
            );
            assert!(
                fault
                    .settings
                    .iter()
                    .all(|setting| setting.default <= setting.max),
                "{}",
                fault.id
            );
        }
    }

    #[test]
    fn a_machine_without_anything_can_still_do_what_docker_does() {
        let nothing = Capabilities::default();
        let possible: Vec<&str> = availability(&nothing)
            .iter()
            .filter(|one| one.missing.is_none())
            .map(|one| one.fault)
            .collect();
        assert_eq!(
            possible,
            [
                "kill",
                "stop",
                "restart",
                "pause",
                "hang",
                "network-disconnect",
                "disk-fill"
            ]
        );
    }

    #[test]
    fn delay_works_with_netem_or_with_a_queue() {
        let latency = find("latency").unwrap();
        let root = Capabilities {
            root: true,
            ..Capabilities::default()
        };
        assert!(root.missing(latency.needs).is_some());
        assert_eq!(
            Capabilities {
                netem: true,
                ..root.clone()
            }
            .missing(latency.needs),
            None
        );
        let queue = Capabilities {
            packet_queue: true,
            ..root.clone()
        };
        assert!(
            queue.missing(latency.needs).is_some(),
            "a queue without rules that lead to it"
        );
        assert_eq!(
            Capabilities {
                iptables: Some("iptables".into()),
                ..queue
            }
            .missing(latency.needs),
            None
        );
    }

    #[test]
    fn no_machine_can_move_a_containers_clock() {
        let all = Capabilities {
            root: true,
            netem: true,
            cgroups: true,
            ..Capabilities::default()
        };
        assert!(all.missing(find("clock-skew").unwrap().needs).is_some());
    }
}
