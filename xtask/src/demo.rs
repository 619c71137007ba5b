//! `cargo xtask demo`: from a fresh checkout to a rendered ticket.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{guests, step};

/// Builds the components and the operator, then hands the terminal over to `operator demo`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    guests::build(workspace)?;
    let mut build = workspace.cargo();
    // The features of the whole workspace: `cargo xtask test` then compiles no dependency again.
    build.args(["build", "--workspace", "--bin", "operator"]);
    step::run("compile the operator", &mut build)?;
    let mut demo = std::process::Command::new(workspace.target.join("debug/operator"));
    demo.current_dir(&workspace.root)
        .env("OPERATOR_PLUGINS", workspace.plugins())
        .arg("demo")
        .args(arguments);
    let status = step::timed("operator demo", &mut demo)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
