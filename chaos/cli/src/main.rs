//! `operator-chaos`: injects faults, serves the simulator, and serves and trims captures of real clusters.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its result"
)]

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use operator_chaos::captures::{self, CaptureCommand};
use operator_chaos::faults::{self, ChaosCommand, Output};
use operator_inject::Launcher;
use std::process::ExitCode;

/// Inject faults into clusters, and serve simulated and captured ones
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve and trim captures of real clusters
    #[command(subcommand)]
    Capture(CaptureCommand),
    /// Inject faults, as `operator chaos` does
    Faults(FaultArgs),
}

#[derive(Args)]
struct FaultArgs {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: ChaosCommand,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let mut write = |line: &str| println!("{line}");
    let json = matches!(&command, Command::Faults(args) if args.json);
    let mut output = Output {
        json,
        write: &mut write,
    };
    match command {
        Command::Capture(command) => runtime.block_on(captures::run(command, &mut output)),
        Command::Faults(args) => {
            let launcher = launcher()?;
            let run = faults::run(args.command, &launcher, &mut output);
            Ok(runtime.block_on(run)?)
        }
    }
}

fn launcher() -> Result<Launcher> {
    Ok(Launcher {
        program: std::env::current_exe().context("cannot find the path of this program")?,
        leading: vec!["faults".to_owned()],
    })
}
