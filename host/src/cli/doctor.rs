//! `operator doctor`: checks of this installation.

#[cfg(feature = "chaos")]
mod chaos;
mod machine;

use super::console::Console;
use super::subject::{CacheArgs, wrong_config};
use crate::config;
use crate::config::CliOverrides;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_journal::DataDir;
use operator_plugin_host::{Allocation, Engine, PluginLimits, inspect, read_component};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What to check.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Configuration file to check
    #[arg(long, env = "OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory to check [default: operator-data]
    #[arg(long, env = "OPERATOR_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Plugin directory [default: `plugins` next to the program or one level up]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArgs,
}

/// Result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    /// No problem.
    Good,
    /// Works, with a drawback.
    Poor,
    /// Does not work.
    Bad,
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: &'static str,
    standing: Health,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Report {
    operator: &'static str,
    right: bool,
    findings: Vec<Finding>,
}

impl Finding {
    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            standing: Health::Good,
            detail: detail.into(),
        }
    }

    fn poor(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            standing: Health::Poor,
            detail: detail.into(),
        }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            standing: Health::Bad,
            detail: detail.into(),
        }
    }
}

pub(super) fn run(args: &DoctorArgs, console: &Console) -> Result<Exit, Failure> {
    let limits = PluginLimits::default();
    let mut findings = vec![
        engine(&args.cache, &limits),
        plugins(args.plugins.as_deref(), &limits),
    ];
    findings.extend(args.config.as_deref().map(configuration));
    findings.push(data(
        args.data.as_deref().unwrap_or(Path::new("operator-data")),
    ));
    findings.extend([
        machine::clock(),
        machine::file_descriptors(),
        machine::memory(&limits),
        #[cfg(feature = "chaos")]
        chaos::faults(),
    ]);
    let right = findings
        .iter()
        .all(|finding| finding.standing != Health::Bad);
    let report = Report {
        operator: env!("CARGO_PKG_VERSION"),
        right,
        findings,
    };
    if console.json {
        console.value(&report)?;
    } else {
        console.line(&human(&report))?;
    }
    Ok(if right { Exit::Success } else { Exit::Config })
}

fn human(report: &Report) -> String {
    let row = |finding: &Finding| {
        let mark = match finding.standing {
            Health::Good => "✓",
            Health::Poor => "!",
            Health::Bad => "✗",
        };
        [format!("{mark} {}", finding.what), finding.detail.clone()]
    };
    let rows = table::aligned(2, report.findings.iter().map(row));
    let mut text = format!("operator {}\n{rows}", report.operator);
    text.push_str(if report.right {
        "\nno problems found"
    } else {
        "\nproblems found, marked ✗"
    });
    text
}

fn engine(cache: &CacheArgs, limits: &PluginLimits) -> Finding {
    const WHAT: &str = "WebAssembly";
    let directory = cache.directory();
    let made = match &directory {
        Some(directory) => Engine::with_cache(limits, directory),
        None => Engine::new(limits),
    };
    match (made, directory) {
        (Err(error), Some(_)) if Engine::new(limits).is_ok() => Finding::poor(
            WHAT,
            format!("components are compiled at every start: {error}"),
        ),
        (Err(error), _) => Finding::bad(WHAT, error.to_string()),
        (Ok(engine), directory) => match (engine.allocation(), directory) {
            (Allocation::OnDemand { reason }, _) => Finding::poor(
                WHAT,
                format!(
                    "instances are allocated on demand, because the pool cannot be reserved: {reason}"
                ),
            ),
            (Allocation::Pooled, None) => Finding::poor(
                WHAT,
                "components are compiled at every start: no home directory for the cache; set --cache",
            ),
            (Allocation::Pooled, Some(directory)) => Finding::good(
                WHAT,
                format!(
                    "pooled instances, compiled code cached in {}",
                    directory.display()
                ),
            ),
        },
    }
}

/// Checks that the host admits every shipped component.
fn plugins(given: Option<&Path>, limits: &PluginLimits) -> Finding {
    const WHAT: &str = "plugins";
    let directory = match super::demo::plugins(given) {
        Ok(directory) => directory,
        Err(failure) if given.is_none() => return Finding::poor(WHAT, failure.message),
        Err(failure) => return Finding::bad(WHAT, failure.message),
    };
    let mut whole = 0;
    let mut wrong = Vec::new();
    let folders = [
        directory.clone(),
        directory.join("invariants"),
        directory.join("deployment"),
    ];
    for path in folders.iter().flat_map(|folder| components(folder)) {
        let name = path.display().to_string();
        match read_component(&path, limits).and_then(|bytes| inspect(&name, &bytes, limits)) {
            Ok(_) => whole += 1,
            Err(error) => wrong.push(error.to_string()),
        }
    }
    match wrong.first() {
        Some(first) => Finding::bad(
            WHAT,
            format!(
                "{} of {} cannot be used: {first}",
                wrong.len(),
                wrong.len() + whole
            ),
        ),
        None => Finding::good(
            WHAT,
            format!("{whole} components in {}", directory.display()),
        ),
    }
}

fn components(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .collect();
    paths.sort();
    paths
}

fn configuration(path: &Path) -> Finding {
    // A file need not name a plugin, because `--plugin` may; its absence is not a problem here.
    let overrides = CliOverrides {
        plugin: Some(PathBuf::from("unused.wasm")),
        ..CliOverrides::default()
    };
    match config::load(Some(path), overrides).map_err(wrong_config) {
        Ok(settings) => Finding::good(
            "configuration",
            format!("{}: {} targets", path.display(), settings.targets.len()),
        ),
        Err(failure) => Finding::bad("configuration", failure.message.replace('\n', "; ")),
    }
}

/// Creates nothing: `operator run` creates a missing directory.
fn data(path: &Path) -> Finding {
    const WHAT: &str = "data directory";
    if DataDir::is_held(path) {
        return Finding::good(
            WHAT,
            format!("{} is in use by a running operator", path.display()),
        );
    }
    let nearest = path
        .ancestors()
        .find(|ancestor| ancestor.is_dir())
        .unwrap_or(Path::new("."));
    let probe = nearest.join(format!(".operator-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) if nearest == path => Finding::good(WHAT, format!("{} is writable", path.display())),
        Ok(()) => Finding::good(WHAT, format!("{} can be created", path.display())),
        Err(error) => Finding::bad(
            WHAT,
            format!("{} is not writable: {error}", nearest.display()),
        ),
    }
}
