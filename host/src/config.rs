//! What the user wrote, checked once: command line and `operator.toml`.
//!
//! A wrong configuration is reported as a whole: every unknown key with the nearest known one, every
//! value of the wrong kind, each with its file and line. What comes out of here is typed and checked;
//! nothing later parses text of the user again.

mod bounds;
mod document;
mod error;
mod limits;
mod read;
mod schema;
mod target;

pub use bounds::{InForce, limits_in_force, limits_table};
pub use error::{ConfigError, ConfigErrors, Place};
pub use limits::Limits;
pub use schema::reference;
pub use target::{GrantSettings, RuleSettings, TargetSettings};

use crate::egress::{DiscoveryPolicy, EgressPolicy, Origin};
use crate::plugin::{PluginLimits, TrustPolicy};
use crate::ports::http::OriginSettings;
use crate::ports::real::RealWorld;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
    /// Directories and files of invariant modules.
    pub invariants: Vec<PathBuf>,
    /// Go on without modules that cannot be used, and say why, instead of refusing to start.
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

/// What the command line says; it wins over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CliOverrides {
    /// `--plugin`
    pub plugin: Option<PathBuf>,
    /// `--target NAME=URL`, added to those of the file; a name of the file is replaced.
    pub targets: Vec<String>,
    /// `--prometheus`
    pub prometheus: Option<String>,
    /// `--invariants`; any replaces all of the file.
    pub invariants: Vec<PathBuf>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--log NAME=PATH`, as `--target`.
    pub logs: Vec<String>,
    /// `--tick-interval-ms`
    pub tick_interval_ms: Option<u64>,
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
    pub fn real_world(&self, policy: &EgressPolicy) -> Result<RealWorld, ConfigErrors> {
        let mut errors = ConfigErrors::default();
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
        errors.or(RealWorld {
            addresses: Arc::clone(&policy.addresses),
            credentials,
            logs: self.logs.clone(),
            logs_from_start: self.logs_from_start,
        })
    }
}

/// Reads and checks the configuration.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(file: Option<&Path>, overrides: CliOverrides) -> Result<Settings, ConfigErrors> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            ConfigErrors::one(
                path.display().to_string().as_str(),
                format!("cannot be read: {error}"),
            )
        })?,
        None => String::new(),
    };
    read::settings(file, &text, overrides)
}
