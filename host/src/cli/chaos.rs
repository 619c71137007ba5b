//! `operator chaos`: a thin front end of the chaos toolkit.

use super::Console;
use crate::exit::{Exit, Failure};
use operator_chaos::faults::{self, ChaosCommand, Output};
use operator_inject::Launcher;

pub(super) async fn run(command: ChaosCommand, console: &Console) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(
            Exit::Io,
            format!("cannot locate the operator executable: {error}"),
        )
    })?;
    let launcher = Launcher {
        program,
        leading: vec!["chaos".to_owned()],
    };
    let mut unwritten = None;
    let mut write = |line: &str| unwritten = unwritten.take().or(console.line(line).err());
    let mut output = Output {
        json: console.json,
        write: &mut write,
    };
    faults::run(command, &launcher, &mut output).await?;
    unwritten.map_or(Ok(Exit::Success), Err)
}
