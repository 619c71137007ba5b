//! What the user configured, checked once: command line and `operator.toml`.
//!
//! A key is written once, as a field of the types in `file` and of the limits. The JSON Schema
//! generated from them drives the checks, so all errors are reported together: every unknown key with
//! the nearest known one and every value of the wrong kind, each with its file and line. What leaves
//! this module is typed and checked; no user text is parsed after it.

mod document;
mod error;
mod file;
mod limits;
mod notation;
mod read;
mod schema;
mod trust;

pub use error::{ConfigError, ConfigErrors, Location};
pub use limits::{EffectiveLimit, limits_in_force, limits_table};
pub use schema::schema;

use operator_engine::settings::Settings;
use std::path::{Path, PathBuf};

/// Settings of the command line; they win over the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CliOverrides {
    /// `--plugin`
    pub plugin: Option<PathBuf>,
    /// `--target NAME=URL`, added to those of the file; the same name replaces that of the file.
    pub targets: Vec<String>,
    /// `--prometheus`
    pub prometheus: Option<String>,
    /// `--invariants`; replaces those of the file.
    pub invariants: Vec<PathBuf>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--log NAME=PATH`, combined like `--target`.
    pub logs: Vec<String>,
    /// `--tick-interval-ms`
    pub tick_interval_ms: Option<u64>,
}

/// Reads and checks the configuration.
///
/// # Errors
/// All errors of the file and of the flags.
pub fn load(file: Option<&Path>, overrides: CliOverrides) -> Result<Settings, ConfigErrors> {
    let text = file.map_or_else(|| Ok(String::new()), read_text)?;
    read::settings(file, &text, overrides)
}

/// Checks a file without the command line. Returns its values, with the defaults of the keys that it
/// does not set.
///
/// # Errors
/// All errors of the file.
pub fn check(file: &Path) -> Result<serde_json::Value, ConfigErrors> {
    read::effective(file, &read_text(file)?)
}

fn read_text(path: &Path) -> Result<String, ConfigErrors> {
    std::fs::read_to_string(path).map_err(|error| {
        let location = path.display().to_string();
        ConfigErrors::one(location.as_str(), format!("cannot be read: {error}"))
    })
}
