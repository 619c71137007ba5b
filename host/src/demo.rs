//! `operator demo`: a simulated system in virtual time, a fault, and the same code as `run`.
//!
//! The conveyor gets the same ports as ever and is told nothing of the fault; the announcement goes to the
//! person who watches, and the truth to the judge who scores when everything is over.

mod containers;
mod score;
mod shared;
mod simulated_ports;
mod speed;
mod swap;

pub use containers::{ContainersPlan, play_on_containers};
pub use score::{ActionGrade, Score};
pub use speed::Speed;
pub use swap::{SwapPlan, Swapped};

use crate::demo::simulated_ports::SimulatedWorld;
use crate::exit::{Exit, Failure};
use operator_engine::daemon::Daemon;
use operator_engine::event::Sink;
use operator_engine::settings::{Settings, TargetSettings};
use operator_engine::tick::assemble;
use operator_journal::store::TicketLog;
use operator_model::{Ticket, Timestamp};
use operator_net::ports::real::RealClock;
use operator_net::ports::{Clock as _, Ports};
use operator_plugin_host::Engine;
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::scenario::{Scenario, Variant};
use shared::Shared;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use swap::Swapping;

/// Virtual time from one tick to the next.
const TICK_INTERVAL_MS: u64 = 1_000;

/// One line says that time passes while the detectors learn what is normal.
const LEARNING_LINE_EVERY_MS: u64 = 30_000;

/// What is played, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The story.
    pub scenario: Scenario,
    /// Which way it goes.
    pub variant: Variant,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Directory with the subject and `invariants/`.
    pub plugins: PathBuf,
    /// Where tickets and the decision log go; must not have any yet.
    pub data: PathBuf,
    /// Record everything into this new file.
    pub record: Option<PathBuf>,
    /// Change a module in the middle of the incident.
    pub swap: Option<SwapPlan>,
    /// How fast virtual time passes for whoever watches.
    pub speed: Speed,
    /// Virtual time that is still played after the first ticket; the whole scenario when there is none.
    pub after_ticket_ms: Option<u64>,
}

/// How it went.
#[derive(Debug)]
pub struct Played {
    /// The ticket about the fault, as it stands at the end.
    pub ticket: Option<Ticket>,
    /// How good it is.
    pub score: Score,
    /// What the swap changed, if one was asked for and came about.
    pub swapped: Option<Swapped>,
    /// Time that passed, virtual where the system is.
    pub virtual_ms: u64,
}

/// Plays a scenario.
///
/// # Errors
/// A plugin or the data directory cannot be used.
pub async fn play(plan: &Plan, engine: &Engine, sink: &mut dyn Sink) -> Result<Played, Failure> {
    refuse_a_used_directory(&plan.data)?;
    let config = ClusterConfig {
        seed: plan.seed,
        ..ClusterConfig::default()
    };
    let simulator = Shared::new(Simulator::with_scenario(
        config,
        &plan.scenario,
        &plan.variant,
    ));
    let world = SimulatedWorld::new(Box::new(simulator.clone()));
    let ports = world.ports();
    let settings = settings(plan, &world)?;
    let opened = TicketLog::open(&settings.data, ports.clock.now()).await?;
    let policy = settings.egress_policy();
    let assembly = assemble(&settings, policy, &ports, engine, &RealClock, &mut |line| {
        sink.progress(&line)
    })
    .await
    .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let began = ports.clock.now();
    sink.story(
        began,
        "demo",
        &format!(
            "{}: {} (seed {})",
            plan.scenario.id, plan.scenario.title, plan.seed
        ),
    );
    let daemon = Daemon::start(&settings, Arc::clone(&ports.clock), assembly, opened, sink).await?;
    let (ticks, tickets, swapped) = watch(plan, &ports, daemon, began).await?;
    let truth = score::Truth {
        truth: &plan.variant.truth,
        began,
        onset: began.plus_ms(plan.scenario.onset_ms),
        chosen_component: simulator.chosen_component(),
    };
    let (score, ticket) = score::score(
        &plan.scenario.id,
        &plan.variant.id,
        plan.seed,
        &truth,
        tickets,
    );
    Ok(Played {
        ticket,
        score,
        swapped,
        virtual_ms: ticks.saturating_mul(TICK_INTERVAL_MS),
    })
}

