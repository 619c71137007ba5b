//! `operator demo`: a simulated system in virtual time, a fault, and the same code as `run`.
//!
//! The pipeline runs behind its regular ports and knows nothing of the fault. Only the viewer sees the
//! announcement, and only the score, computed at the end, knows the ground truth.

mod containers;
mod noting;
mod score;
mod shared;
pub mod simulated_ports;
mod speed;
mod swap;

pub use containers::{ContainersPlan, play_on_containers};
pub use score::{ActionGrade, Score};
pub use speed::Speed;
pub use swap::{SwapPlan, Swapped};

use crate::demo::simulated_ports::SimulatedWorld;
use crate::exit::{Exit, Failure};
use noting::NotingSink;
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
use operator_sim::noise::Noise;
use operator_sim::scenario::{Scenario, Variant};
use shared::SharedSimulator;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use swap::SwapDriver;

/// Virtual time from one tick of a demo to the next.
pub const TICK_INTERVAL_MS: u64 = 1_000;

/// Interval of progress lines while the detectors learn a baseline.
const LEARNING_LINE_EVERY_MS: u64 = 30_000;

/// What to play, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario.
    pub scenario: Scenario,
    /// Its variant.
    pub variant: Variant,
    /// Random seed.
    pub seed: u64,
    /// Directory with the subject plugin and `invariants/`.
    pub plugins: PathBuf,
    /// Data directory; must not hold a decision log yet.
    pub data: PathBuf,
    /// Record everything to this new file.
    pub record: Option<PathBuf>,
    /// Swap a check plugin during the incident.
    pub swap: Option<SwapPlan>,
    /// Playback speed.
    pub speed: Speed,
    /// Virtual time between two ticks, in milliseconds.
    pub tick_interval_ms: u64,
    /// What varies without a cause; the usual noise if absent.
    pub noise: Option<&'static Noise>,
    /// Virtual time to play after the first ticket; `None` plays the whole scenario.
    pub after_ticket_ms: Option<u64>,
}

/// Outcome of a demo.
#[derive(Debug)]
pub struct Played {
    /// The ticket about the fault, in its final state.
    pub ticket: Option<Ticket>,
    /// Its score.
    pub score: Score,
    /// Effect of the swap, if one was performed.
    pub swapped: Option<Swapped>,
    /// Elapsed time of the observed system, in milliseconds.
    pub virtual_ms: u64,
}

/// Plays a scenario.
///
/// # Errors
/// A plugin or the data directory is unusable.
pub async fn play(plan: &Plan, engine: &Engine, sink: &mut dyn Sink) -> Result<Played, Failure> {
    refuse_a_used_directory(&plan.data)?;
    let config = ClusterConfig {
        seed: plan.seed,
        ..ClusterConfig::default()
    };
    let config = match plan.noise {
        Some(noise) => config.with_noise(noise),
        None => config,
    };
    let simulator = SharedSimulator::new(Simulator::with_scenario(
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
    sink.narrate(
        began,
        "demo",
        &format!(
            "{}: {} (seed {})",
            plan.scenario.id, plan.scenario.title, plan.seed
        ),
    );
    let mut noting = NotingSink::around(sink);
    let clock = Arc::clone(&ports.clock);
    let daemon = Daemon::start(&settings, clock, assembly, opened, &mut noting).await?;
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
        &noting.suspected,
    );
    Ok(Played {
        ticket,
        score,
        swapped,
        virtual_ms: ticks.saturating_mul(plan.tick_interval_ms),
    })
}

fn refuse_a_used_directory(data: &Path) -> Result<(), Failure> {
    if data.join(operator_journal::FILE_NAME).exists() {
        let message = format!(
            "{} already has a decision log: pass a new directory with --data",
            data.display()
        );
        return Err(Failure::new(Exit::Config, message));
    }
    Ok(())
}

/// Ticks until the scenario ends; returns the number of ticks, all tickets, and the effect of a swap.
async fn watch(
    plan: &Plan,
    ports: &Ports,
    mut daemon: Daemon<'_>,
    began: Timestamp,
) -> Result<(u64, Vec<Ticket>, Option<Swapped>), Failure> {
    let onset = began.plus_ms(plan.scenario.onset_ms);
    let mut end = began.plus_ms(plan.scenario.duration_ms);
    let mut ticks = 0_u64;
    let mut announced = false;
    let mut swap = plan.swap.clone().map(SwapDriver::new);
    let mut swapped = None;
    loop {
        let now = ports.clock.now();
        if now >= onset && !announced && !plan.variant.actions.is_empty() {
            announced = true;
            daemon.sink().narrate(
                now,
                "fault",
                &format!("(injecting now: {})", plan.scenario.description),
            );
        }
        if now >= end {
            break;
        }
        let begun = RealClock.now();
        let report = daemon.tick(0).await?;
        ticks += 1;
        if let Some(swap) = &mut swap {
            let checks = Arc::clone(daemon.checks());
            let shown = swap.follow(now, &report, &checks).await;
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
                "{} s of baseline observed, {} s until the scenario begins",
                since_ms / 1_000,
                onset.since_ms(now) / 1_000
            );
            daemon.sink().narrate(now, "learn", &text);
        }
        ports
            .clock
            .sleep(Duration::from_millis(plan.tick_interval_ms))
            .await;
        let pause = plan
            .speed
            .pause(now >= onset, RealClock.now().since_ms(begun));
        if !pause.is_zero() {
            RealClock.sleep(pause).await;
        }
    }
    let tickets = daemon.tickets();
    daemon.stop("demo finished".to_owned()).await?;
    Ok((ticks, tickets, swapped))
}

/// Settings for the simulated cluster.
fn settings(plan: &Plan, world: &SimulatedWorld) -> Result<Settings, Failure> {
    let mut settings = Settings::new(plan.plugins.join(&plan.scenario.plugin));
    for (name, origin) in world.targets() {
        let origin = origin.parse().map_err(|why| {
            Failure::new(
                Exit::Internal,
                format!("invalid simulator target {name}: {why}"),
            )
        })?;
        settings.targets.insert(name, TargetSettings::new(origin));
    }
    settings.invariants = vec![plan.plugins.join("invariants")];
    settings.data.clone_from(&plan.data);
    settings.tick_interval_ms = plan.tick_interval_ms;
    settings.record.clone_from(&plan.record);
    Ok(settings)
}

#[cfg(test)]
mod tests;
