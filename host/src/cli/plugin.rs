//! `operator plugin`: for people who write components, and for those who are asked to trust them.

mod author;
mod inspect;
mod list;
mod trust;

pub(super) mod control;

use super::Console;
use crate::exit::{Exit, Failure};
use operator_plugin_host::{LoadError, PluginLimits, read_component};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum PluginCommand {
    /// Make a project from a template, with the contract and the SDK in it
    New(author::NewArgs),
    /// Build a project's component with the tools of its language
    Build(author::BuildArgs),
    /// Say what would be refused, and what could be better
    Lint(author::LintArgs),
    /// Run a project's cases under the limits of the daemon; exit code 1 when one fails or is missing
    Test(author::TestArgs),
    /// Show what each case costs; exit code 1 when one has grown against a baseline
    Bench(author::BenchArgs),
    /// Show what a component is, what it may do and what it must not: its permission sheet
    Inspect(inspect::InspectArgs),
    /// Show which plugins are hot (in use), warm (compiled) or cold
    List(list::ListArgs),
    /// Write the digests of components into the lock file
    Lock(trust::LockArgs),
    /// Make a key pair for signing components
    Keygen(trust::KeygenArgs),
    /// Sign components: writes FILE.sig beside each
    Sign(trust::SignArgs),
    /// Try a file as a new version of a module of the running operator
    Swap(control::SwapArgs),
    /// Bring back the version of a module that judged before, in the running operator
    Rollback(control::RollbackArgs),
}

pub(super) async fn run(command: PluginCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        PluginCommand::New(args) => author::new(&args, console),
        PluginCommand::Build(args) => author::build(&args, console),
        PluginCommand::Lint(args) => author::lint(&args, console).await,
        PluginCommand::Test(args) => author::test(&args, console).await,
        PluginCommand::Bench(args) => author::bench(&args, console).await,
        PluginCommand::Inspect(args) => inspect::run(&args, console).await,
        PluginCommand::List(args) => list::run(&args, console).await,
        PluginCommand::Lock(args) => trust::lock(&args, console),
        PluginCommand::Keygen(args) => trust::keygen(&args, console),
        PluginCommand::Sign(args) => trust::sign(&args, console),
        PluginCommand::Swap(args) => control::swap(args, console).await,
        PluginCommand::Rollback(args) => control::roll_back(args, console).await,
    }
}

/// A plugin that cannot be used: starting again will not help.
fn unusable(error: &LoadError) -> Failure {
    Failure::new(Exit::Config, error.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_component(path, &PluginLimits::default()).map_err(|error| unusable(&error))
}
