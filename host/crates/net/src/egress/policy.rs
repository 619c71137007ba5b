//! What the configuration grants, in the form in which it is enforced.

use super::header::{ALLOWED_BY_DEFAULT, SHOWN_BY_DEFAULT};
use super::rule::is_like;
use super::{AddressPolicy, Network, Origin, PathRule, RefusalReason};
use crate::ports::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Which targets the observed system itself may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscoveryPolicy {
    /// Networks; empty means the neighbourhood of the granted targets (see [`Network::around`]).
    pub networks: Vec<Network>,
    /// Ports. Services of a cluster listen above the privileged ones.
    pub ports: RangeInclusive<u16>,
}

impl Default for DiscoveryPolicy {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            ports: 1_024..=65_535,
        }
    }
}

/// Bounds of one plugin's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EgressLimits {
    /// HTTP requests of one tick, over all targets. Twenty for each of 250 servers.
    #[schemars(extend("x-unit" = "requests", "x-when-reached" = "the guest receives an error"))]
    pub requests_per_tick_max: u32,
    /// HTTP bodies of one tick, over all targets. 2 MB from each of 250 servers.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the guest receives an error"))]
    pub bytes_per_tick_max: u64,
    /// Requests in flight to one target. A slow server is not flooded.
    #[schemars(extend("x-unit" = "requests", "x-when-reached" = "the others wait"))]
    pub in_flight_per_target_max: usize,
    /// Requests in flight to all targets. Each may hold a body of `body_bytes_max`.
    #[schemars(extend("x-unit" = "requests", "x-when-reached" = "the others wait"))]
    pub in_flight_max: usize,
    /// Targets that the observed system may name.
    #[serde(rename = "discovered_targets_max")]
    #[schemars(extend("x-unit" = "targets", "x-when-reached" = "further ones are refused"))]
    pub discovered_max: usize,
    /// One HTTP body, unless the target sets its own limit. Ten times the largest known exposition.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "it is cut and the guest is informed"))]
    pub body_bytes_max: usize,
    /// One HTTP exchange, unless the target sets its own limit.
    #[schemars(extend("x-unit" = "ms", "x-when-reached" = "it ends with a timeout"))]
    pub request_ms_max: u64,
    /// Request rate to one origin, unless the target sets its own.
    #[serde(flatten)]
    pub rate: Rate,
    /// The audit log of requests, over all its files. Seven hours of thirty requests a second.
    #[schemars(extend("x-unit" = "bytes", "x-when-reached" = "the oldest file is removed"))]
    pub audit_bytes_max: u64,
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
            rate: Rate::default(),
            audit_bytes_max: 256 << 20,
        }
    }
}

/// How fast one origin may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rate {
    /// Sustained request rate to one origin. Ten times what a walk over a large cluster sends to
    /// its head in a tick of one second.
    #[schemars(extend("x-unit" = "requests per second", "x-when-reached" = "the guest receives an error with the time to wait"))]
    pub requests_per_second_max: u32,
    /// Burst of requests to one origin.
    #[schemars(extend("x-unit" = "requests", "x-when-reached" = "the guest receives an error with the time to wait"))]
    pub requests_burst_max: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            requests_per_second_max: 200,
            requests_burst_max: 400,
        }
    }
}

/// What may be asked of a target, and what is sent along. Granted targets have one each; targets that
/// the observed system names get that of the first [`DiscoveryRule`] that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Under which name the port keeps credentials and trust for it.
    pub credentials: Option<String>,
    /// Methods that need no path of their own: GET and HEAD.
    pub methods: Vec<Method>,
    /// Paths that may be asked by POST because they only read; none means no POST.
    pub read_only_posts: Vec<PathRule>,
    /// Paths; none means any.
    pub paths: Vec<PathRule>,
    /// Networks in which the target must be; none means any that is not refused always.
    pub networks: Vec<Network>,
    /// Headers that a plugin may set; `*` at the beginning matches the end of a name.
    pub headers_allowed: Vec<String>,
    /// Headers that are added to every request.
    pub headers_added: Vec<(String, String)>,
    /// Headers of answers that a plugin may see; patterns as above.
    pub headers_shown: Vec<String>,
    /// How fast.
    pub rate: Rate,
    /// The body is cut here, in bytes.
    pub body_bytes_max: usize,
    /// Longest exchange, in milliseconds.
    pub request_ms_max: u64,
}

