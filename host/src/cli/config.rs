//! `operator config`: checks a configuration file and describes its format.

use super::console::Console;
use crate::config::{self, ConfigErrors};
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check a file without starting anything and print the effective values; exit code 0 valid, 78
    /// invalid
    Check(CheckArgs),
    /// Print the JSON Schema of operator.toml
    Schema,
}

/// Which file to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Configuration file
    #[arg(
        long,
        env = "OPERATOR_CONFIG",
        value_name = "FILE",
        default_value = "operator.toml"
    )]
    config: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// The file is invalid, or the output cannot be written.
pub(super) fn run(command: &ConfigCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Check(args) => check(args, console),
        ConfigCommand::Schema => {
            console.value(&config::schema())?;
            Ok(Exit::Success)
        }
    }
}

fn check(args: &CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let checked = config::check(&args.config);
    if console.json {
        let exit = checked.as_ref().map_or(Exit::Config, |_| Exit::Success);
        console.value(&checked.map_or_else(|errors| invalid(&errors), valid))?;
        return Ok(exit);
    }
    let values = checked.map_err(|errors| Failure::new(Exit::Config, errors.to_string()))?;
    let values = toml::to_string(&values)
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot write TOML: {error}")))?;
    console.line(&format!(
        "# {}: configuration is valid; effective values:\n{}",
        args.config.display(),
        values.trim_end()
    ))?;
    Ok(Exit::Success)
}

fn valid(values: Value) -> Value {
    json!({ "valid": true, "values": values, "errors": [] })
}

fn invalid(errors: &ConfigErrors) -> Value {
    let errors = errors.0.iter().map(|error| {
        json!({
            "source": error.location.source,
            "line": error.location.line,
            "message": error.message,
        })
    });
    json!({ "valid": false, "values": null, "errors": errors.collect::<Vec<_>>() })
}
