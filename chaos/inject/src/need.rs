//! What a fault requires of the machine.

use serde::Serialize;

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
