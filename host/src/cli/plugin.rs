//! `operator plugin`: tools for plugin authors and for people who decide whether to trust a plugin.

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
    /// Create a plugin project from a template, with the contract and the SDK
    New(author::NewArgs),
    /// Build a project's component with its language's toolchain
    Build(author::BuildArgs),
    /// Report what the host would reject, and possible improvements
    Lint(author::LintArgs),
    /// Run a project's test cases under the daemon's limits (exit code 1: a case fails or is missing)
    Test(author::TestArgs),
    /// Measure the cost of each case (exit code 1: a cost exceeds the baseline)
    Bench(author::BenchArgs),
    /// Show the capability manifest of a component: what it may and may not do
    Inspect(inspect::InspectArgs),
    /// List plugins as hot (in use), warm (compiled) or cold
    List(list::ListArgs),
    /// Pin the digests of components in the lock file
    Lock(trust::LockArgs),
    /// Generate a key pair for signing components
    Keygen(trust::KeygenArgs),
    /// Sign components; writes FILE.sig next to each
    Sign(trust::SignArgs),
    /// Roll out a new version of a check plugin in the running operator
    Swap(control::SwapArgs),
    /// Roll a check plugin back to its previous version in the running operator
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

/// An unusable plugin: a restart will not help.
fn unusable(error: &LoadError) -> Failure {
    Failure::new(Exit::Config, error.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_component(path, &PluginLimits::default()).map_err(|error| unusable(&error))
}
