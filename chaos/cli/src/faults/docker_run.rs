//! `operator chaos run FAULT --target docker`.

use super::{Output, RunArgs};
use crate::duration::milliseconds;
use operator_inject::arm;
use operator_inject::capability::Capabilities;
use operator_inject::inject::{self, Progress, Stop};
use operator_inject::plan;
use operator_inject::target::Selection;
use operator_inject::{DockerError, Engine, Launcher, Part, Request};
use operator_inject::{catalogue, fault_plan, stage};

/// Long enough to observe the fault, short enough to be undone soon when it is forgotten.
const DEFAULT_MS: u64 = 60_000;

pub(super) async fn run(
    args: &RunArgs,
    launcher: &Launcher,
    output: &mut Output<'_>,
) -> Result<(), DockerError> {
    let request = request(args, launcher)?;
    let engine = Engine::connect(&args.docker.docker_host).await?;
    let capabilities = Capabilities::probe();
    let plan = plan::plan(&engine, &request, &capabilities).await?;
    if args.targets.dry_run {
        if output.json {
            return output.value(&plan);
        }
        output.line(&plan.human());
        output.line("nothing was injected (--dry-run)");
        return Ok(());
    }
    let mut failure = None;
    let json = output.json;
    let mut report = |progress: Progress| {
        let written = if json {
            output.value(&progress)
        } else {
            output.line(&human(&progress));
            Ok(())
        };
        failure = failure.take().or(written.err());
    };
    inject::inject(
        &engine,
        &plan,
        &args.docker.state,
        launcher,
        Stop::listen()?,
        &mut report,
    )
    .await?;
    failure.map_or(Ok(()), Err)
}

fn request(args: &RunArgs, launcher: &Launcher) -> Result<Request, DockerError> {
    let targets = &args.targets;
    let project = targets.project.clone();
    let project = project
        .ok_or_else(|| DockerError::Refused("--target docker needs --project NAME".to_owned()))?;
    let for_ms = args.for_time.map_or(DEFAULT_MS, milliseconds);
    let parts = match catalogue::find(&args.fault) {
        Some(_) => vec![part(args)],
        None => fault_plan::parts(&args.fault)?,
    };
    Ok(Request {
        name: args.fault.clone(),
        project,
        begins_in_ms: 0,
        for_ms,
        parts,
        load_program: targets
            .load_program
            .clone()
            .or_else(|| stage::load_program(launcher)),
        load_endpoints: targets.load_endpoints.clone(),
    })
}

/// A fault in the containers that the arguments select.
fn part(args: &RunArgs) -> Part {
    let targets = &args.targets;
    let selection = Selection {
        services: targets.service.clone(),
        names: targets.name.clone(),
        labels: targets.label.clone(),
        count_max: targets.count,
        peers: targets.peer.clone(),
    };
    Part {
        after_ms: 0,
        fault: args.fault.clone(),
        selection,
        settings: targets.set.iter().cloned().collect(),
        directory: targets.directory.clone(),
    }
}

fn human(progress: &Progress) -> String {
    match progress {
        Progress::Recovered { injections } => {
            format!(
                "undid the faults of dead injectors: {}",
                injections.join(", ")
            )
        }
        Progress::Journaled {
            injection,
            watchdog,
        } => {
            format!("injection {injection} is in the journal; watchdog {watchdog} is ready")
        }
        Progress::Acted { container, step } => format!("{container}: {step}"),
        Progress::Active {
            fault,
            until_ms,
            containers,
            ..
        } => {
            let until = arm::utc_time(*until_ms);
            format!(
                "{fault} is active on {} until {until}; press Ctrl-C to undo it now",
                containers.join(", ")
            )
        }
        Progress::Undone { injection, because } => {
            let because = match because {
                inject::Because::Time => "its time is up",
                inject::Because::Signal => "interrupted",
                inject::Because::WatchdogDied => "its watchdog died",
                inject::Because::UndoneElsewhere => "another process undid it",
            };
            format!("injection {injection} is undone: {because}")
        }
    }
}
