//! What this machine offers to faults. Everything is tried in a namespace that is thrown away; nothing is assumed.

use super::DockerError;
use super::catalogue::{DockerFault, FAULTS};
use super::command::Tool;
use serde::Serialize;
use std::path::Path;

/// Something that a fault cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Packet rules, with the random match.
    Iptables,
    /// netem, or a queue for packets and someone to hold them.
    Delay,
    /// The target that copies packets.
    Duplicate,
    /// The token bucket.
    Rate,
    /// Control groups that can be written.
    Cgroups,
    /// Limits for block devices in them.
    IoThrottle,
    /// Limits of other processes.
    Prlimit,
    /// Mounting in another mount namespace.
    Mounts,
    /// A clock that can be moved for one container: no kernel has one.
    WallClock,
    /// The load tool: it is asked for when the fault is.
    Load,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Namespaces of other processes may be entered.
    pub root: bool,
    /// `iptables` or `iptables-legacy`, whichever works.
    pub iptables: Option<String>,
    /// The kernel has netem.
    pub netem: bool,
    /// The kernel hands packets to programs, and a socket for them can be had.
    pub packet_queue: bool,
    /// The kernel copies packets.
    pub duplicate: bool,
    /// The kernel has the token bucket.
    pub token_bucket: bool,
    /// Control groups can be written.
    pub cgroups: bool,
    /// Block devices can be limited.
    pub io_throttle: bool,
    /// `prlimit` works.
    pub prlimit: bool,
    /// `mount` enters namespaces.
    pub mounts: bool,
}

/// One line for a person who asks what this machine can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// The fault.
    pub fault: &'static str,
    /// Nothing when it can be made here; else why not.
    pub missing: Option<&'static str>,
}

impl Capabilities {
    /// Tries everything. Takes some tens of milliseconds.
    #[must_use]
    pub fn probe() -> Self {
        if !is_root() {
            return Self::default();
        }
        let iptables = ["iptables", "iptables-legacy"]
            .into_iter()
            .find(|tool| rule(tool, RANDOM_DROP));
        let rule = |target: &str| iptables.is_some_and(|tool| rule(tool, target));
        Self {
            root: true,
            netem: alone("tc qdisc add dev lo root netem delay 1ms"),
            packet_queue: rule("OUTPUT -j NFQUEUE --queue-num 1 --queue-bypass")
                && alone(&super::agent::socket_probe()),
            duplicate: rule("POSTROUTING -t mangle -j TEE --gateway 127.0.0.1"),
            token_bucket: alone("tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 400ms"),
            cgroups: [
                "/sys/fs/cgroup/memory/cgroup.procs",
                "/sys/fs/cgroup/cgroup.procs",
            ]
            .into_iter()
            .any(writable),
            io_throttle: throttles(),
            prlimit: alone("prlimit --pid $$ --nofile --noheadings"),
            mounts: alone("mount --namespace /proc/$$/ns/mnt --version"),
            iptables: iptables.map(str::to_owned),
        }
    }

    /// Why a fault cannot be made here; nothing when it can.
    #[must_use]
    pub fn missing(&self, fault: &DockerFault) -> Option<&'static str> {
        if !self.root && !fault.needs.is_empty() {
            return Some("it takes root: namespaces and control groups of other processes");
        }
        fault.needs.iter().find_map(|need| self.lacks(*need))
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        let (have, why) = match need {
            Need::Iptables => (
                self.iptables.is_some(),
                "no iptables that works (package iptables)",
            ),
            Need::Delay => (
                self.netem || self.packet_queue && self.iptables.is_some(),
                "the kernel has neither netem nor queues for packets (NFQUEUE, with iptables and perl)",
            ),
            Need::Duplicate => (
                self.duplicate,
                "the kernel or iptables cannot copy packets (TEE)",
            ),
            Need::Rate => (
                self.token_bucket,
                "the kernel has no token bucket (tbf), or there is no tc (package iproute2)",
            ),
            Need::Cgroups => (self.cgroups, "control groups cannot be written"),
            Need::IoThrottle => (
                self.io_throttle,
                "control groups of this kernel do not limit block devices",
            ),
            Need::Prlimit => (self.prlimit, "no prlimit (package util-linux)"),
            Need::Mounts => (
                self.mounts,
                "mount cannot enter namespaces (util-linux 2.33 or newer)",
            ),
            Need::WallClock => (
                false,
                "Linux has no namespace for the wall clock; time namespaces shift only the monotonic one, and only of new processes",
            ),
            Need::Load => (true, ""),
        };
        (!have).then_some(why)
    }

    /// Every fault, and what it lacks here.
    #[must_use]
    pub fn availability(&self) -> Vec<Availability> {
        FAULTS
            .iter()
            .map(|fault| Availability {
                fault: fault.id,
                missing: self.missing(fault),
            })
            .collect()
    }

    pub(super) fn require(&self, fault: &DockerFault) -> Result<(), DockerError> {
        match self.missing(fault) {
            Some(why) => Err(DockerError::Impossible(format!(
                "{} cannot be made on this machine: {why}",
                fault.id
            ))),
            None => Ok(()),
        }
    }
}

const RANDOM_DROP: &str = "OUTPUT -m statistic --mode random --probability 0.5 -j DROP";

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|rest| rest.split_whitespace().nth(1)) == Some("0")
}

/// In a network namespace of its own, which ends with the command.
fn alone(script: &str) -> bool {
    Tool::new(["unshare", "--net", "sh", "-c", script])
        .run(None)
        .is_ok()
}

fn rule(tool: &str, rule: &str) -> bool {
    alone(&format!("{tool} -w -A {rule}"))
}

fn writable(path: &str) -> bool {
    std::fs::OpenOptions::new().write(true).open(path).is_ok()
}

fn throttles() -> bool {
    let second = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    Path::new("/sys/fs/cgroup/blkio/blkio.throttle.io_serviced").exists()
        || second.split_whitespace().any(|name| name == "io")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::catalogue;

    #[test]
    fn a_machine_without_anything_can_still_do_what_docker_does() {
        let nothing = Capabilities::default();
        let possible: Vec<&str> = nothing
            .availability()
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
        let latency = catalogue::find("latency").unwrap();
        let root = Capabilities {
            root: true,
            ..Capabilities::default()
        };
        assert!(root.missing(latency).is_some());
        assert_eq!(
            Capabilities {
                netem: true,
                ..root.clone()
            }
            .missing(latency),
            None
        );
        let queue = Capabilities {
            packet_queue: true,
            ..root.clone()
        };
        assert!(
            queue.missing(latency).is_some(),
            "a queue without rules that lead to it"
        );
        assert_eq!(
            Capabilities {
                iptables: Some("iptables".into()),
                ..queue
            }
            .missing(latency),
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
        assert!(
            all.missing(catalogue::find("clock-skew").unwrap())
                .is_some()
        );
    }
}
