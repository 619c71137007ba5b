//! `operator demo --target docker`: the same pipeline on a real cluster in containers, in real time. The chaos
//! toolkit injects the fault with its guaranteed undo; the pipeline knows nothing of it.

use super::noting::NotingSink;
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
use operator_model::{IncidentKey, Timestamp};
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

/// Networks from which Docker assigns container addresses.
const CONTAINER_NETWORKS: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Observation time after the undo, in milliseconds: aftereffects belong to the incident.
const AFTERWARDS_MS: u64 = 30_000;

/// Progress messages of an injection that can be queued.
const PROGRESS_MAX: usize = 64;

/// What to play on containers, and how.
#[derive(Debug, Clone)]
pub struct ContainersPlan {
    /// The scenario.
    pub scenario: Scenario,
    /// Its variant.
    pub variant: Variant,
    /// The Compose project.
    pub project: String,
    /// Socket of dockerd.
    pub docker_host: String,
    /// Directory of the injector's journal.
    pub state: PathBuf,
    /// How to start this program as the watchdog.
    pub launcher: Launcher,
    /// Learning time of the detectors before the fault, in milliseconds.
    pub learn_ms: u64,
    /// Duration of the fault, in milliseconds.
    pub fault_ms: u64,
    /// Directory with the subject plugin and `invariants/`.
    pub plugins: PathBuf,
    /// Data directory; must not hold a decision log yet.
    pub data: PathBuf,
    /// Record everything to this new file.
    pub record: Option<PathBuf>,
}

/// Plays a scenario on containers.
///
/// # Errors
/// The project does not exist or is not armed, the fault cannot be injected, a plugin or the data directory is
/// unusable, or `stop` was requested: an interrupted fault is not scored.
pub async fn play_on_containers(
    plan: &ContainersPlan,
    engine: &Engine,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Played, Failure> {
    super::refuse_a_used_directory(&plan.data)?;
    // Listen from here on: a signal during preparation must not be lost.
    let signals = inject::Stop::listen()?;
    let stage = Stage::open(&plan.docker_host, &plan.project).await?;
    // Fail before the learning time, not after it.
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
    sink.narrate(began, "demo", &title);
    let mut noting = NotingSink::around(sink);
    let clock = Arc::clone(&ports.clock);
    let daemon = Daemon::start(&settings, clock, assembly, opened, &mut noting).await?;
    let (go, may_go) = oneshot::channel();
    let (progress_sender, progress) = mpsc::channel(PROGRESS_MAX);
    let (injected, watched) = tokio::join!(
        inject(plan, &stage, signals, may_go, progress_sender),
        watch(plan, stop, daemon, began, go, progress)
    );
    // The injection first: its error reports what may be left in the containers.
    let because = injected?;
    let (tickets, onset) = watched?;
    if stop.requested().is_some() || because == Some(Because::Signal) {
        return Err(interrupted(plan));
    }
    let onset = onset.unwrap_or(began);
    Ok(scored(plan, began, onset, tickets, &noting.suspected))
}

/// Waits for the learning time, then injects the fault, keeps it active and undoes it.
async fn inject(
    plan: &ContainersPlan,
    stage: &Stage,
    signals: inject::Stop,
    may_go: oneshot::Receiver<()>,
    progress: mpsc::Sender<Progress>,
) -> Result<Option<Because>, DockerError> {
    if may_go.await.is_err() {
        return Ok(None);
    }
    // A slow listener must not delay the undo, so messages are dropped when the queue is full.
    let mut report = |step| drop(progress.try_send(step));
    let fault = &plan.variant.fault;
    stage
        .inject(
            fault,
            plan.fault_ms,
            &plan.state,
            &plan.launcher,
            signals,
            &mut report,
        )
        .await
        .map(Some)
}

/// Ticks in real time until the observation time after the undo is over; returns the tickets and the onset.
/// Without a fault, or after a stop request, there is no observation time after the undo.
async fn watch(
    plan: &ContainersPlan,
    stop: &Stop,
    mut daemon: Daemon<'_>,
    began: Timestamp,
    go: oneshot::Sender<()>,
    mut progress: mpsc::Receiver<Progress>,
) -> Result<(Vec<operator_model::Ticket>, Option<Timestamp>), Failure> {
    let mut go = Some(go);
    let mut injection = InjectionState::default();
    let mut end = None;
    loop {
        let now = RealClock.now();
        if stop.requested().is_some() {
            // Dropping the sender cancels a fault that has not been injected yet.
            go = None;
        }
        if now.since_ms(began) >= plan.learn_ms
            && let Some(go) = go.take()
        {
            daemon.sink().narrate(
                now,
                "fault",
                &format!("(injecting now: {})", plan.scenario.description),
            );
            let _ = go.send(());
        }
        loop {
            match progress.try_recv() {
                Ok(step) => follow(&step, now, &mut daemon, &mut injection),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    end = end.or(Some(now.plus_ms(if injection.completed {
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
                .unwrap_or_else(|| "demo finished".to_owned()),
        )
        .await?;
    Ok((tickets, injection.onset))
}

/// Progress of the injection.
#[derive(Default)]
struct InjectionState {
    onset: Option<Timestamp>,
    /// Injected and undone without interruption.
    completed: bool,
}

fn follow(
    progress: &Progress,
    now: Timestamp,
    daemon: &mut Daemon<'_>,
    injection: &mut InjectionState,
) {
    let text = match progress {
        Progress::Active {
            began_ms,
            containers,
            ..
        } => {
            injection.onset = Some(Timestamp(*began_ms));
            format!("(active on {})", containers.join(", "))
        }
        Progress::Acted { container, step } => format!("({container}: {step})"),
        Progress::Undone { because, .. } => {
            injection.completed = *because != Because::Signal;
            "(undone)".to_owned()
        }
        Progress::Recovered { .. } | Progress::Journaled { .. } => return,
    };
    daemon.sink().narrate(now, "fault", &text);
}

/// The ground truth names components of the simulator; containers are known by their service names.
fn scored(
    plan: &ContainersPlan,
    began: Timestamp,
    onset: Timestamp,
    tickets: Vec<operator_model::Ticket>,
    suspected: &[(IncidentKey, Timestamp)],
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
    let (score, ticket) = score::score(
        &plan.scenario.id,
        &plan.variant.id,
        0,
        &truth,
        tickets,
        suspected,
    );
    Played {
        ticket,
        score,
        swapped: None,
        virtual_ms: RealClock.now().since_ms(began),
    }
}

/// Settings for an operator on the container network.
async fn settings(plan: &ContainersPlan, stage: &Stage) -> Result<Settings, Failure> {
    let mut settings = Settings::new(plan.plugins.join(&plan.scenario.plugin));
    for (name, origin) in stage.entrances().await? {
        let origin = origin
            .parse()
            .map_err(|why| Failure::new(Exit::Internal, format!("invalid target {name}: {why}")))?;
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

/// Resolves the names that containers of a project use for each other, and no others.
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
                        format!("no running container is named {host}"),
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
        "interrupted: {} is not scored; its fault is undone, and observations are in {}",
        plan.scenario.id,
        plan.data.display()
    );
    Failure::new(Exit::Findings, message)
}

fn config(message: String) -> Failure {
    Failure::new(Exit::Config, message)
}
