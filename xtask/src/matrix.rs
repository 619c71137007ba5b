//! `cargo xtask matrix`: which check notices which fault, from real runs of the components on the simulator.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{guests, step};

/// Builds the components, plays every fault, and writes `docs/MATRIX.md`. With names of faults, plays only those and writes nothing.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    guests::build(workspace)?;
    step::begin("play every fault");
    let mut command = workspace.cargo();
    command.args([
        "test",
        "--workspace",
        "--test",
        "matrix",
        "--",
        "the_whole_matrix",
        "--ignored",
        "--nocapture",
    ]);
    if !arguments.is_empty() {
        command.env("OPERATOR_MATRIX_CARDS", arguments.join(","));
    }
    Ok(if command.status()?.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
