//! `operator chaos`: arguments and commands of faults, shared by the programs that offer them.

mod docker_run;
mod list;
mod serve_run;
mod undo;

use crate::duration::{milliseconds, positive as duration};
use clap::{Args, Subcommand, ValueEnum};
use operator_inject::{self as inject, DockerError, Engine, Launcher};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Commands of `operator chaos`.
#[derive(Debug, Subcommand)]
pub enum ChaosCommand {
    /// List every fault: what it does, where it can be injected, how it is undone
    List(ListArgs),
    /// Inject a fault into a simulated cluster, or into containers of an armed Docker project
    Run(Box<RunArgs>),
    /// Arm a Docker project: allow faults in it for a limited time
    Arm(ArmArgs),
    /// Disarm a Docker project
    Disarm(DisarmArgs),
    /// List and undo faults that are still active
    Undo(UndoArgs),
    /// Undo an injection when its injector ends (started by the injector)
    #[command(hide = true)]
    Watchdog(WatchdogArgs),
    /// Act on a container (started by the injector)
    #[command(hide = true)]
    Agent(AgentArgs),
}

/// Where a fault is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// The deterministic simulator
    Sim,
    /// Containers of a Compose project on this machine
    Docker,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// List only faults for this target
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetKind>,
    /// List only faults of this family
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
}

/// The Docker daemon, and the journal of injections.
#[derive(Debug, Clone, Args)]
pub struct DockerArgs {
    /// Socket of the Docker daemon on this machine
    #[arg(long, env = "DOCKER_HOST", default_value = inject::DEFAULT_HOST, value_name = "unix://PATH", help_heading = "Docker")]
    pub docker_host: String,
    /// Directory of the journal of active injections
    #[arg(long, env = "OPERATOR_CHAOS_STATE", default_value = inject::DEFAULT_STATE, value_name = "DIR", help_heading = "Docker")]
    pub state: PathBuf,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Name of a fault; `operator chaos list` shows all of them
    #[arg(value_name = "FAULT")]
    pub(crate) fault: String,
    /// Where to inject the fault
    #[arg(long, value_enum, default_value = "sim", value_name = "TARGET")]
    pub(crate) target: TargetKind,
    /// Time until the fault is undone or the simulator stops [default: 60s for docker, unlimited for sim]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) for_time: Option<Duration>,
    #[command(flatten)]
    pub(crate) sim: SimArgs,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) docker: DockerArgs,
}

/// Arguments of the simulator.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// Serve the simulated cluster over HTTP, one port per node
    #[arg(long, help_heading = "Simulator")]
    pub(crate) serve: bool,
    /// Address to listen on
    #[arg(
        long,
        default_value = "127.0.0.1",
        value_name = "ADDRESS",
        help_heading = "Simulator"
    )]
    pub(crate) bind: IpAddr,
    /// Let the system choose free ports instead of the default ports of the nodes
    #[arg(long, help_heading = "Simulator")]
    pub(crate) free_ports: bool,
    /// Simulated seconds per second
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "N",
        help_heading = "Simulator"
    )]
    pub(crate) speed: f64,
    /// Random seed; the same seed reproduces the same cluster
    #[arg(
        long,
        default_value_t = 42,
        value_name = "N",
        help_heading = "Simulator"
    )]
    pub(crate) seed: u64,
    /// Background noise profile: quiet, usual, rough, bursty or diurnal
    #[arg(
        long,
        default_value = "usual",
        value_name = "NAME",
        help_heading = "Simulator"
    )]
    pub(crate) noise: String,
    /// Variant of a scenario [default: chosen by the seed]
    #[arg(long, value_name = "NAME", help_heading = "Simulator")]
    pub(crate) variant: Option<String>,
    /// Simulated time before the fault [default: set by the fault]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Simulator")]
    pub(crate) onset: Option<Duration>,
}

/// The containers that a fault in Docker targets.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Compose project; containers outside it are never affected
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) project: Option<String>,
    /// Compose service to target; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) service: Vec<String>,
    /// Container to target, by name; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) name: Vec<String>,
    /// Label that target containers must have; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Docker")]
    pub(crate) label: Vec<String>,
    /// Maximum number of target containers
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Docker")]
    pub(crate) count: usize,
    /// Peer of a network fault, by service or container name; may be repeated [default: all containers of the project]
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) peer: Vec<String>,
    /// Directory in the container, for disk faults [default: its only data directory]
    #[arg(long, value_name = "PATH", help_heading = "Docker")]
    pub(crate) directory: Option<String>,
    /// Parameter of the fault, as named by `operator chaos list --json`; may be repeated
    #[arg(long, value_name = "NAME=NUMBER", value_parser = setting, help_heading = "Docker")]
    pub(crate) set: Vec<(String, u64)>,
    /// Load generator, for load faults [default: operator-load in the directory of this program]
    #[arg(long, value_name = "FILE", help_heading = "Docker")]
    pub(crate) load_program: Option<PathBuf>,
    /// PD endpoints of the cluster, for the load generator
    #[arg(long, value_name = "HOST:PORT,…", help_heading = "Docker")]
    pub(crate) load_endpoints: Option<String>,
    /// Print the plan without injecting anything
    #[arg(long, help_heading = "Docker")]
    pub(crate) dry_run: bool,
}

