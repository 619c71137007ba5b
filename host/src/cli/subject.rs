//! Flags that select what to watch, and the settings built from them.

use super::console::{self, Console};
use crate::config;
use crate::config::CliOverrides;
use crate::exit::{Exit, Failure};
use operator_engine::settings::Settings;
use operator_engine::tick::{Assembly, assemble};
use operator_net::egress::EgressPolicy;
use operator_net::ports::Ports;
use operator_net::ports::real::{RealClock, real_ports};
use operator_plugin_host::{Engine, PluginLimits};
use std::path::{Path, PathBuf};

/// What to watch.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What to watch")]
pub(super) struct SubjectArgs {
    /// Subject plugin for the system to watch: a .wasm component
    #[arg(long, env = "OPERATOR_PLUGIN", value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Configuration file; flags take precedence
    #[arg(long, env = "OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Named target that the plugin may query; repeatable
    #[arg(
        long,
        env = "OPERATOR_TARGET",
        value_name = "NAME=URL",
        value_delimiter = ','
    )]
    target: Vec<String>,
    /// Prometheus server for the PromQL queries of plugins
    #[arg(long, env = "OPERATOR_PROMETHEUS", value_name = "URL")]
    prometheus: Option<String>,
    /// Check plugin or directory of check plugins; repeatable [default: `invariants` next to the plugin]
    #[arg(
        long,
        env = "OPERATOR_INVARIANTS",
        value_name = "DIR",
        value_delimiter = ','
    )]
    invariants: Vec<PathBuf>,
    /// Named log file that the plugin may read; repeatable
    #[arg(
        long,
        env = "OPERATOR_LOG",
        value_name = "NAME=FILE",
        value_delimiter = ','
    )]
    log: Vec<String>,
    #[command(flatten)]
    pub(super) cache: CacheArgs,
}

/// Location of compiled code.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CacheArgs {
    /// Cache directory for compiled components [default: ~/.cache/operator]
    #[arg(long, env = "OPERATOR_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl SubjectArgs {
    /// Whether a flag selects what to watch.
    pub(super) fn names_something(&self) -> bool {
        self.plugin.is_some() || self.config.is_some()
    }

    /// The validated configuration.
    pub(super) fn settings(
        &self,
        data: Option<&Path>,
        tick_interval_ms: Option<u64>,
    ) -> Result<Settings, Failure> {
        let overrides = CliOverrides {
            plugin: self.plugin.clone(),
            targets: self.target.clone(),
            prometheus: self.prometheus.clone(),
            invariants: self.invariants.clone(),
            data: data.map(Path::to_owned),
            logs: self.log.clone(),
            tick_interval_ms,
        };
        let mut settings = config::load(self.config.as_deref(), overrides).map_err(wrong_config)?;
        if settings.invariants.is_empty() {
            settings.invariants = vec![default_checks(&settings.plugin)];
        }
        Ok(settings)
    }

    /// The same with the deployment checks instead of the regular ones, unless a flag names others.
    pub(super) fn settings_for_verification(&self) -> Result<Settings, Failure> {
        let mut settings = self.settings(None, None)?;
        if self.invariants.is_empty() {
            settings.invariants = vec![
                settings
                    .plugin
                    .parent()
                    .unwrap_or(Path::new(""))
                    .join("deployment"),
            ];
        }
        Ok(settings)
    }
}

impl CacheArgs {
    /// The engine, with its cache if usable.
    pub(super) fn engine(&self, limits: &PluginLimits) -> Result<Engine, Failure> {
        let without = |limits| {
            Engine::new(limits).map_err(|error| Failure::new(Exit::Config, error.to_string()))
        };
        let Some(directory) = self.directory() else {
            return without(limits);
        };
        match Engine::with_cache(limits, &directory) {
            Ok(engine) => Ok(engine),
            Err(error) => {
                tracing::warn!(%error, "The code cache is unavailable; components are compiled at every start.");
                without(limits)
            }
        }
    }

    /// Cache directory; `None` without a home directory.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.cache
            .clone()
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache/operator")))
    }
}

/// Everything that a command needs to observe a real system.
pub(super) struct LiveSystem {
    pub(super) settings: Settings,
    pub(super) engine: Engine,
    pub(super) ports: Ports,
    policy: EgressPolicy,
}

impl LiveSystem {
    pub(super) fn new(settings: Settings, cache: &CacheArgs) -> Result<Self, Failure> {
        let policy = settings.egress_policy();
        let world = settings
            .real_world(&policy)
            .map_err(|errors| wrong_config(errors.into()))?;
        let engine = cache
            .engine(&settings.plugin_limits)?
            .trusting(settings.trust.clone());
        Ok(Self {
            engine,
            ports: real_ports(world),
            policy,
            settings,
        })
    }

    pub(super) async fn assemble(
        &self,
        progress: &mut (dyn FnMut(String) + Send),
    ) -> Result<Assembly, Failure> {
        assemble(
            &self.settings,
            self.policy.clone(),
            &self.ports,
            &self.engine,
            &RealClock,
            progress,
        )
        .await
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))
    }
}

pub(super) fn wrong_config(errors: config::ConfigErrors) -> Failure {
    Failure::new(Exit::Config, errors.to_string())
}

/// Progress lines on stderr, on a terminal only.
pub(super) fn progress_on_stderr(console: &Console) -> impl FnMut(String) + Send + use<> {
    let shown = console.terminal && !console.json;
    move |line| {
        if shown {
            console::note(&line);
        }
    }
}

/// Default location of check plugins. Whether it exists is checked when loading, after the subject plugin: an
/// error about the subject plugin is the more useful message.
fn default_checks(plugin: &Path) -> PathBuf {
    plugin.parent().unwrap_or(Path::new("")).join("invariants")
}
