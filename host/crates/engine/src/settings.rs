//! What the operator was asked to do, typed and checked: every bound, target and plugin of one run.

mod limits;
mod target;

pub use limits::Limits;
pub use target::{GrantSettings, RuleSettings, TargetSettings};

use operator_net::egress::{DiscoveryPolicy, EgressPolicy, Origin};
use operator_net::ports::http::OriginSettings;
use operator_net::ports::real::RealWorld;
use operator_plugin_host::{PluginLimits, TrustPolicy};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that a command needs to know. Command line over file over defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The subject: path of a component, or the name of an embedded one.
    pub plugin: PathBuf,
    /// Passed to the subject's `configure` as it is; always a JSON object.
    pub plugin_config: serde_json::Value,
    /// Granted targets by name.
    pub targets: BTreeMap<String, TargetSettings>,
    /// What the observed system itself may name.
    pub discovery: DiscoveryPolicy,
    /// What holds for targets that it names, by the name of the rule.
    pub discovered: BTreeMap<String, RuleSettings>,
    /// A Prometheus that answers PromQL for subjects.
    pub prometheus: Option<Origin>,
    /// Directories and files of check plugins.
    pub invariants: Vec<PathBuf>,
    /// Start without check plugins that cannot be used, with a warning, instead of failing.
    pub leave_out_unusable_modules: bool,
    /// Where the decision log and the tickets are kept.
    pub data: PathBuf,
    /// Log files by name.
    pub logs: BTreeMap<String, PathBuf>,
    /// Read logs from their beginning instead of from now.
    pub logs_from_start: bool,
    /// Every bound.
    pub limits: Limits,
    /// Bounds of plugins.
    pub plugin_limits: PluginLimits,
    /// Which plugins may run.
    pub trust: TrustPolicy,
    /// Time from one tick to the next, in milliseconds of the operator's clock.
    pub tick_interval_ms: u64,
    /// Record everything into this new file.
    pub record: Option<PathBuf>,
    /// Where the operator's own metrics are served; nowhere unless asked for.
    pub metrics_listen: Option<SocketAddr>,
}

/// A credential or certificate file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{section}]: {reason}")]
pub struct CredentialError {
    /// The section of the configuration that names the file.
    pub section: String,
    /// What is wrong with the file.
    pub reason: String,
}

impl Settings {
    /// The defaults for this subject.
    #[must_use]
    pub fn new(plugin: PathBuf) -> Self {
        Self {
            plugin,
            plugin_config: serde_json::json!({}),
            targets: BTreeMap::new(),
            discovery: DiscoveryPolicy::default(),
            discovered: BTreeMap::new(),
            prometheus: None,
            invariants: Vec::new(),
            leave_out_unusable_modules: false,
            data: PathBuf::from("operator-data"),
            logs: BTreeMap::new(),
            logs_from_start: false,
            limits: Limits::default(),
            plugin_limits: PluginLimits::default(),
            trust: TrustPolicy::default(),
            tick_interval_ms: 1_000,
            record: None,
            metrics_listen: None,
        }
    }

    /// What the subject may reach. Build it once: it also learns where granted names are.
    #[must_use]
    pub fn egress_policy(&self) -> EgressPolicy {
        let limits = &self.limits.egress;
        let targets = self
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), target.policy(name, limits)))
            .collect();
        let rules = self
            .discovered
            .iter()
            .map(|(name, rule)| rule.policy(name, limits))
            .collect();
        EgressPolicy::with_others(
            targets,
            self.prometheus.clone(),
            self.discovery.clone(),
            limits.clone(),
        )
        .with_rules(rules)
    }

    /// What the real ports need, with credentials read from their files.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub fn real_world(&self, policy: &EgressPolicy) -> Result<RealWorld, Vec<CredentialError>> {
        let mut errors = Vec::new();
        let targets = self
            .targets
            .iter()
            .map(|(name, target)| (target::target_section(name), &target.grant));
        let rules = self
            .discovered
            .iter()
            .map(|(name, rule)| (target::rule_section(name), &rule.grant));
        let mut credentials: BTreeMap<String, OriginSettings> = BTreeMap::new();
        for (section, grant) in targets.chain(rules) {
            let settings = grant.read_files(&section, &mut errors);
            credentials.insert(section, settings);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(RealWorld {
            addresses: Arc::clone(&policy.addresses),
            credentials,
            logs: self.logs.clone(),
            logs_from_start: self.logs_from_start,
        })
    }
}
