//! The capabilities of this machine. Each is tried in a temporary namespace; nothing is assumed.

use super::command::Tool;
use super::{Need, agent};
use serde::Serialize;
use std::path::Path;

/// The capabilities of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// This process may enter namespaces of other processes.
    pub root: bool,
    /// `iptables` or `iptables-legacy`, whichever works.
    pub iptables: Option<String>,
    /// The kernel has netem.
    pub netem: bool,
    /// The kernel can queue packets for programs, and this process can open the queue.
    pub packet_queue: bool,
    /// The kernel can copy packets (TEE).
    pub duplicate: bool,
    /// The kernel has the token bucket filter.
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

impl Capabilities {
    /// Tries every capability, which takes some tens of milliseconds.
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
                && agent::can_open_queue(),
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

    /// Why a fault with these needs cannot be injected on this machine; `None` when it can.
    #[must_use]
    pub fn missing(&self, needs: &[Need]) -> Option<&'static str> {
        if !self.root && !needs.is_empty() {
            return Some(
                "root is required: the fault enters namespaces or control groups of other processes",
            );
        }
        needs.iter().find_map(|need| self.lacks(*need))
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        let (have, why) = match need {
            Need::Iptables => (
                self.iptables.is_some(),
                "no working iptables (package iptables)",
            ),
            Need::Delay => (
                self.netem || self.packet_queue && self.iptables.is_some(),
                "the kernel has neither netem nor packet queues (NFQUEUE, with iptables)",
            ),
            Need::Duplicate => (
                self.duplicate,
                "the kernel or iptables cannot copy packets (TEE)",
            ),
            Need::Rate => (
                self.token_bucket,
                "the kernel has no token bucket filter (tbf), or tc is missing (package iproute2)",
            ),
            Need::Cgroups => (self.cgroups, "control groups are not writable"),
            Need::IoThrottle => (
                self.io_throttle,
                "control groups of this kernel cannot limit block devices",
            ),
            Need::Prlimit => (self.prlimit, "prlimit is missing (package util-linux)"),
            Need::Mounts => (
                self.mounts,
                "mount cannot enter namespaces (util-linux 2.33 or newer)",
            ),
            Need::WallClock => (
                false,
                "Linux has no namespace for the wall clock; time namespaces shift only the monotonic clock, and only for new processes",
            ),
            Need::Load => (true, ""),
        };
        (!have).then_some(why)
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
