//! `operator plugin list`: each plugin as hot (in use), warm (compiled) or cold.
//!
//! Without a running operator nothing is hot: the list comes from the configuration, the files and the
//! cache of compiled code. A running one adds what it has in use.

use super::control::live;
use super::unusable;
use crate::cli::Console;
use crate::cli::subject::SubjectArgs;
use crate::console::render::bytes;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_check::{ModuleStatus, Role, Temperature, module_files};
use operator_engine::settings::Settings;
use operator_model::Digest;
use operator_plugin_host::{
    Engine, PluginLimits, WarmCode, World, inspect, plugin_name, read_component,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Default data directory of `operator run`.
const DATA_DEFAULT: &str = "operator-data";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Data directory of the running operator to query [default: operator-data]
    #[arg(long, env = "OPERATOR_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// One version of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PluginEntry {
    /// Stem of the plugin's file.
    pub(crate) plugin: String,
    /// Path; absent for versions of which only compiled code is left.
    pub(crate) file: Option<String>,
    /// Its world, when the file is readable.
    pub(crate) world: Option<World>,
    /// sha256 of the component.
    pub(crate) digest: Digest,
    /// How fast it can start.
    pub(crate) warmth: Warmth,
    /// Role in the running operator.
    pub(crate) role: Option<Role>,
    /// Instances created by the running operator.
    pub(crate) instances: u64,
    /// Size of the cached compiled code, in bytes.
    pub(crate) code_bytes: Option<u64>,
    /// Compile time, in milliseconds.
    pub(crate) compile_ms: Option<u64>,
    /// Never evicted: kept for a rollback.
    pub(crate) pinned: bool,
    /// Why the file is unusable.
    pub(crate) unusable: Option<String>,
}

/// How fast a plugin can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Warmth {
    /// Linked in a running operator: an instance takes microseconds.
    Hot,
    /// Compiled: loading it from the cache takes less than a millisecond.
    Warm,
    /// Must be compiled first.
    Cold,
}

pub(super) async fn run(args: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let settings = args.subject.settings(args.data.as_deref(), None);
    let data = match (&args.data, &settings) {
        (Some(data), _) => data.clone(),
        (None, Ok(settings)) => settings.data.clone(),
        (None, Err(_)) => PathBuf::from(DATA_DEFAULT),
    };
    let live = live(&data).await?;
    let (limits, files) = match (settings, &live) {
        (Ok(settings), _) => (settings.plugin_limits.clone(), configured(settings)?),
        // A running operator reports its own files.
        (Err(_), Some(live)) if !args.subject.names_something() => {
            (PluginLimits::default(), sources(live))
        }
        (Err(error), _) => return Err(error),
    };
    let engine = args.subject.cache.engine(&limits)?;
    let listed = listed(&engine, &files, live.as_deref().unwrap_or_default());
    if console.json {
        console.value(&listed)?;
    } else {
        console.line(&human(&listed))?;
    }
    Ok(Exit::Success)
}

fn configured(settings: Settings) -> Result<Vec<PathBuf>, Failure> {
    let modules = module_files(&settings.invariants)
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    Ok(std::iter::once(settings.plugin).chain(modules).collect())
}

fn sources(live: &[ModuleStatus]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = live
        .iter()
        .map(|status| PathBuf::from(&status.source))
        .collect();
    files.dedup();
    files
}

/// Every file, then the versions of which only code is left. `live` is what a running operator has.
pub(crate) fn listed(
    engine: &Engine,
    files: &[PathBuf],
    live: &[ModuleStatus],
) -> Vec<PluginEntry> {
    let warm = engine.warm_code();
    let mut all: Vec<PluginEntry> = files
        .iter()
        .map(|file| of_file(file, engine.limits(), &warm, live))
        .collect();
    for code in &warm {
        if !all.iter().any(|listed| listed.digest == code.digest) {
            all.push(with_warmth(
                &code.plugin,
                code.digest.clone(),
                Some(code),
                live,
            ));
        }
    }
    for status in live {
        let digest = Digest::from(status.digest.as_str());
        if !all.iter().any(|listed| listed.digest == digest) {
            all.push(with_warmth(plugin_name(&status.source), digest, None, live));
        }
    }
    all
}

