//! `operator plugin`: for people who are asked to trust a component.

pub(super) mod control;

use super::Console;
use super::subject::CacheArgs;
use crate::exit::{Exit, Failure};
use crate::plugin::{Inspection, LoadError, PluginLimits, interview, read_component};
use crate::render::{bytes, escape};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Longest text of a plugin in one line, in characters.
const TEXT_CHARS_MAX: usize = 200;

#[derive(Debug, clap::Subcommand)]
pub(super) enum PluginCommand {
    /// Show what a component is, what it may do and what it must not
    Inspect(InspectArgs),
    /// Try a file as a new version of a module of the running operator
    Swap(control::SwapArgs),
    /// Bring back the version of a module that judged before, in the running operator
    Rollback(control::RollbackArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// The component
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) async fn run(command: PluginCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        PluginCommand::Inspect(args) => inspect(args, console).await,
        PluginCommand::Swap(args) => control::swap(args, console).await,
        PluginCommand::Rollback(args) => control::roll_back(args, console).await,
    }
}

async fn inspect(args: InspectArgs, console: &Console) -> Result<Exit, Failure> {
    let limits = PluginLimits::default();
    let unusable = |error: LoadError| Failure::new(Exit::Config, error.to_string());
    let bytes = read_component(&args.file, &limits).map_err(unusable)?;
    let name = args.file.display().to_string();
    let inspection = interview(&args.cache.engine(&limits)?, &name, &bytes).await.map_err(unusable)?;
    if console.json {
        console.value(&inspection)?;
    } else {
        console.line(&human(&name, &inspection))?;
    }
    Ok(Exit::Success)
}

#[expect(clippy::cast_precision_loss, reason = "sizes for people have three digits")]
fn human(name: &str, inspection: &Inspection) -> String {
    let mut text = String::new();
    let world = inspection.world.name();
    let _ = writeln!(text, "{name}");
    if let Some(info) = &inspection.info {
        let _ = writeln!(text, "  {} {}: {}", info.name, info.version, escape(&info.summary, TEXT_CHARS_MAX));
    }
    let _ = writeln!(text, "  world    {world} of contract {}", inspection.contract_version);
    let _ = writeln!(text, "  sha256   {}", inspection.digest);
    let _ = writeln!(text, "  size     {}", bytes(inspection.size_bytes as f64));
    let _ = writeln!(
        text,
        "  bounds   {} memory, {} fuel and {} ms a call",
        bytes(inspection.limits.memory_bytes_max as f64),
        inspection.limits.fuel,
        inspection.limits.deadline_ms
    );
    section(&mut text, "It", &inspection.permissions);
    section(&mut text, "Imports", &inspection.imports);
    section(&mut text, "Exports", &inspection.exports);
    let checks: Vec<String> = inspection
        .checks
        .iter()
        .map(|check| format!("{}: {}", check.id, escape(&check.claim, TEXT_CHARS_MAX)))
        .collect();
    section(&mut text, "Checks", &checks);
    text.trim_end().to_owned()
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title}");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
}
