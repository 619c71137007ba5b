//! Simulated faults, each with a seed and a noise profile.

use crate::demo::{ActionGrade, Plan, Played, Speed, play};
use crate::exit::Failure;
use operator_engine::event::{Event, Sink};
use operator_model::Timestamp;
use operator_plugin_host::Engine;
use operator_sim::fault::{self, Fault, Kind, Target};
use operator_sim::noise::{self, Noise};
use operator_sim::scenario::{Scenario, Variant};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Virtual time between two ticks: the interval at which most clusters are polled by such a daemon.
pub const TICK_INTERVAL_MS: u64 = 5_000;

/// One run: a fault, or nothing at all.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// What happens; nothing in the healthy twin.
    pub fault: Option<&'static Fault>,
    /// Random seed.
    pub seed: u64,
    /// What varies without a cause.
    pub noise: &'static Noise,
}

/// What came of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// sha256 of what played it: the version of the operator and all components.
    #[serde(default)]
    pub build: String,
    /// Name of the fault; `none` for a healthy twin.
    pub fault: String,
    /// The part of the system that it belongs to.
    pub family: String,
    /// Random seed.
    pub seed: u64,
    /// Noise profile.
    pub noise: String,
    /// A ticket is right.
    pub expected: bool,
    /// From the onset to the end of the run, in seconds: what a missed fault is censored at.
    pub watched_s: f64,
    /// Length of the run, in seconds.
    pub length_s: f64,
    /// From the onset to the first suspicion.
    pub suspected_s: Option<f64>,
    /// From the onset to the ticket.
    pub detected_s: Option<f64>,
    /// The likeliest cause names the component.
    pub component: bool,
    /// One of the three likeliest does.
    pub component_in_top3: bool,
    /// The likeliest cause names the mechanism.
    pub mechanism: bool,
    /// The likeliest cause.
    pub named: Option<String>,
    /// Its probability.
    pub probability: Option<f64>,
    /// The ticket leaves the cause undetermined.
    pub abstained: bool,
    /// The recommended action.
    pub action: Option<String>,
    /// How well it fits.
    pub grade: Option<ActionGrade>,
    /// 0 to 100.
    pub explanation: Option<u8>,
    /// Tickets before the fault, or without one.
    pub false_tickets: usize,
    /// Tickets in addition to the right one.
    pub further_tickets: usize,
}

/// A fault, seed and noise as text, by which runs of two evaluations are paired.
#[must_use]
pub fn key(run: &Run) -> String {
    format!("{} seed {} noise {}", run.fault, run.seed, run.noise)
}

/// Single faults and benign events that the simulator plays, in the order of their names.
#[must_use]
pub fn faults() -> Vec<&'static Fault> {
    let single = |fault: &&Fault| fault.kind != Kind::Combination && fault.runs_on(Target::Sim);
    fault::all().iter().filter(single).collect()
}

/// The noise profile of this name.
#[must_use]
pub fn noise_of(name: &str) -> Option<&'static Noise> {
    noise::by_id(name)
}

/// Names of the noise profiles.
#[must_use]
pub fn noises() -> Vec<&'static str> {
    noise::all().iter().map(|noise| noise.id.as_str()).collect()
}

/// The healthy twin plays this fault file.
const HEALTHY: &str = "healthy";

/// Plays one run.
///
/// # Errors
/// A plugin or the directory cannot be used.
pub async fn run(task: Task, plugins: &Path, engine: &Engine, data: &Path) -> Result<Run, Failure> {
    let fault = task.fault.or_else(|| fault::by_id(HEALTHY));
    let fault = fault.ok_or_else(|| {
        Failure::new(crate::exit::Exit::Internal, format!("no fault {HEALTHY:?}"))
    })?;
    let plan = Plan {
        scenario: Scenario::of_fault(fault),
        variant: Variant::of_fault(&fault.id, fault),
        seed: task.seed,
        data: data.to_owned(),
        plugins: plugins.to_owned(),
        record: None,
        swap: None,
        speed: Speed::Unpaced,
        tick_interval_ms: TICK_INTERVAL_MS,
        noise: Some(task.noise),
        after_ticket_ms: None,
    };
    let played = play(&plan, engine, &mut Quiet).await?;
    Ok(result(task, fault, &played))
}

fn result(task: Task, fault: &Fault, played: &Played) -> Run {
    let score = &played.score;
    let leader = played
        .ticket
        .as_ref()
        .and_then(|ticket| ticket.hypotheses.first());
    let named = leader.map(|leader| match &leader.component {
        Some(component) => format!("{}@{component}", leader.card),
        None => leader.card.to_string(),
    });
    let family = serde_json::to_value(fault.family).ok();
    let family = family.as_ref().and_then(serde_json::Value::as_str);
    Run {
        build: String::new(),
        fault: task
            .fault
            .map_or("none", |fault| fault.id.as_str())
            .to_owned(),
        family: family.unwrap_or("other").to_owned(),
        seed: task.seed,
        noise: task.noise.id.clone(),
        expected: score.ticket_expected,
        watched_s: seconds(fault.duration_s.saturating_sub(fault.onset_s)),
        length_s: seconds(fault.duration_s),
        suspected_s: score.suspected_after_s,
        detected_s: score.detected_after_s,
        component: score.component_right,
        component_in_top3: score.component_in_top3,
        mechanism: score.mechanism_right,
        named,
        probability: leader.map(|leader| leader.probability),
        abstained: score.abstained,
        action: score.action.as_ref().map(|(action, _)| action.clone()),
        grade: score.action.as_ref().map(|(_, grade)| *grade),
        explanation: score.explanation_score,
        false_tickets: score.false_tickets,
        further_tickets: score.further_tickets,
    }
}

/// Runs last for minutes.
fn seconds(whole: u64) -> f64 {
    u32::try_from(whole).map_or(f64::INFINITY, f64::from)
}

/// Says nothing.
struct Quiet;

impl Sink for Quiet {
    fn emit(&mut self, _: &Event) {}

    fn progress(&mut self, _: &str) {}

    fn narrate(&mut self, _: Timestamp, _: &str, _: &str) {}
}
