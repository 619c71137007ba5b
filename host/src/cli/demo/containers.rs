//! `operator demo --target docker`.

use super::{DemoArgs, chosen, data, ending, plugins, summary};
use crate::cli::{Console, duration};
use crate::console::{HumanSink, JsonSink, Stamp};
use crate::demo::{ContainersPlan, Score, play_on_containers};
use crate::exit::{Exit, Failure};
use operator_chaos::faults::DockerArgs;
use operator_engine::daemon::Stop;
use operator_engine::event::Sink;
use operator_inject::Launcher;
use operator_plugin_host::{Engine, PluginLimits};
use operator_sim::scenario::Scenario;
use std::path::Path;
use std::time::Duration;

/// Where and how long, for containers.
#[derive(Debug, clap::Args)]
pub(super) struct ContainerArgs {
    /// Compose project of the cluster, armed with `operator chaos arm`
    #[arg(long, value_name = "NAME", help_heading = "Docker")]
    pub(super) project: Option<String>,
    /// Watch for so long before the fault, so that the detectors know what is normal
    #[arg(long, default_value = "90s", value_name = "DURATION", value_parser = duration::parse, help_heading = "Docker")]
    learn: Duration,
    /// How long the fault lasts
    #[arg(long, default_value = "4m", value_name = "DURATION", value_parser = duration::parse, help_heading = "Docker")]
    fault_for: Duration,
    #[command(flatten)]
    docker: DockerArgs,
}

pub(super) async fn run(args: &DemoArgs, console: &Console) -> Result<Exit, Failure> {
    if args.swap {
        return Err(Failure::new(
            Exit::Usage,
            "--swap is shown on the simulator; leave --target docker away",
        ));
    }
    let scenarios = chosen(&args.scenario)?;
    if args.record.is_some() && scenarios.len() > 1 {
        return Err(Failure::new(
            Exit::Usage,
            "a recording holds one scenario: name it",
        ));
    }
    let plugins = plugins(args.plugins.as_deref())?;
    let engine = args.cache.engine(&PluginLimits::default())?;
    let stop = Stop::default();
    stop.on_signals()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot listen for signals: {error}")))?;
    let several = scenarios.len() > 1;
    let mut scores = Vec::new();
    for scenario in scenarios {
        let plan = plan(args, scenario, &plugins, several)?;
        scores.push(one(&plan, &engine, &stop, console).await?);
    }
    if several && !console.json {
        console.line(&summary(&scores))?;
    }
    Ok(if scores.iter().all(Score::passed) {
        Exit::Success
    } else {
        Exit::Findings
    })
}

fn plan(
    args: &DemoArgs,
    scenario: Scenario,
    plugins: &Path,
    several: bool,
) -> Result<ContainersPlan, Failure> {
    let containers = &args.containers;
    let project = containers.project.clone().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "--target docker needs --project NAME, the Compose project of the cluster",
        )
    })?;
    let variant = super::variant(args, &scenario)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot find this program: {error}")))?;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ok(ContainersPlan {
        data: data(args.data.as_deref(), &scenario.id, several),
        plugins: plugins.to_owned(),
        record: args.record.clone(),
        project,
        docker_host: containers.docker.docker_host.clone(),
        state: containers.docker.state.clone(),
        launcher: Launcher {
            program,
            leading: vec!["chaos".to_owned()],
        },
        learn_ms: milliseconds(containers.learn),
        fault_ms: milliseconds(containers.fault_for),
        variant,
        scenario,
    })
}

async fn one(
    plan: &ContainersPlan,
    engine: &Engine,
    stop: &Stop,
    console: &Console,
) -> Result<Score, Failure> {
    let mut sink: Box<dyn Sink> = if console.json {
        Box::new(JsonSink::new(std::io::stdout()))
    } else {
        Box::new(HumanSink::new(
            std::io::stdout(),
            console.style,
            Stamp::TimeOfDay,
        ))
    };
    let played = play_on_containers(plan, engine, stop, sink.as_mut()).await?;
    if console.json {
        console.value(&played.score)?;
    } else {
        console.line(&ending(&plan.data, false, &played, console))?;
    }
    Ok(played.score)
}
