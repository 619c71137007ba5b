//! Faults that this machine supports for `operator chaos run --target docker`.

use super::Finding;
use operator_inject::capability::Capabilities;
use std::collections::BTreeMap;

const WHAT: &str = "chaos (docker)";

/// Watching a cluster does not need fault injection, so a missing capability is never an error.
pub(super) fn faults() -> Finding {
    let capabilities = Capabilities::probe();
    let (possible, missing): (Vec<_>, Vec<_>) =
        operator_inject::catalogue::availability(&capabilities)
            .into_iter()
            .partition(|one| one.missing.is_none());
    let delay = if capabilities.netem {
        "network delay by netem"
    } else if capabilities.packet_queue {
        "network delay by packet queues, as the kernel has no netem"
    } else {
        "no network delay"
    };
    let mut detail = format!("{} faults are available, {delay}", possible.len());
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &missing {
        by_reason
            .entry(one.missing.unwrap_or_default())
            .or_default()
            .push(one.fault);
    }
    for (reason, faults) in by_reason {
        detail.push_str(&format!("; unavailable: {} ({reason})", faults.join(", ")));
    }
    // One is missing everywhere: no kernel can shift the clock of a single container.
    if missing.len() <= 1 {
        Finding::good(WHAT, detail)
    } else {
        Finding::poor(WHAT, detail)
    }
}
