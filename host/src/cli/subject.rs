//! Flags that say what to watch, and what follows from them.

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
    /// Component that knows the system: path of a .wasm file
    #[arg(long, env = "OPERATOR_PLUGIN", value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Configuration file; flags win over it
    #[arg(long, env = "OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Target that the plugin may ask, by its name; may be repeated
    #[arg(
        long,
        env = "OPERATOR_TARGET",
        value_name = "NAME=URL",
        value_delimiter = ','
    )]
    target: Vec<String>,
    /// Prometheus that answers PromQL for the plugin
    #[arg(long, env = "OPERATOR_PROMETHEUS", value_name = "URL")]
    prometheus: Option<String>,
    /// Directory or file of checks; may be repeated [default: `invariants` beside the plugin]
    #[arg(
        long,
        env = "OPERATOR_INVARIANTS",
        value_name = "DIR",
        value_delimiter = ','
    )]
    invariants: Vec<PathBuf>,
    /// Log file that the plugin may read, by its name; may be repeated
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

/// Where compiled code is kept.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CacheArgs {
    /// Directory for compiled components [default: ~/.cache/operator]
    #[arg(long, env = "OPERATOR_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl SubjectArgs {
    /// Whether anything was said about what to watch.
    pub(super) fn names_something(&self) -> bool {
        self.plugin.is_some() || self.config.is_some()
    }

    /// The checked configuration.
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
            settings.invariants = vec![beside(&settings.plugin)];
        }
        Ok(settings)
    }

    /// The same, with the checks of an installation in place of those of every tick, unless a flag names others.
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
    /// The engine, with its cache where that can be used.
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
                tracing::warn!(%error, "Compiled components will not be kept.");
                without(limits)
            }
        }
    }

    /// Where compiled code goes; `None` when the machine has no place for it.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.cache
            .clone()
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache/operator")))
    }
}

/// Everything that a command needs to observe the real world.
pub(super) struct Real {
    pub(super) settings: Settings,
    pub(super) engine: Engine,
    pub(super) ports: Ports,
    policy: EgressPolicy,
}

impl Real {
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

/// Lines about what takes time, for a person who waits.
pub(super) fn progress_on_stderr(console: &Console) -> impl FnMut(String) + Send + use<> {
    let shown = console.terminal && !console.json;
    move |line| {
        if shown {
            console::note(&line);
        }
    }
}

/// Where checks are when nobody says so. Loading says when they are not there, after it has looked at the plugin:
/// a plugin that is wrong is the better message.
fn beside(plugin: &Path) -> PathBuf {
    plugin.parent().unwrap_or(Path::new("")).join("invariants")
}
