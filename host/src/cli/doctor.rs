//! `operator doctor`: is this installation right?

#[cfg(feature = "chaos")]
mod chaos;
mod machine;

use super::console::Console;
use super::subject::{CacheArgs, wrong_config};
use crate::config;
use crate::config::CliOverrides;
use crate::exit::{Exit, Failure};
use operator_journal::DataDir;
use operator_plugin_host::{Allocation, Engine, PluginLimits, inspect, read_component};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What to look at.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Configuration file to check
    #[arg(long, env = "OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory to check [default: operator-data]
    #[arg(long, env = "OPERATOR_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory with the plugins [default: `plugins` beside the program, or one above]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArgs,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// In order.
    Good,
    /// Works, at a price.
    Poor,
    /// Does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: &'static str,
    standing: Standing,
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
            standing: Standing::Good,
            detail: detail.into(),
        }
    }

    fn poor(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            standing: Standing::Poor,
            detail: detail.into(),
        }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            standing: Standing::Bad,
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
        .all(|finding| finding.standing != Standing::Bad);
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
    let mut text = format!("operator {}", report.operator);
    for finding in &report.findings {
        let mark = match finding.standing {
            Standing::Good => "✓",
            Standing::Poor => "!",
            Standing::Bad => "✗",
        };
        text.push_str(&format!(
            "\n  {mark} {:<18}{}",
            finding.what, finding.detail
        ));
    }
    text.push_str(if report.right {
        "\nthis installation is right"
    } else {
        "\nsomething must be changed: see ✗"
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
        (Err(error), Some(_)) if Engine::new(limits).is_ok() => {
            Finding::poor(WHAT, format!("compiles at every start: {error}"))
        }
        (Err(error), _) => Finding::bad(WHAT, error.to_string()),
        (Ok(engine), directory) => match (engine.allocation(), directory) {
            (Allocation::OnDemand { reason }, _) => Finding::poor(
                WHAT,
                format!(
                    "instances are made on demand, because the pool cannot be reserved: {reason}"
                ),
            ),
            (Allocation::Pooled, None) => Finding::poor(
                WHAT,
                "compiles at every start: there is no home directory for the cache",
            ),
            (Allocation::Pooled, Some(directory)) => Finding::good(
                WHAT,
                format!("pooled instances, compiled code in {}", directory.display()),
            ),
        },
    }
}

/// Every component that is shipped is one that the host would admit.
fn plugins(given: Option<&Path>, limits: &PluginLimits) -> Finding {
    const WHAT: &str = "plugins";
    let directory = match super::demo::plugins(given) {
        Ok(directory) => directory,
        Err(failure) if given.is_none() => return Finding::poor(WHAT, failure.message),
        Err(failure) => return Finding::bad(WHAT, failure.message),
    };
    let (mut whole, mut wrong) = (0, Vec::new());
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
    // A file need not name a plugin: `--plugin` may. That is not what is asked here.
    let overrides = CliOverrides {
        plugin: Some(PathBuf::from("unasked.wasm")),
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

/// Looks without making anything: a directory that is not there yet is made by `operator run`.
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
        Ok(()) if nearest == path => {
            Finding::good(WHAT, format!("{} can be written", path.display()))
        }
        Ok(()) => Finding::good(WHAT, format!("{} can be made", path.display())),
        Err(error) => Finding::bad(
            WHAT,
            format!("{} cannot be written: {error}", nearest.display()),
        ),
    }
}
