//! `operator chaos`: the command line of faults, shared by the programs that offer it.

mod docker_run;
mod list;
mod serve_run;
mod undo;

use crate::docker::{self, DockerError, Engine, Launcher};
use clap::{Args, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum ChaosCommand {
    /// List every fault: what it is, where it can be made, how it is undone
    List(ListArgs),
    /// Make a fault: in a simulated cluster that anyone can look at, or in containers of an armed project
    Run(Box<RunArgs>),
    /// Allow faults in a Docker project for some time
    Arm(ArmArgs),
    /// Take the arm of a Docker project back
    Disarm(DisarmArgs),
    /// Show and clear whatever is not undone
    Undo(UndoArgs),
    /// Undo an injection when its injector ends
    #[command(hide = true)]
    Watchdog(WatchdogArgs),
    /// Work against a container
    #[command(hide = true)]
    Agent(AgentArgs),
}

/// Where a fault is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// The deterministic simulator
    Sim,
    /// Containers of a Compose project on this machine
    Docker,
}

/// What to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only faults that can be made there
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetKind>,
    /// Only faults of this family
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
}

/// How Docker is reached, and where the journal is.
#[derive(Debug, Clone, Args)]
pub struct DockerArgs {
    /// Socket of dockerd on this machine
    #[arg(long, env = "DOCKER_HOST", default_value = docker::DEFAULT_HOST, value_name = "unix://PATH", help_heading = "Docker")]
    pub docker_host: String,
    /// Directory of the journal: what is not undone yet
    #[arg(long, env = "OPERATOR_CHAOS_STATE", default_value = docker::DEFAULT_STATE, value_name = "DIR", help_heading = "Docker")]
    pub state: PathBuf,
}

/// What to do, to whom, for how long.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Name of a fault; `operator chaos list` has them all
    #[arg(value_name = "FAULT")]
    pub(crate) fault: String,
    /// Where it is made
    #[arg(long, value_enum, default_value = "sim", value_name = "TARGET")]
    pub(crate) target: TargetKind,
    /// How long: until everything is undone, or until the simulator stops [default: 60s for docker, without end for sim]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) for_time: Option<Duration>,
    #[command(flatten)]
    pub(crate) sim: SimArgs,
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
    #[command(flatten)]
    pub(crate) docker: DockerArgs,
}

/// The simulator.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// Serve the simulated cluster over HTTP, one port for each node, in real time
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
    /// Let the system choose the ports, instead of those that the nodes usually have
    #[arg(long, help_heading = "Simulator")]
    pub(crate) free_ports: bool,
    /// Simulated seconds a second
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "N",
        help_heading = "Simulator"
    )]
    pub(crate) speed: f64,
    /// Decides everything that is left to chance
    #[arg(
        long,
        default_value_t = 42,
        value_name = "N",
        help_heading = "Simulator"
    )]
    pub(crate) seed: u64,
    /// How unquiet the cluster is: quiet, usual, rough, bursty or diurnal
    #[arg(
        long,
        default_value = "usual",
        value_name = "NAME",
        help_heading = "Simulator"
    )]
    pub(crate) noise: String,
    /// Which way a scenario goes, instead of what the seed picks
    #[arg(long, value_name = "NAME", help_heading = "Simulator")]
    pub(crate) variant: Option<String>,
    /// Simulated time before the fault [default: what its card says]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Simulator")]
    pub(crate) onset: Option<Duration>,
}

/// Whom a fault in Docker hits.
#[derive(Debug, Args)]
pub struct WhomArgs {
    /// Compose project; nothing outside of it is ever hit
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) project: Option<String>,
    /// Compose service to hit; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) service: Vec<String>,
    /// Container to hit, by name; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) name: Vec<String>,
    /// Label that containers to hit must have; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Docker")]
    pub(crate) label: Vec<String>,
    /// At most this many containers
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Docker")]
    pub(crate) count: usize,
    /// Other side of a network fault, by service or name; may be repeated [default: all of the project]
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(crate) peer: Vec<String>,
    /// Directory of the container, for faults of disks [default: its only data directory]
    #[arg(long, value_name = "PATH", help_heading = "Docker")]
    pub(crate) directory: Option<String>,
    /// A number of the fault, as `operator chaos list --json` names them; may be repeated
    #[arg(long, value_name = "NAME=NUMBER", value_parser = setting, help_heading = "Docker")]
    pub(crate) set: Vec<(String, u64)>,
    /// The load tool, for faults that are load [default: operator-load beside this program]
    #[arg(long, value_name = "FILE", help_heading = "Docker")]
    pub(crate) load_program: Option<PathBuf>,
    /// Endpoints of the cluster for the load tool, as it takes them
    #[arg(long, value_name = "HOST:PORT,…", help_heading = "Docker")]
    pub(crate) load_endpoints: Option<String>,
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = "Docker")]
    pub(crate) dry_run: bool,
}

