//! What this machine offers to `operator chaos run --target docker`.

use super::Finding;
use operator_chaos::docker::capability::Capabilities;

const WHAT: &str = "chaos in docker";

/// Nobody needs it to watch: what is missing is never wrong, only said.
pub(super) fn faults() -> Finding {
    let capabilities = Capabilities::probe();
    let (possible, missing): (Vec<_>, Vec<_>) =
        capabilities.availability().into_iter().partition(|one| one.missing.is_none());
    let delay = if capabilities.netem {
        "delay by netem"
    } else if capabilities.packet_queue {
        "delay by packet queues, as the kernel has no netem"
    } else {
        "no delay"
    };
    let mut detail = format!("{} faults can be made here, {delay}", possible.len());
    for one in &missing {
        detail.push_str(&format!("; not {}: {}", one.fault, one.missing.unwrap_or_default()));
    }
    // One is missing everywhere: no kernel can move the clock of one container.
    if missing.len() <= 1 { Finding::good(WHAT, detail) } else { Finding::poor(WHAT, detail) }
}
