//! What the configuration grants, in the form in which it is enforced.

use super::header::ALLOWED_BY_DEFAULT;
use super::{AddressPolicy, Network, Origin};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Which targets the observed system itself may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryPolicy {
    /// Networks; empty means the neighbourhood of the granted targets (see [`Network::around`]).
    pub networks: Vec<Network>,
    /// Ports. Services of a cluster listen above the privileged ones.
    pub ports: RangeInclusive<u16>,
}

impl Default for DiscoveryPolicy {
    fn default() -> Self {
        Self { networks: Vec::new(), ports: 1_024..=65_535 }
    }
}

/// Bounds of one plugin's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressLimits {
    /// Requests in one tick, over all targets: twenty for each of 250 servers.
    pub requests_per_tick_max: u32,
    /// Bytes of bodies in one tick, over all targets: 2 MB from each of 250 servers.
    pub bytes_per_tick_max: u64,
    /// Requests in flight to one target, so that a slow server is not buried.
    pub in_flight_per_target_max: usize,
    /// Requests in flight in all; each may hold a body of `body_bytes_max`.
    pub in_flight_max: usize,
    /// Targets that a plugin may add.
    pub discovered_max: usize,
    /// Bytes of one body, unless the target says otherwise: ten times the largest known exposition.
    pub body_bytes_max: usize,
    /// Longest exchange, in milliseconds, unless the target says otherwise.
    pub request_ms_max: u64,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            requests_per_tick_max: 5_000,
            bytes_per_tick_max: 512 << 20,
            in_flight_per_target_max: 4,
            in_flight_max: 32,
            discovered_max: 1_024,
            body_bytes_max: 16 << 20,
            request_ms_max: 5_000,
        }
    }
}

/// One named target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPolicy {
    /// Where it is.
    pub origin: Origin,
    /// Headers that a plugin may set; `*` at the beginning matches the end of a name.
    pub headers_allowed: Vec<String>,
    /// Headers that are added to every request.
    pub headers_added: Vec<(String, String)>,
    /// The body is cut here, in bytes.
    pub body_bytes_max: usize,
    /// Longest exchange, in milliseconds.
    pub request_ms_max: u64,
}

impl TargetPolicy {
    /// A target with the general limits.
    #[must_use]
    pub fn new(origin: Origin, limits: &EgressLimits) -> Self {
        Self {
            origin,
            headers_allowed: ALLOWED_BY_DEFAULT.map(str::to_owned).to_vec(),
            headers_added: Vec::new(),
            body_bytes_max: limits.body_bytes_max,
            request_ms_max: limits.request_ms_max,
        }
    }
}

/// Everything that is granted to one plugin.
#[derive(Debug, Clone)]
pub struct EgressPolicy {
    /// By name.
    pub targets: BTreeMap<String, TargetPolicy>,
    /// Bounds.
    pub limits: EgressLimits,
    /// Which addresses may be connected to; the HTTP port asks the same policy.
    pub addresses: Arc<AddressPolicy>,
}

impl EgressPolicy {
    /// The policy for these targets.
    #[must_use]
    pub fn new(targets: BTreeMap<String, TargetPolicy>, discovery: DiscoveryPolicy, limits: EgressLimits) -> Self {
        Self::with_others(targets, None, discovery, limits)
    }

    /// The policy for these targets. `others` are origins that the operator itself asks, which no
    /// plugin can name.
    #[must_use]
    pub fn with_others(
        targets: BTreeMap<String, TargetPolicy>,
        others: impl IntoIterator<Item = Origin>,
        discovery: DiscoveryPolicy,
        limits: EgressLimits,
    ) -> Self {
        let granted = targets.values().map(|target| target.origin.clone()).chain(others).collect();
        Self { targets, limits, addresses: Arc::new(AddressPolicy::new(granted, discovery)) }
    }
}
