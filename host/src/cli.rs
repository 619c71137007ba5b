//! The command line. Its names and exit codes are stable: scripts rely on them.

#[cfg(feature = "chaos")]
mod chaos;
mod check;
mod config;
mod console;
#[cfg(feature = "chaos")]
mod demo;
mod doctor;
mod duration;
#[cfg(feature = "chaos")]
mod eval;
mod help;
mod log;
mod mcp;
mod notes;
mod plugin;
#[cfg(feature = "chaos")]
mod rca;
mod recording;
mod replay;
mod run;
mod series;
mod silence;
mod subject;
mod tickets;
mod verify;
mod why;

pub use console::Console;

use crate::exit::{Exit, Failure};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use operator_engine::telemetry;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Watch a distributed system, diagnose its faults with evidence, and open tickets that a person can act on.
#[derive(Debug, Parser)]
#[command(
    name = "operator",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    /// Print JSON: one documented object, or one object per line for streams
    #[arg(long, global = true, env = "OPERATOR_JSON", help_heading = "Output")]
    json: bool,
    /// Disable colors
    #[arg(long, global = true, env = "NO_COLOR", help_heading = "Output")]
    no_color: bool,
    /// Log level on stderr: error, warn, info, debug, trace, or a list of module=level
    #[arg(
        long,
        global = true,
        env = "OPERATOR_LOG_LEVEL",
        default_value = "warn",
        value_name = "FILTER",
        help_heading = "Output"
    )]
    log_level: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch until stopped: print events, write tickets and the decision log
    Run(Box<run::RunArgs>),
    /// Evaluate every check once (exit code 0: all pass, 1: failures, 2: inconclusive)
    Check(Box<check::CheckArgs>),
    #[cfg(feature = "chaos")]
    /// Inject a fault into a simulated cluster and watch its diagnosis
    Demo(Box<demo::DemoArgs>),
    #[cfg(feature = "chaos")]
    /// Inject faults with a guaranteed undo, in a simulated cluster or in Docker
    #[command(subcommand)]
    Chaos(operator_chaos::faults::ChaosCommand),
    #[cfg(feature = "chaos")]
    /// Evaluate the diagnosis on recordings of real clusters
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    #[cfg(feature = "chaos")]
    /// Find root causes in public data sets, without failure modes, and score the answers
    Rca(rca::RcaArgs),
    /// List, show, review, judge and export tickets
    #[command(subcommand)]
    Tickets(tickets::TicketsCommand),
    /// Compare the cause of a ticket with another one, observation by observation
    Why(why::WhyArgs),
    /// Silence notifications about known problems
    #[command(subcommand)]
    Silence(silence::SilenceCommand),
    /// Serve tickets and evidence to other agents, read-only (Model Context Protocol)
    Mcp(mcp::McpArgs),
    /// Show, verify and export the decision log
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Re-run recorded ticks (exit code 0: identical, 1: a result differs)
    Replay(Box<replay::ReplayArgs>),
    /// Inspect recordings
    #[command(subcommand)]
    Recording(recording::RecordingCommand),
    /// Check a configuration file, or print its JSON Schema
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Create, test, inspect, sign and swap plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Check this installation for problems
    Doctor(doctor::DoctorArgs),
    /// Check that the target cluster is deployed correctly (exit codes as `check`)
    Verify(Box<verify::VerifyArgs>),
}

/// Location of tickets and the decision log.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// Data directory for tickets and the decision log
    #[arg(
        long,
        env = "OPERATOR_DATA",
        value_name = "DIR",
        default_value = "operator-data"
    )]
    pub(crate) data: PathBuf,
}

/// Runs a command line and returns its exit code. Errors are one message on stderr.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let outcome = std::panic::catch_unwind(|| match parse(arguments) {
        Ok(cli) => dispatch(cli),
        Err(exit) => Ok(exit),
    });
    let exit = match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            console::complain(&failure.message);
            failure.exit
        }
        Err(_) => {
            console::complain(
                "internal error: this is a bug in operator; see the panic message above",
            );
            Exit::Internal
        }
    };
    exit.into()
}

fn parse(arguments: Vec<OsString>) -> Result<Cli, Exit> {
    let command = help::grouped(Cli::command());
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // Printing fails only when the reader closed the pipe.
        let _ = error.print();
        if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Success
        }
    })
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    telemetry::init(&cli.log_level).map_err(|message| Failure::new(Exit::Usage, message))?;
    let console = Console::new(cli.json, cli.no_color);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot start worker threads: {error}")))?;
    runtime.block_on(async {
        match cli.command {
            Command::Run(args) => run::run(*args, &console).await,
            Command::Check(args) => check::run(*args, &console).await,
            Command::Config(command) => config::run(&command, &console),
            Command::Plugin(command) => plugin::run(command, &console).await,
            Command::Replay(args) => replay::run(*args, &console).await,
            Command::Recording(command) => recording::run(command, &console),
            #[cfg(feature = "chaos")]
            Command::Demo(args) => demo::run(*args, &console).await,
            #[cfg(feature = "chaos")]
            Command::Chaos(command) => chaos::run(command, &console).await,
            #[cfg(feature = "chaos")]
            Command::Eval(command) => eval::run(&command, &console),
            #[cfg(feature = "chaos")]
            Command::Rca(args) => rca::run(&args, &console),
            Command::Tickets(command) => tickets::run(command, &console).await,
            Command::Doctor(args) => doctor::run(&args, &console),
            Command::Verify(args) => verify::run(*args, &console).await,
            Command::Why(args) => why::run(&args, &console).await,
            Command::Mcp(args) => mcp::run(args, &console).await,
            Command::Silence(command) => silence::run(command, &console).await,
            Command::Log(command) => log::run(command, &console).await,
        }
    })
}

#[cfg(test)]
mod tests;
