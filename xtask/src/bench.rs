//! x
use crate::workspace::Workspace;
use std::process::ExitCode;
pub(crate) fn run(_workspace: &Workspace, _arguments: &[String]) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
