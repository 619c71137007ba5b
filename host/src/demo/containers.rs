//! `operator demo --target docker`: the same conveyor on a real system in containers, in real time. The fault is made by
//! the chaos toolkit with its guaranteed undo; the conveyor is told nothing of it.

use super::score;
use super::{Played, TICK_INTERVAL_MS};
use crate::config::ConfigErrors;
use crate::exit::{Exit, Failure};
use operator_engine::daemon::{Daemon, Stop};
use operator_engine::event::Sink;
use operator_engine::settings::{Settings, TargetSettings};
use operator_engine::tick::assemble;
use operator_inject::inject::{self, Because, Progress};
use operator_inject::stage::{self, Stage};
use operator_inject::{DockerError, Launcher};
use operator_journal::store::TicketLog;
use operator_model::Timestamp;
use operator_net::ports::http::NameService;
use operator_net::ports::real::{RealClock, real_ports_with_names};
use operator_net::ports::{BoxFuture, Clock as _};
use operator_plugin_host::Engine;
use operator_sim::scenario::{Scenario, Truth, Variant};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Networks that Docker gives its containers addresses from.
const CONTAINER_NETWORKS: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Watched after the fault is undone, so that what it left behind is seen too.
const AFTERWARDS_MS: u64 = 30_000;

/// Pieces of progress of an injection that can wait to be told.
const PROGRESS_MAX: usize = 64;

/// What is played on containers, and how.
#[derive(Debug, Clone)]
pub struct ContainersPlan {
    /// The story.
    pub scenario: Scenario,
    /// Which way it goes.
    pub variant: Variant,
    /// The Compose project.
    pub project: String,
    /// Socket of dockerd.
    pub docker_host: String,
    /// Directory of the injector's journal.
    pub state: PathBuf,
    /// How this program is started again, as a watchdog.
    pub launcher: Launcher,
    /// Time in which the detectors learn what is normal.
    pub learn_ms: u64,
    /// How long the fault lasts.
    pub fault_ms: u64,
    /// Directory with the subject and `invariants/`.
    pub plugins: PathBuf,
    /// Where tickets and the decision log go; must not have any yet.
    pub data: PathBuf,
    /// Record everything into this new file.
    pub record: Option<PathBuf>,
}

/// Plays a scenario on containers.
///
/// # Errors
/// The project is not there or not armed, the fault cannot be made, a plugin or the data directory cannot be used, or
/// someone asked to `stop`: a fault that was cut short is not scored.
pub async fn play_on_containers(
    plan: &ContainersPlan,
    engine: &Engine,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Played, Failure> {
    super::refuse_a_used_directory(&plan.data)?;
    // Heard from here on: a signal while the fault is being prepared must not be lost.
    let signals = inject::Stop::listen()?;
    let stage = Stage::open(&plan.docker_host, &plan.project).await?;
    // Before anyone waits for the detectors to learn.
    stage
        .rehearse(
            &plan.variant.fault,
            plan.learn_ms,
            plan.fault_ms,
            &plan.launcher,
        )
        .await?;
    let settings = settings(plan, &stage).await?;
    let policy = settings.egress_policy();
    let world = settings
        .real_world(&policy)
        .map_err(|errors| config(ConfigErrors::from(errors).to_string()))?;
    let ports = real_ports_with_names(world, Arc::new(ContainerNames(stage.clone())));
    let opened = TicketLog::open(&settings.data, ports.clock.now()).await?;
    let assembly = assemble(&settings, policy, &ports, engine, &RealClock, &mut |line| {
        sink.progress(&line)
    })
    .await
    .map_err(|error| config(error.to_string()))?;
    let began = ports.clock.now();
    let title = format!(
        "{}: {} (project {})",
        plan.scenario.id, plan.scenario.title, plan.project
    );
    sink.story(began, "demo", &title);
    let daemon = Daemon::start(&settings, Arc::clone(&ports.clock), assembly, opened, sink).await?;
    let (go, may_go) = oneshot::channel();
    let (tell, told) = mpsc::channel(PROGRESS_MAX);
    let (injected, watched) = tokio::join!(
        inject(plan, &stage, signals, may_go, tell),
        watch(plan, stop, daemon, began, go, told)
    );
    // First what may be left in the containers.
    let because = injected?;
    let (tickets, onset) = watched?;
    if stop.requested().is_some() || because == Some(Because::Signal) {
        return Err(interrupted(plan));
    }
    Ok(judged(plan, began, onset.unwrap_or(began), tickets))
}

/// Waits for its turn, then makes the fault, holds it and undoes it.
async fn inject(
    plan: &ContainersPlan,
    stage: &Stage,
    signals: inject::Stop,
    may_go: oneshot::Receiver<()>,
    tell: mpsc::Sender<Progress>,
) -> Result<Option<Because>, DockerError> {
    if may_go.await.is_err() {
        return Ok(None);
    }
    // Nobody is kept from undoing by a listener that is slow.
    let mut say = |progress| drop(tell.try_send(progress));
    let card = &plan.variant.fault;
    stage
        .inject(
            card,
            plan.fault_ms,
            &plan.state,
            &plan.launcher,
            signals,
            &mut say,
        )
        .await
        .map(Some)
}

/// Ticks in real time until the fault is undone and the afterwards is over; gives the tickets and when the fault began.
/// There is no afterwards when the fault was not made, or when someone asked to stop: then it is over once it is undone.
async fn watch(
    plan: &ContainersPlan,
    stop: &Stop,
    mut daemon: Daemon<'_>,
    began: Timestamp,
    go: oneshot::Sender<()>,
    mut told: mpsc::Receiver<Progress>,
) -> Result<(Vec<operator_model::Ticket>, Option<Timestamp>), Failure> {
    let (mut go, mut course, mut end) = (Some(go), Course::default(), None);
    loop {
        let now = RealClock.now();
        if stop.requested().is_some() {
            // Who waits for it makes no fault any more.
            go = None;
        }
        if now.since_ms(began) >= plan.learn_ms
            && let Some(go) = go.take()
        {
            daemon.sink().story(
                now,
                "fault",
                &format!("(the fault is made now: {})", plan.scenario.description),
            );
            let _ = go.send(());
        }
        loop {
            match told.try_recv() {
                Ok(progress) => follow(&progress, now, &mut daemon, &mut course),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    end = end.or(Some(now.plus_ms(if course.went_through {
                        AFTERWARDS_MS
                    } else {
                        0
                    })));
                    if stop.requested().is_some() {
                        end = Some(now);
                    }
                    break;
                }
            }
        }
        if end.is_some_and(|end| now >= end) {
            break;
        }
        daemon.tick(0).await?;
        let spent_ms = RealClock.now().since_ms(now);
        RealClock
            .sleep(Duration::from_millis(
                TICK_INTERVAL_MS.saturating_sub(spent_ms),
            ))
            .await;
    }
    let tickets = daemon.tickets();
    daemon
        .stop(
            stop.requested()
                .unwrap_or_else(|| "the demo is over".to_owned()),
        )
        .await?;
    Ok((tickets, course.onset))
}

