//! What a fault requires of the machine.

use serde::Serialize;

/// A capability that a fault requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Packet rules, with the random match.
    Iptables,
    /// netem, or a packet queue with an agent that delays its packets.
    Delay,
    /// The iptables target that copies packets.
    Duplicate,
    /// The token bucket filter.
    Rate,
    /// Writable control groups.
    Cgroups,
    /// Limits of block devices in control groups.
    IoThrottle,
    /// Limits of other processes.
    Prlimit,
    /// Mounting in another mount namespace.
    Mounts,
    /// A clock that can be moved for one container: no kernel has one.
    WallClock,
    /// The load generator, which is checked when the fault is planned.
    Load,
}