fn refuse_a_used_directory(data: &Path) -> Result<(), Failure> {
    if data.join(operator_journal::FILE_NAME).exists() {
        let message = format!(
            "{} has a decision log already: a demo needs a directory of its own",
            data.display()
        );
        return Err(Failure::new(Exit::Config, message));
    }
    Ok(())
}

/// Ticks until the story is told; gives the number of ticks, all tickets, and what a swap changed.
async fn watch(
    plan: &Plan,
    ports: &Ports,
    mut daemon: Daemon<'_>,
    began: Timestamp,
) -> Result<(u64, Vec<Ticket>, Option<Swapped>), Failure> {
    let onset = began.plus_ms(plan.scenario.onset_ms);
    let mut end = began.plus_ms(plan.scenario.duration_ms);
    let (mut ticks, mut announced) = (0_u64, false);
    let (mut swapping, mut swapped) = (plan.swap.clone().map(Swapping::new), None);
    loop {
        let now = ports.clock.now();
        if now >= onset && !announced && !plan.variant.actions.is_empty() {
            announced = true;
            daemon.sink().story(
                now,
                "fault",
                &format!("(the fault is injected now: {})", plan.scenario.description),
            );
        }
        if now >= end {
            break;
        }
        let begun = RealClock.now();
        let report = daemon.tick(0).await?;
        ticks += 1;
        if let Some(swapping) = &mut swapping {
            let checks = Arc::clone(daemon.checks());
            let shown = swapping.follow(now, &report, &checks).await;
            swapped =
                swapped.or(shown.map_err(|error| Failure::new(Exit::Config, error.to_string()))?);
        }
        if let Some(after_ms) = plan
            .after_ticket_ms
            .filter(|_| report.opened > 0 && now >= onset)
        {
            end = end.min(now.plus_ms(after_ms));
        }
        let since_ms = now.since_ms(began);
        if now < onset && since_ms > 0 && since_ms.is_multiple_of(LEARNING_LINE_EVERY_MS) {
            let text = format!(
                "{} s watched, {} s until something happens",
                since_ms / 1_000,
                onset.since_ms(now) / 1_000
            );
            daemon.sink().story(now, "learn", &text);
        }
        ports
            .clock
            .sleep(Duration::from_millis(TICK_INTERVAL_MS))
            .await;
        let pause = plan
            .speed
            .pause(now >= onset, RealClock.now().since_ms(begun));
        if !pause.is_zero() {
            RealClock.sleep(pause).await;
        }
    }
    let tickets = daemon.tickets();
    daemon.stop("the demo is over".to_owned()).await?;
    Ok((ticks, tickets, swapped))
}

/// The simulated system, as an operator would be configured for it.
fn settings(plan: &Plan, world: &SimulatedWorld) -> Result<Settings, Failure> {
    let mut settings = Settings::new(plan.plugins.join(&plan.scenario.plugin));
    for (name, origin) in world.targets() {
        let origin = origin.parse().map_err(|why| {
            Failure::new(
                Exit::Internal,
                format!("the simulator's target {name}: {why}"),
            )
        })?;
        settings.targets.insert(name, TargetSettings::new(origin));
    }
    settings.invariants = vec![plan.plugins.join("invariants")];
    settings.data.clone_from(&plan.data);
    settings.tick_interval_ms = TICK_INTERVAL_MS;
    settings.record.clone_from(&plan.record);
    Ok(settings)
}

#[cfg(test)]
mod tests;
