//! `operator chaos run FAULT --target docker`.

use super::{RunArgs, Voice};
use crate::docker::capability::Capabilities;
use crate::docker::inject::{self, Progress, Stop};
use crate::docker::plan::{self, Part, Request};
use crate::docker::target::Selection;
use crate::docker::{DockerError, Engine, Launcher, arm};
use crate::docker::{cards, catalogue, stage};

/// Long enough to look, short enough to forget.
const USUAL_MS: u64 = 60_000;

pub(super) async fn run(
    args: &RunArgs,
    launcher: &Launcher,
    voice: &mut Voice<'_>,
) -> Result<(), DockerError> {
    let request = request(args, launcher)?;
    let engine = Engine::connect(&args.docker.docker_host).await?;
    let capabilities = Capabilities::probe();
    let plan = plan::plan(&engine, &request, &capabilities).await?;
    if args.whom.dry_run {
        if voice.json {
            return voice.value(&plan);
        }
        voice.line(&plan.human());
        voice.line("nothing was done (--dry-run)");
        return Ok(());
    }
    let mut failure = None;
    let json = voice.json;
    let mut say = |progress: Progress| {
        let written = if json {
            voice.value(&progress)
        } else {
            voice.line(&human(&progress));
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
        &mut say,
    )
    .await?;
    failure.map_or(Ok(()), Err)
}

fn request(args: &RunArgs, launcher: &Launcher) -> Result<Request, DockerError> {
    let whom = &args.whom;
    let project = whom.project.clone();
    let project = project
        .ok_or_else(|| DockerError::Refused("--target docker needs --project".to_owned()))?;
    let for_ms = args.for_time.map_or(USUAL_MS, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    });
    let parts = match catalogue::find(&args.fault) {
        Some(_) => vec![part(args)],
        None => cards::parts(&args.fault)?,
    };
    Ok(Request {
        name: args.fault.clone(),
        project,
        begins_in_ms: 0,
        for_ms,
        parts,
        load_program: whom
            .load_program
            .clone()
            .or_else(|| stage::load_program(launcher)),
        load_endpoints: whom.load_endpoints.clone(),
    })
}

/// A fault that hits whoever was named.
fn part(args: &RunArgs) -> Part {
    let whom = &args.whom;
    let selection = Selection {
        services: whom.service.clone(),
        names: whom.name.clone(),
        labels: whom.label.clone(),
        count_max: whom.count,
        peers: whom.peer.clone(),
    };
    Part {
        after_ms: 0,
        fault: args.fault.clone(),
        selection,
        settings: whom.set.iter().cloned().collect(),
        directory: whom.directory.clone(),
    }
}

fn human(progress: &Progress) -> String {
    match progress {
        Progress::Recovered { injections } => {
            format!(
                "undone what dead injectors had left: {}",
                injections.join(", ")
            )
        }
        Progress::Journaled {
            injection,
            watchdog,
        } => {
            format!("injection {injection} is written down; watchdog {watchdog} stands by")
        }
        Progress::Acted { container, step } => format!("{container}: {step}"),
        Progress::Active {
            fault,
            until_ms,
            containers,
            ..
        } => {
            let until = arm::written(*until_ms);
            format!(
                "{fault} is active on {} until {until}; Ctrl-C undoes it now",
                containers.join(", ")
            )
        }
        Progress::Undone { injection, because } => {
            let because = match because {
                inject::Because::Time => "its time is over",
                inject::Because::Signal => "asked to stop",
                inject::Because::WatchdogDied => "its watchdog died",
                inject::Because::UndoneElsewhere => "someone else undid it",
            };
            format!("injection {injection} is undone: {because}")
        }
    }
}
