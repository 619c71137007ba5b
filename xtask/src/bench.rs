//! `cargo xtask bench`: figures of plugins, compiled with optimisation, in a target directory of their own so that they
//! do not take turns with the builds of every day.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{guests, step};

/// Builds what is measured, then measures it. What it prints is explained in `docs/PERFORMANCE.md`; `--json` prints it
/// for programs.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    guests::build_one(
        workspace,
        &workspace.root.join("host/benches/guests/Cargo.toml"),
        &workspace.plugins().join("bench"),
    )?;
    let target = workspace.target.join("bench");
    let mut bench = workspace.cargo();
    bench
        .env("CARGO_TARGET_DIR", target)
        .env("OPERATOR_PLUGINS", workspace.plugins());
    bench
        .args(["bench", "--workspace", "--bench", "plugins", "--"])
        .args(arguments);
    step::run("bench", &mut bench)?;
    Ok(ExitCode::SUCCESS)
}
