//! `operator plugin`: for people who write components, and for those who are asked to trust them.

mod inspect;
mod list;
mod trust;

use super::Console;
use crate::exit::{Exit, Failure};
use crate::plugin::{LoadError, PluginLimits, read_component};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum PluginCommand {
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
}

pub(super) async fn run(command: PluginCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        PluginCommand::Inspect(args) => inspect::run(&args, console).await,
        PluginCommand::List(args) => list::run(&args, console),
        PluginCommand::Lock(args) => trust::lock(&args, console),
        PluginCommand::Keygen(args) => trust::keygen(&args, console),
        PluginCommand::Sign(args) => trust::sign(&args, console),
    }
}

/// A plugin that cannot be used: starting again will not help.
fn unusable(error: &LoadError) -> Failure {
    Failure::new(Exit::Config, error.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_component(path, &PluginLimits::default()).map_err(|error| unusable(&error))
}