impl Grant {
    /// Everything that the general limits allow.
    #[must_use]
    pub fn new(limits: &EgressLimits) -> Self {
        Self {
            credentials: None,
            methods: vec![Method::Get, Method::Head],
            read_only_posts: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            headers_allowed: ALLOWED_BY_DEFAULT.map(str::to_owned).to_vec(),
            headers_added: Vec::new(),
            headers_shown: SHOWN_BY_DEFAULT.map(str::to_owned).to_vec(),
            rate: limits.rate,
            body_bytes_max: limits.body_bytes_max,
            request_ms_max: limits.request_ms_max,
        }
    }

    /// Whether it forbids what another grant of the same place would allow.
    pub(super) fn is_restricted(&self) -> bool {
        !self.paths.is_empty() || self.methods.len() < 2
    }

    /// # Errors
    /// Why the question may not be asked.
    pub(super) fn permit(
        &self,
        method: Method,
        path_and_query: &str,
    ) -> Result<(), (RefusalReason, String)> {
        if method == Method::Post {
            return self.permit_post(path_and_query);
        }
        if !self.methods.contains(&method) {
            return Err((
                RefusalReason::Method,
                format!("the method {} is not granted", method.as_str()),
            ));
        }
        if self.paths.is_empty() || self.paths.iter().any(|rule| rule.permits(path_and_query)) {
            return Ok(());
        }
        let rules: Vec<String> = self.paths.iter().map(PathRule::to_string).collect();
        Err((
            RefusalReason::Path,
            format!(
                "the path is outside of those that are granted: {}",
                rules.join(", ")
            ),
        ))
    }

    /// A POST is granted path by path, whatever else is.
    fn permit_post(&self, path_and_query: &str) -> Result<(), (RefusalReason, String)> {
        let mut rules = self.read_only_posts.iter();
        if rules.any(|rule| rule.permits(path_and_query)) {
            return Ok(());
        }
        let why = "the configuration does not list this path under `read_only_posts`";
        Err((RefusalReason::Method, why.to_owned()))
    }
}

/// One named target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetPolicy {
    /// Where it is.
    pub origin: Origin,
    /// What may be requested of it.
    pub grant: Grant,
}

impl TargetPolicy {
    /// A target with the general limits.
    #[must_use]
    pub fn new(origin: Origin, limits: &EgressLimits) -> Self {
        Self {
            origin,
            grant: Grant::new(limits),
        }
    }
}

/// What holds for targets that the observed system names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscoveryRule {
    /// Name of the rule.
    pub name: String,
    /// Names of targets that it is for; `*` stands for any text.
    pub targets: String,
    /// Ports; those of [`DiscoveryPolicy`] where there are none.
    pub ports: Option<RangeInclusive<u16>>,
    /// What may be requested of them. Its networks replace those of [`DiscoveryPolicy`].
    pub grant: Grant,
}

impl DiscoveryRule {
    /// Whether it is for a target of this name.
    pub(super) fn is_for(&self, target: &str) -> bool {
        is_like(self.targets.as_bytes(), target.as_bytes())
    }
}

/// Everything that is granted to one plugin.
#[derive(Debug, Clone)]
pub struct EgressPolicy {
    /// By name.
    pub targets: BTreeMap<String, TargetPolicy>,
    /// For discovered targets; the first that fits is used.
    pub rules: Vec<DiscoveryRule>,
    /// Bounds.
    pub limits: EgressLimits,
    /// Which addresses may be connected to; the HTTP port uses the same policy.
    pub addresses: Arc<AddressPolicy>,
}

impl EgressPolicy {
    /// The policy for these targets.
    #[must_use]
    pub fn new(
        targets: BTreeMap<String, TargetPolicy>,
        discovery: DiscoveryPolicy,
        limits: EgressLimits,
    ) -> Self {
        Self::with_others(targets, None, discovery, limits)
    }

    /// The policy for these targets. `others` are origins that the operator itself queries, which
    /// no plugin can name.
    #[must_use]
    pub fn with_others(
        targets: BTreeMap<String, TargetPolicy>,
        others: impl IntoIterator<Item = Origin>,
        discovery: DiscoveryPolicy,
        limits: EgressLimits,
    ) -> Self {
        let granted = targets
            .values()
            .map(|target| (target.origin.clone(), Some(&target.grant)));
        let addresses = AddressPolicy::with_grants(
            granted.chain(others.into_iter().map(|origin| (origin, None))),
            discovery,
        );
        Self {
            rules: Vec::new(),
            limits,
            addresses: Arc::new(addresses),
            targets,
        }
    }

    /// The same with rules for discovered targets.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<DiscoveryRule>) -> Self {
        self.rules = rules;
        self
    }
}
