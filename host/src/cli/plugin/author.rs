//! `operator plugin new`, `build`, `lint`, `test`, `bench`: from an empty directory to a tested component.

mod measure;

pub(super) use measure::{BenchArgs, TestArgs, bench, test};

use super::super::subject::CacheArgs;
use super::{Console, read};
use crate::exit::{Exit, Failure};
use operator_authoring::{
    Built, Gravity, Kind, Language, Project, build as build_project, create, lint as lint_bytes,
};
use operator_plugin_host::PluginLimits;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct NewArgs {
    /// Plugin name: lower-case words joined by hyphens
    #[arg(value_name = "NAME")]
    name: String,
    /// Programming language
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// Kind of plugin: checks, or a subject that observes a system
    #[arg(long, value_enum, default_value = "check")]
    kind: Kind,
    /// Directory to create [default: NAME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BuildArgs {
    /// Project directory, with a plugin.toml
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Output file [default: DIR/build/NAME.wasm]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LintArgs {
    /// Component file, or project directory to build first
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    place: PathBuf,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn new(args: &NewArgs, console: &Console) -> Result<Exit, Failure> {
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    let files = create(&folder, &args.name, args.lang, args.kind).map_err(|error| wrong(&error))?;
    if console.json {
        console.value(&json!({ "folder": folder, "files": files }))?;
        return Ok(Exit::Success);
    }
    console.line(&format!(
        "created {} files in {}; see its README.md for the toolchain",
        files.len(),
        folder.display()
    ))?;
    console.line(&format!(
        "next step: operator plugin build {}",
        folder.display()
    ))?;
    Ok(Exit::Success)
}

pub(super) fn build(args: &BuildArgs, console: &Console) -> Result<Exit, Failure> {
    let project = Project::open(&args.dir).map_err(|error| wrong(&error))?;
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| project.default_output());
    let Built { file, bytes } = build_project(&project, &output).map_err(|error| failed(&error))?;
    if console.json {
        console.value(&json!({ "file": file, "bytes": bytes }))?;
    } else {
        console.line(&format!("{}: {} KiB", file.display(), bytes / 1024))?;
    }
    Ok(Exit::Success)
}

pub(super) async fn lint(args: &LintArgs, console: &Console) -> Result<Exit, Failure> {
    let file = component(&args.place)?;
    let engine = args.cache.engine(&PluginLimits::default())?;
    let remarks = lint_bytes(&engine, &file.display().to_string(), &read(&file)?).await;
    let bad = remarks
        .iter()
        .any(|remark| remark.gravity == Gravity::Error);
    if console.json {
        console.value(&json!({ "file": file, "remarks": remarks }))?;
    } else {
        for remark in &remarks {
            let word = if remark.gravity == Gravity::Error {
                "error"
            } else {
                "warning"
            };
            console.line(&format!("{word}: {}", remark.what))?;
        }
        if remarks.is_empty() {
            console.line(&format!("{}: no problems found", file.display()))?;
        }
    }
    Ok(if bad { Exit::Findings } else { Exit::Success })
}

/// The component file itself, or the one that the project builds.
fn component(place: &Path) -> Result<PathBuf, Failure> {
    if place.is_file() {
        return Ok(place.to_owned());
    }
    let project = Project::open(place).map_err(|error| wrong(&error))?;
    let built =
        build_project(&project, &project.default_output()).map_err(|error| failed(&error))?;
    Ok(built.file)
}

/// The project or the command is wrong.
fn wrong(error: &anyhow::Error) -> Failure {
    Failure::new(Exit::Config, format!("{error:#}"))
}

/// A tool is missing or failed.
fn failed(error: &anyhow::Error) -> Failure {
    Failure::new(Exit::Findings, format!("{error:#}"))
}
