//! `operator plugin inspect`: the capability manifest, one page for deciding whether to trust a component.

use super::{read, unusable};
use crate::cli::Console;
use crate::cli::subject::{CacheArgs, wrong_config};
use crate::config;
use crate::config::{CliOverrides, EffectiveLimit, limits_in_force};
use crate::console::render::{bytes, escape};
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_engine::settings::Settings;
use operator_plugin_host::{Inspection, LoadError, World, inspect, interview};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Longest text of a plugin in one line, in characters.
const TEXT_CHARS_MAX: usize = 200;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InspectArgs {
    /// Component to inspect
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Configuration file; shows trust, limits and targets granted by it
    #[arg(long, env = "OPERATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArgs,
}

/// The document.
#[derive(Debug, Serialize)]
struct Manifest {
    #[serde(flatten)]
    inspection: Inspection,
    /// Granted targets by name, for subjects only. Absent without a configuration.
    targets: Option<BTreeMap<String, String>>,
    /// Networks in which the observed system may name further targets.
    discovery: Vec<String>,
    /// Why the configuration does not trust the component; it was not run then.
    refused: Option<String>,
    /// Every limit that applies to it, with its unit and its key.
    limits_in_force: Vec<EffectiveLimit>,
}

pub(super) async fn run(args: &InspectArgs, console: &Console) -> Result<Exit, Failure> {
    let settings = match &args.config {
        Some(_) => {
            let overrides = CliOverrides {
                plugin: Some(args.file.clone()),
                ..CliOverrides::default()
            };
            config::load(args.config.as_deref(), overrides).map_err(wrong_config)?
        }
        None => Settings::new(args.file.clone()),
    };
    let name = args.file.display().to_string();
    let component = read(&args.file)?;
    let engine = args
        .cache
        .engine(&settings.plugin_limits)?
        .trusting(settings.trust.clone());
    let (inspection, refused) = match interview(&engine, &name, &component).await {
        Err(error @ LoadError::Untrusted { .. }) => {
            let seen = inspect(&name, &component, &settings.plugin_limits)
                .map_err(|error| unusable(&error))?;
            (seen, Some(error))
        }
        other => (other.map_err(|error| unusable(&error))?, None),
    };
    let sheet = sheet(
        inspection,
        refused.as_ref(),
        &settings,
        args.config.is_some(),
    );
    if console.json {
        console.value(&sheet)?;
    } else {
        console.line(&human(&name, &sheet))?;
    }
    // The manifest is shown in any case; the exit code reports that the component would not run.
    refused.map_or(Ok(Exit::Success), |error| Err(unusable(&error)))
}

fn sheet(
    inspection: Inspection,
    refused: Option<&LoadError>,
    settings: &Settings,
    configured: bool,
) -> Manifest {
    let reaches = inspection.world.base() == World::Subject;
    let targets = settings.targets.iter().filter(|_| reaches);
    let targets = targets
        .map(|(name, target)| (name.clone(), target.origin.to_string()))
        .collect();
    let networks = settings.discovery.networks.iter().filter(|_| reaches);
    Manifest {
        limits_in_force: limits_in_force(settings, inspection.world),
        targets: configured.then_some(targets),
        discovery: networks.map(ToString::to_string).collect(),
        refused: refused.map(ToString::to_string),
        inspection,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes for people have three digits"
)]
fn human(name: &str, sheet: &Manifest) -> String {
    let mut text = String::new();
    let inspection = &sheet.inspection;
    let _ = writeln!(text, "{name}");
    if let Some(info) = &inspection.info {
        let _ = writeln!(
            text,
            "  {} {}: {}",
            info.name,
            info.version,
            escape(&info.summary, TEXT_CHARS_MAX)
        );
    }
    let _ = writeln!(
        text,
        "  world    {} of contract {}",
        inspection.world.name(),
        inspection.contract_version
    );
    let _ = writeln!(text, "  sha256   {}", inspection.digest);
    let _ = writeln!(text, "  size     {}", bytes(inspection.size_bytes as f64));
    let _ = writeln!(text, "  trust    {}", trust(sheet));
    if let Some(cards) = inspection.cards {
        let _ = writeln!(text, "  modes    {cards} failure modes");
    }
    section(&mut text, "Capabilities", &inspection.permissions);
    section(&mut text, "Targets", &targets(sheet));
    section(&mut text, "Imports", &inspection.imports);
    section(&mut text, "Exports", &inspection.exports);
    let claim = |claim: &str| escape(claim, TEXT_CHARS_MAX);
    let checks: Vec<String> = inspection
        .checks
        .iter()
        .map(|check| format!("{}: {}", check.id, claim(&check.claim)))
        .collect();
    section(&mut text, &format!("Checks ({})", checks.len()), &checks);
    let limits = sheet.limits_in_force.iter().filter(|limit| limit.on_sheet);
    let limits = limits.map(|limit| {
        [
            format!("{} {}", limit.value, limit.unit),
            limit.bounds.to_string(),
        ]
    });
    let limits = table::aligned(0, limits);
    let limits: Vec<String> = limits.lines().map(str::to_owned).collect();
    section(&mut text, "Limits", &limits);
    text.trim_end().to_owned()
}

fn trust(sheet: &Manifest) -> String {
    match (&sheet.refused, &sheet.inspection.trust) {
        (Some(_), _) => "REFUSED by the configuration; not run".to_owned(),
        (None, Some(trust)) => trust.allowed_by.clone(),
        (None, None) => "unknown".to_owned(),
    }
}

/// Targets reachable under this configuration; only subjects can reach any.
fn targets(sheet: &Manifest) -> Vec<String> {
    if sheet.inspection.world.base() != World::Subject {
        return Vec::new();
    }
    let Some(targets) = &sheet.targets else {
        return vec!["unknown: pass --config to show granted targets".to_owned()];
    };
    let mut lines: Vec<String> = targets
        .iter()
        .map(|(name, origin)| format!("{name} at {origin}"))
        .collect();
    lines.extend(
        sheet
            .discovery
            .iter()
            .map(|network| format!("targets discovered in {network}")),
    );
    if lines.is_empty() {
        lines.push("none granted".to_owned());
    }
    lines
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title}");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
}
