//! What this machine offers to `operator chaos run --target docker`.

use super::Finding;
use operator_inject::capability::Capabilities;
use std::collections::BTreeMap;

const WHAT: &str = "chaos in docker";

/// Nobody needs it to watch: what is missing is never wrong, only said.
pub(super) fn faults() -> Finding {
    let capabilities = Capabilities::probe();
    let (possible, missing): (Vec<_>, Vec<_>) =
        operator_inject::catalogue::availability(&capabilities)
            .into_iter()
            .partition(|one| one.missing.is_none());
    let delay = if capabilities.netem {
        "delay by netem"
    } else if capabilities.packet_queue {
        "delay by packet queues, as the kernel has no netem"
    } else {
        "no delay"
    };
    let mut detail = format!("{} faults can be made here, {delay}", possible.len());
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &missing {
        by_reason
            .entry(one.missing.unwrap_or_default())
            .or_default()
            .push(one.fault);
    }
    for (reason, faults) in by_reason {
        detail.push_str(&format!("; not {}: {reason}", faults.join(", ")));
    }
    // One is missing everywhere: no kernel can move the clock of one container.
    if missing.len() <= 1 {
        Finding::good(WHAT, detail)
    } else {
        Finding::poor(WHAT, detail)
    }
}