/// How far the fault has come.
#[derive(Default)]
struct Course {
    onset: Option<Timestamp>,
    /// It was made and undone, and nobody cut it short.
    went_through: bool,
}

fn follow(progress: &Progress, now: Timestamp, daemon: &mut Daemon<'_>, course: &mut Course) {
    let text = match progress {
        Progress::Active {
            began_ms,
            containers,
            ..
        } => {
            course.onset = Some(Timestamp(*began_ms));
            format!("(it is active on {})", containers.join(", "))
        }
        Progress::Acted { container, step } => format!("({container}: {step})"),
        Progress::Undone { because, .. } => {
            course.went_through = *because != Because::Signal;
            "(the fault is undone)".to_owned()
        }
        Progress::Recovered { .. } | Progress::Journaled { .. } => return,
    };
    daemon.sink().story(now, "fault", &text);
}

/// The truth of a card names components of the simulator; in containers they go by the names of their services.
fn judged(
    plan: &ContainersPlan,
    began: Timestamp,
    onset: Timestamp,
    tickets: Vec<operator_model::Ticket>,
) -> Played {
    let mut truth: Truth = plan.variant.truth.clone();
    if !truth.component.is_empty() {
        truth.component = plan.project.clone();
        truth.component_aliases = stage::component_names(&plan.variant.fault).unwrap_or_default();
    }
    let truth = score::Truth {
        truth: &truth,
        began,
        onset,
        chosen_component: None,
    };
    let (score, ticket) = score::score(&plan.scenario.id, &plan.variant.id, 0, &truth, tickets);
    Played {
        ticket,
        score,
        swapped: None,
        virtual_ms: RealClock.now().since_ms(began),
    }
}

/// What an operator beside the containers would be configured with.
async fn settings(plan: &ContainersPlan, stage: &Stage) -> Result<Settings, Failure> {
    let mut settings = Settings::new(plan.plugins.join(&plan.scenario.plugin));
    for (name, origin) in stage.entrances().await? {
        let origin = origin
            .parse()
            .map_err(|why| Failure::new(Exit::Internal, format!("the target {name}: {why}")))?;
        settings.targets.insert(name, TargetSettings::new(origin));
    }
    settings.discovery.networks = CONTAINER_NETWORKS
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect();
    settings.invariants = vec![plan.plugins.join("invariants")];
    settings.data.clone_from(&plan.data);
    settings.tick_interval_ms = TICK_INTERVAL_MS;
    settings.record.clone_from(&plan.record);
    Ok(settings)
}

/// Names as the containers of a project know one another; no other name means anything.
struct ContainerNames(Stage);

impl NameService for ContainerNames {
    fn addresses<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let all = self
                .0
                .addresses()
                .await
                .map_err(|error| io::Error::other(error.to_string()))?;
            let found = all
                .get(host)
                .filter(|addresses| !addresses.is_empty())
                .ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::NotFound,
                        format!("no running container is called {host}"),
                    )
                })?;
            Ok(found
                .iter()
                .map(|address| SocketAddr::new(*address, port))
                .collect())
        })
    }
}

fn interrupted(plan: &ContainersPlan) -> Failure {
    let message = format!(
        "interrupted: {} is not scored, and no fault of it is left; what was seen is in {}",
        plan.scenario.id,
        plan.data.display()
    );
    Failure::new(Exit::Findings, message)
}

fn config(message: String) -> Failure {
    Failure::new(Exit::Config, message)
}