/// Arguments of `arm`.
#[derive(Debug, Args)]
pub struct ArmArgs {
    /// Compose project
    #[arg(long, value_name = "NAME")]
    project: String,
    /// How long the project stays armed, at most 24h
    #[arg(long = "for", default_value = "30m", value_name = "DURATION", value_parser = duration)]
    for_time: Duration,
    #[command(flatten)]
    docker: DockerArgs,
}

/// Arguments of `disarm`.
#[derive(Debug, Args)]
pub struct DisarmArgs {
    /// Compose project
    #[arg(long, value_name = "NAME")]
    project: String,
    #[command(flatten)]
    docker: DockerArgs,
}

/// Arguments of `undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// List active faults without undoing them
    #[arg(long)]
    list: bool,
    /// Undo only this injection
    #[arg(long, value_name = "NAME")]
    injection: Option<String>,
    #[command(flatten)]
    docker: DockerArgs,
}

/// Arguments of `watchdog`, which only the injector starts.
#[derive(Debug, Args)]
pub struct WatchdogArgs {
    /// Directory of the journal
    #[arg(long)]
    state: PathBuf,
    /// Name of the injection
    #[arg(long)]
    injection: String,
    /// End of the lease, in Unix milliseconds
    #[arg(long)]
    until_ms: u64,
}

/// Arguments of `agent`, which only the injector starts.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Directory of the journal
    #[arg(long)]
    state: PathBuf,
    /// The work, as JSON
    #[arg(long)]
    order: String,
}

/// Where a command prints, and in which form.
pub struct Output<'a> {
    /// Print JSON: one object, or one object a line for progress.
    pub json: bool,
    /// Prints one line.
    pub write: &'a mut (dyn FnMut(&str) + Send),
}

impl Output<'_> {
    pub(crate) fn line(&mut self, text: &str) {
        (self.write)(text);
    }

    pub(crate) fn value(&mut self, value: &impl serde::Serialize) -> Result<(), DockerError> {
        let text = serde_json::to_string(value)
            .map_err(|error| DockerError::failed("write JSON", error))?;
        (self.write)(&text);
        Ok(())
    }
}

/// Runs a command.
///
/// # Errors
/// Every failure of the command, see [`DockerError`].
pub async fn run(
    command: ChaosCommand,
    launcher: &Launcher,
    output: &mut Output<'_>,
) -> Result<(), DockerError> {
    match command {
        ChaosCommand::List(args) => list::list(&args, output),
        ChaosCommand::Run(args) => match args.target {
            TargetKind::Sim => serve_run::run(&args, output).await,
            TargetKind::Docker => docker_run::run(&args, launcher, output).await,
        },
        ChaosCommand::Arm(args) => arm(&args, output).await,
        ChaosCommand::Disarm(args) => {
            let engine = Engine::connect(&args.docker.docker_host).await?;
            inject::arm::disarm(&engine, &args.project).await?;
            report(
                output,
                serde_json::json!({"disarmed": args.project}),
                &format!("project {} is disarmed", args.project),
            )
        }
        ChaosCommand::Undo(args) => undo::undo(&args, output).await,
        ChaosCommand::Watchdog(args) => {
            inject::watchdog::watch(&args.state, &args.injection, args.until_ms).await
        }
        ChaosCommand::Agent(args) => {
            let order = serde_json::from_str(&args.order)
                .map_err(|error| DockerError::Refused(error.to_string()))?;
            inject::agent::work(&order, &args.state)
        }
    }
}

async fn arm(args: &ArmArgs, output: &mut Output<'_>) -> Result<(), DockerError> {
    let engine = Engine::connect(&args.docker.docker_host).await?;
    let for_ms = milliseconds(args.for_time);
    let until_ms = inject::arm::arm(&engine, &args.project, for_ms).await?;
    let project = &args.project;
    let until = operator_inject::arm::utc_time(until_ms);
    let value = serde_json::json!({"armed": project, "until": until, "until_ms": until_ms});
    report(
        output,
        value,
        &format!("project {project} is armed until {until}"),
    )
}

fn report(
    output: &mut Output<'_>,
    value: serde_json::Value,
    line: &str,
) -> Result<(), DockerError> {
    if output.json {
        return output.value(&value);
    }
    output.line(line);
    Ok(())
}

fn setting(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=NUMBER")?;
    let value = value
        .parse()
        .map_err(|_| format!("{value:?} is not a whole number"))?;
    Ok((name.to_owned(), value))
}
