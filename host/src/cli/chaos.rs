//! `operator chaos`: faults to learn from. Everything behind it is the chaos toolkit's.

use super::Console;
use crate::exit::{Exit, Failure};
use operator_chaos::commands::{self, ChaosCommand, Voice};
use operator_chaos::docker::Launcher;

pub(super) async fn run(command: ChaosCommand, console: &Console) -> Result<Exit, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot find this program: {error}")))?;
    let launcher = Launcher {
        program,
        leading: vec!["chaos".to_owned()],
    };
    let mut unwritten = None;
    let mut write = |line: &str| unwritten = unwritten.take().or(console.line(line).err());
    let mut voice = Voice {
        json: console.json,
        write: &mut write,
    };
    commands::run(command, &launcher, &mut voice).await?;
    unwritten.map_or(Ok(Exit::Success), Err)
}
