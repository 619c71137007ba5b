//! What the user wrote, checked once: command line and `operator.toml`.
//!
//! A wrong configuration is reported as a whole: every unknown key with the nearest known one, every
//! value of the wrong kind, each with its file and line. What comes out of here is typed and checked;
//! nothing later parses text of the user again.

mod bounds;
mod document;
mod error;
mod read;
mod schema;

pub use bounds::{InForce, limits_in_force, limits_table};
pub use error::{ConfigError, ConfigErrors, Place};
pub use schema::reference;

use operator_engine::settings::Settings;
use std::path::{Path, PathBuf};

/// What the command line says; it wins over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CliOverrides {
    /// `--plugin`
    pub plugin: Option<PathBuf>,
    /// `--target NAME=URL`, added to those of the file; a name of the file is replaced.
    pub targets: Vec<String>,
    /// `--prometheus`
    pub prometheus: Option<String>,
    /// `--invariants`; any replaces all of the file.
    pub invariants: Vec<PathBuf>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--log NAME=PATH`, as `--target`.
    pub logs: Vec<String>,
    /// `--tick-interval-ms`
    pub tick_interval_ms: Option<u64>,
}

/// Reads and checks the configuration.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(file: Option<&Path>, overrides: CliOverrides) -> Result<Settings, ConfigErrors> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            ConfigErrors::one(
                path.display().to_string().as_str(),
                format!("cannot be read: {error}"),
            )
        })?,
        None => String::new(),
    };
    read::settings(file, &text, overrides)
}
