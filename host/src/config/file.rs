//! `operator.toml` as types: the only place where a key is written. The JSON Schema, the checks, the
//! reference page and the defaults come from here and from the types of the limits.

use super::notation::{HeaderName, Parsed, Ports};
use operator_engine::settings::{Limits, Settings};
use operator_net::egress::{DiscoveryPolicy, Network, Origin, PathRule};
use operator_net::ports::Method;
use operator_plugin_host::{PluginLimits, Requirement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Configuration of the operator. Relative paths are relative to the file.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    /// The subject plugin.
    pub(super) subject: SubjectSection,
    /// Targets by name. Plugins only know the name.
    #[schemars(extend("propertyNames" = {"format": "plain-name"}))]
    pub(super) targets: BTreeMap<String, TargetSection>,
    /// Targets that the observed system may name.
    pub(super) discovery: DiscoverySection,
    /// Rules for discovered targets, by the name of the rule.
    #[schemars(extend("propertyNames" = {"format": "plain-name"}))]
    pub(super) discovered: BTreeMap<String, DiscoveredSection>,
    /// A Prometheus server.
    pub(super) prometheus: PrometheusSection,
    /// The checks.
    pub(super) invariants: ChecksSection,
    /// Which plugins may run. Without this section, any; an empty section requires signatures.
    pub(super) trust: Option<TrustSection>,
    /// The data directory.
    pub(super) data: DataSection,
    /// Paths of log files, under the names by which the plugin knows them.
    #[schemars(extend("propertyNames" = {"format": "plain-name"}))]
    pub(super) logs: BTreeMap<String, PathBuf>,
    /// The running daemon.
    pub(super) run: RunSection,
    /// Limits of traffic, series and history.
    pub(super) limits: Limits,
    /// Limits of plugins.
    pub(super) plugin_limits: PluginLimits,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SubjectSection {
    /// Path of the subject plugin.
    pub(super) plugin: Option<PathBuf>,
    /// Passed to the subject plugin as a JSON object.
    pub(super) config: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct TargetSection {
    /// `http://host:port` or `https://host:port`.
    pub(super) url: Parsed<Origin>,
    #[serde(flatten)]
    pub(super) grant: GrantKeys,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct DiscoveredSection {
    /// Names of discovered targets to which the rule applies; `*` stands for any text.
    #[serde(default = "any_name")]
    pub(super) targets: String,
    /// Ports of these targets instead of `discovery.ports`.
    #[serde(default)]
    pub(super) ports: Option<Parsed<Ports>>,
    #[serde(flatten)]
    pub(super) grant: GrantKeys,
}

/// Keys that `[targets.NAME]` and `[discovered.RULE]` have in common.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct GrantKeys {
    /// Methods that may be used; without it, GET and HEAD.
    pub(super) methods: Vec<Parsed<Method>>,
    /// Paths that may be asked by POST because they only read, as in the APIs of etcd and
    /// Elasticsearch; without it, none. They need not be listed under `paths`.
    pub(super) read_only_posts: Vec<Parsed<PathRule>>,
    /// Paths that may be requested: `*` within a segment, `**` for any rest; without it, all.
    pub(super) paths: Vec<Parsed<PathRule>>,
    /// Networks (CIDR) in which every address of the name must lie.
    pub(super) networks: Vec<Parsed<Network>>,
    /// Headers added to every request.
    #[schemars(extend("propertyNames" = {"format": "header-name"}))]
    pub(super) headers: BTreeMap<String, String>,
    /// Headers added to every request, with files that hold their values.
    #[schemars(extend("propertyNames" = {"format": "header-name"}))]
    pub(super) header_files: BTreeMap<String, PathBuf>,
    /// Headers that the plugin may set; replaces the default list.
    pub(super) allow_headers: Option<Vec<Parsed<HeaderName>>>,
    /// Response headers that the plugin may read; replaces the default list.
    pub(super) show_headers: Option<Vec<String>>,
    /// File with a bearer token.
    pub(super) bearer_file: Option<PathBuf>,
    /// File with `USER:PASSWORD`.
    pub(super) basic_file: Option<PathBuf>,
    /// PEM certificates to trust instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// PEM certificate for mutual TLS; needs `client_key_file`.
    pub(super) client_cert_file: Option<PathBuf>,
    /// PEM private key of that certificate.
    pub(super) client_key_file: Option<PathBuf>,
    /// Sustained request rate, in requests per second, instead of the one in `[limits]`.
    pub(super) requests_per_second_max: Option<u32>,
    /// Burst of requests, instead of the one in `[limits]`.
    pub(super) requests_burst_max: Option<u32>,
    /// Bytes at which a body is cut, instead of the limit in `[limits]`.
    pub(super) body_bytes_max: Option<usize>,
    /// Longest exchange in milliseconds, instead of the limit in `[limits]`.
    pub(super) request_ms_max: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DiscoverySection {
    /// Networks (CIDR) in which the observed system may name further targets. Without it, the
    /// networks around the granted targets.
    pub(super) networks: Vec<Parsed<Network>>,
    /// Ports of such targets.
    pub(super) ports: Option<Parsed<Ports>>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PrometheusSection {
    /// A Prometheus that evaluates PromQL for the subject plugin.
    pub(super) url: Option<Parsed<Origin>>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ChecksSection {
    /// Directories or files of check plugins. Without it, `invariants` next to the subject plugin.
    pub(super) dirs: Vec<PathBuf>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TrustSection {
    /// What a plugin needs: `signature` (the default), `lock`, `signature-and-lock` or `nothing`.
    pub(super) require: Option<Parsed<Requirement>>,
    /// Digests of plugins, written by `operator plugin lock`.
    pub(super) lock_file: Option<PathBuf>,
    /// Paths of public keys by name.
    #[schemars(extend("propertyNames" = {"format": "plain-name"}))]
    pub(super) keys: BTreeMap<String, PathBuf>,
    /// Rules for single plugins: `[trust.plugins.NAME]` is the rule for `NAME.wasm`.
    #[schemars(extend("propertyNames" = {"format": "plain-name"}))]
    pub(super) plugins: BTreeMap<String, TrustedPluginSection>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TrustedPluginSection {
    /// Requirement for this plugin instead of `trust.require`.
    pub(super) require: Option<Parsed<Requirement>>,
    /// Names of the keys that may sign it; without it, any known key.
    pub(super) signers: Option<Vec<String>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DataSection {
    /// Where the decision log and the tickets are stored.
    pub(super) dir: PathBuf,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RunSection {
    /// Time from one tick to the next, in milliseconds.
    #[schemars(extend("x-unit" = "ms"))]
    pub(super) tick_interval_ms: u64,
    /// `ADDRESS:PORT` at which the operator's own metrics are served; without it, nowhere.
    pub(super) metrics_listen: Option<Parsed<SocketAddr>>,
    /// Read logs from their beginning instead of from now.
    pub(super) logs_from_start: bool,
}

fn any_name() -> String {
    "*".to_owned()
}

impl Default for DiscoverySection {
    fn default() -> Self {
        let ports = DiscoveryPolicy::default().ports;
        let ports = format!("{}-{}", ports.start(), ports.end());
        Self {
            networks: Vec::new(),
            ports: Parsed::new(ports).ok(),
        }
    }
}

impl Default for DataSection {
    fn default() -> Self {
        Self {
            dir: Settings::new(PathBuf::new()).data,
        }
    }
}

impl Default for RunSection {
    fn default() -> Self {
        let settings = Settings::new(PathBuf::new());
        Self {
            tick_interval_ms: settings.tick_interval_ms,
            metrics_listen: None,
            logs_from_start: settings.logs_from_start,
        }
    }
}