fn of_file(
    file: &Path,
    limits: &PluginLimits,
    warm: &[WarmCode],
    live: &[ModuleStatus],
) -> PluginEntry {
    let name = file.display().to_string();
    let seen =
        read_component(file, limits).and_then(|component| inspect(&name, &component, limits));
    let digest = seen
        .as_ref()
        .map(|seen| seen.digest.clone())
        .unwrap_or_else(|_| Digest(String::new()));
    let code = warm.iter().find(|code| code.digest == digest);
    let mut listed = with_warmth(plugin_name(&name), digest, code, live);
    listed.world = seen.as_ref().ok().map(|seen| seen.world);
    listed.unusable = seen.err().map(|error| unusable(&error).message);
    listed.file = Some(name);
    listed
}

fn with_warmth(
    plugin: &str,
    digest: Digest,
    code: Option<&WarmCode>,
    live: &[ModuleStatus],
) -> PluginEntry {
    let in_use = live.iter().find(|status| status.digest == digest.as_str());
    let warmth = match (in_use.map(|status| status.temperature), code) {
        (Some(Temperature::Hot), _) => Warmth::Hot,
        (Some(Temperature::Warm), _) | (None, Some(_)) => Warmth::Warm,
        (None, None) => Warmth::Cold,
    };
    PluginEntry {
        plugin: plugin.to_owned(),
        file: None,
        world: None,
        digest,
        warmth,
        role: in_use.map(|status| status.role),
        instances: in_use.map_or(0, |status| status.instances),
        code_bytes: code.map(|code| code.code_bytes),
        compile_ms: code.map(|code| code.compile_ms),
        pinned: code.is_some_and(|code| code.pinned),
        unusable: None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes for people have three digits"
)]
pub(crate) fn human(all: &[PluginEntry]) -> String {
    let row = |listed: &PluginEntry| {
        let warmth = match listed.warmth {
            Warmth::Hot => format!("hot ({} instances)", listed.instances),
            Warmth::Warm => "warm".to_owned(),
            Warmth::Cold => "cold".to_owned(),
        };
        let code = listed
            .code_bytes
            .map(|size| format!("{} of code", bytes(size as f64)))
            .unwrap_or_default();
        let digest = listed.digest.as_str().get(..12).unwrap_or("-");
        let state = match listed.role {
            Some(Role::Shadow) => "candidate version (rollout in progress)",
            _ if listed.pinned => "previous version, kept for rollback",
            _ => "previous version",
        };
        let file = listed.file.as_deref().unwrap_or(state);
        let unusable = listed
            .unusable
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        [
            listed.plugin.clone(),
            digest.to_owned(),
            warmth,
            code,
            format!("{file}{unusable}"),
        ]
    };
    table::aligned(0, all.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(digest: &str) -> WarmCode {
        WarmCode {
            plugin: "disk".to_owned(),
            digest: Digest::from(digest),
            code_bytes: 7,
            compile_ms: 1,
            uses: 0,
            pinned: true,
        }
    }

    fn status(digest: &str, role: Role, temperature: Temperature) -> ModuleStatus {
        ModuleStatus {
            source: "checks/disk.wasm".to_owned(),
            name: "disk".to_owned(),
            version: "1.0.0".to_owned(),
            digest: digest.to_owned(),
            checks: 1,
            role,
            temperature,
            instances: 5,
        }
    }

    #[test]
    fn a_version_is_hot_only_where_that_version_is_in_use() {
        let live = [
            status("b", Role::Judges, Temperature::Hot),
            status("d", Role::Before, Temperature::Warm),
        ];
        let of = |digest: &str, code: Option<&WarmCode>| {
            with_warmth("disk", Digest::from(digest), code, &live)
        };
        assert_eq!(
            (of("b", None).warmth, of("b", None).instances),
            (Warmth::Hot, 5)
        );
        assert_eq!(
            (
                of("a", Some(&code("a"))).warmth,
                of("a", Some(&code("a"))).instances
            ),
            (Warmth::Warm, 0)
        );
        assert_eq!(
            (of("d", None).warmth, of("d", None).role),
            (Warmth::Warm, Some(Role::Before))
        );
        assert_eq!(of("c", None).warmth, Warmth::Cold);
    }

    #[test]
    fn the_list_names_previous_versions() {
        let code = code("aaaaaaaaaaaabbbb");
        let line = human(&[with_warmth("disk", code.digest.clone(), Some(&code), &[])]);
        assert_eq!(
            line.split_whitespace().take(3).collect::<Vec<_>>(),
            ["disk", "aaaaaaaaaaaa", "warm"]
        );
        assert!(
            line.ends_with("previous version, kept for rollback"),
            "{line}"
        );
    }
}