/// What to arm.
#[derive(Debug, Args)]
pub struct ArmArgs {
    /// Compose project
    #[arg(long, value_name = "NAME")]
    project: String,
    /// How long, at most 24h
    #[arg(long = "for", default_value = "30m", value_name = "DURATION", value_parser = duration)]
    for_time: Duration,
    #[command(flatten)]
    docker: DockerArgs,
}

/// What to disarm.
#[derive(Debug, Args)]
pub struct DisarmArgs {
    /// Compose project
    #[arg(long, value_name = "NAME")]
    project: String,
    #[command(flatten)]
    docker: DockerArgs,
}

/// What to undo.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// Only show what is not undone
    #[arg(long)]
    list: bool,
    /// Only this injection
    #[arg(long, value_name = "NAME")]
    injection: Option<String>,
    #[command(flatten)]
    docker: DockerArgs,
}

/// For the injector only.
#[derive(Debug, Args)]
pub struct WatchdogArgs {
    /// Directory of the journal
    #[arg(long)]
    state: PathBuf,
    /// The injection
    #[arg(long)]
    injection: String,
    /// End of the lease, in Unix milliseconds
    #[arg(long)]
    until_ms: u64,
}

/// For the injector only.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Directory of the journal
    #[arg(long)]
    state: PathBuf,
    /// What to do, as JSON
    #[arg(long)]
    order: String,
}

/// How a command talks.
pub struct Voice<'a> {
    /// JSON is wanted: one object, or one a line while something goes on.
    pub json: bool,
    /// Writes one line.
    pub write: &'a mut (dyn FnMut(&str) + Send),
}

impl Voice<'_> {
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

/// Does what was asked.
///
/// # Errors
/// As [`DockerError`] tells.
pub async fn run(
    command: ChaosCommand,
    launcher: &Launcher,
    voice: &mut Voice<'_>,
) -> Result<(), DockerError> {
    match command {
        ChaosCommand::List(args) => list::list(&args, voice),
        ChaosCommand::Run(args) => match args.target {
            TargetKind::Sim => serve_run::run(&args, voice).await,
            TargetKind::Docker => docker_run::run(&args, launcher, voice).await,
        },
        ChaosCommand::Arm(args) => arm(&args, voice).await,
        ChaosCommand::Disarm(args) => {
            let engine = Engine::connect(&args.docker.docker_host).await?;
            docker::arm::disarm(&engine, &args.project).await?;
            told(
                voice,
                serde_json::json!({"disarmed": args.project}),
                &format!("project {} is disarmed", args.project),
            )
        }
        ChaosCommand::Undo(args) => undo::undo(&args, voice).await,
        ChaosCommand::Watchdog(args) => {
            docker::watchdog::watch(&args.state, &args.injection, args.until_ms).await
        }
        ChaosCommand::Agent(args) => {
            let order = serde_json::from_str(&args.order)
                .map_err(|error| DockerError::Refused(error.to_string()))?;
            docker::agent::work(&order, &args.state)
        }
    }
}

async fn arm(args: &ArmArgs, voice: &mut Voice<'_>) -> Result<(), DockerError> {
    let engine = Engine::connect(&args.docker.docker_host).await?;
    let for_ms = u64::try_from(args.for_time.as_millis()).unwrap_or(u64::MAX);
    let until_ms = docker::arm::arm(&engine, &args.project, for_ms).await?;
    let (project, until) = (&args.project, docker::arm::written(until_ms));
    let value = serde_json::json!({"armed": project, "until": until, "until_ms": until_ms});
    told(
        voice,
        value,
        &format!("project {project} is armed until {until}"),
    )
}

fn told(voice: &mut Voice<'_>, value: serde_json::Value, line: &str) -> Result<(), DockerError> {
    if voice.json {
        return voice.value(&value);
    }
    voice.line(line);
    Ok(())
}

/// `90s`, `5m`: as every duration of this command line.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = BTreeMap::from([("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]);
    let unit_ms = unit_ms
        .get(unit)
        .ok_or("a number with a unit is needed: ms, s, m or h, for example 90s")?;
    let ms = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*unit_ms))
        .filter(|ms| *ms > 0);
    ms.map(Duration::from_millis)
        .ok_or_else(|| "it must be more than nothing and fit 64 bits".to_owned())
}

fn setting(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=NUMBER is needed")?;
    let value = value
        .parse()
        .map_err(|_| format!("{value:?} is no whole number"))?;
    Ok((name.to_owned(), value))
}
