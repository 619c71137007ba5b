//! Evaluation: recordings of real systems, and simulated faults, watched in virtual time by the same code as `run`.

pub mod compare;
pub mod report;
pub mod simulated;
pub mod summary;

use crate::demo::simulated_ports::SimulatedWorld;
use anyhow::Context as _;
use operator_capture::{Capture, Playback};
use operator_engine::daemon::Daemon;
use operator_engine::event::{Event, EventKind, Sink};
use operator_engine::settings::{Settings, TargetSettings};
use operator_engine::tick::assemble;
use operator_journal::store::TicketLog;
use operator_model::{IncidentKey, Ticket, TicketChange, Timestamp};
use operator_net::ports::real::RealClock;
use operator_plugin_host::Engine;
use operator_sim::scenario;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Time from one tick to the next.
const TICK: Duration = Duration::from_secs(1);

/// What came of watching one recording.
#[derive(Debug)]
pub struct Watched {
    /// When the recording began, by its own clock.
    pub begins_at: Timestamp,
    /// When it ended.
    pub ends_at: Timestamp,
    /// Every ticket, as it was at the end.
    pub tickets: Vec<Ticket>,
    /// When a ticket was resolved, by its id, in order of time.
    pub resolved: Vec<(String, Timestamp)>,
    /// When a cause was suspected before its ticket, by its incident's key, in order of time.
    pub suspected: Vec<(IncidentKey, Timestamp)>,
}

/// Watches a recording from its beginning to its end, at a tick a second of its own time. Decision log and
/// tickets are written to `data`.
///
/// # Errors
/// A plugin cannot be loaded, or `data` cannot be written.
pub async fn watch(
    recording: Capture,
    plugins: &Path,
    engine: &Engine,
    data: &Path,
) -> anyhow::Result<Watched> {
    let recording = Arc::new(recording);
    let begins_at = Timestamp(recording.begins_at_ms());
    let ends_at = Timestamp(recording.ends_at_ms());
    let world = SimulatedWorld::new(Box::new(Playback::new(recording)));
    let settings = settings(&world, plugins, data)?;
    let ports = world.ports();
    let opened = TicketLog::open(&settings.data, ports.clock.now()).await?;
    let policy = settings.egress_policy();
    let assembly = assemble(&settings, policy, &ports, engine, &RealClock, &mut |_| {}).await?;
    let mut sink = Notes::default();
    let clock = Arc::clone(&ports.clock);
    let mut daemon = Daemon::start(&settings, clock, assembly, opened, &mut sink).await?;
    while ports.clock.now() < ends_at {
        daemon.tick(0).await?;
        ports.clock.sleep(TICK).await;
    }
    let tickets = daemon.tickets();
    drop(daemon);
    Ok(Watched {
        begins_at,
        ends_at,
        tickets,
        resolved: sink.resolved,
        suspected: sink.suspected,
    })
}

fn settings(world: &SimulatedWorld, plugins: &Path, data: &Path) -> anyhow::Result<Settings> {
    let scenarios = scenario::all();
    let simulated = scenarios.first().context("there is no simulated system")?;
    let mut settings = Settings::new(plugins.join(&simulated.plugin));
    for (name, origin) in world.targets() {
        let parsed = origin
            .parse()
            .map_err(|why| anyhow::anyhow!("target {name} of the recording: {why}"))
            .context("the recording cannot be watched")?;
        settings.targets.insert(name, TargetSettings::new(parsed));
    }
    settings.invariants = vec![plugins.join("invariants")];
    settings.data = data.to_owned();
    settings.logs_from_start = true;
    Ok(settings)
}

/// Notes when causes are suspected and tickets are resolved.
#[derive(Default)]
struct Notes {
    resolved: Vec<(String, Timestamp)>,
    suspected: Vec<(IncidentKey, Timestamp)>,
}

impl Sink for Notes {
    fn emit(&mut self, event: &Event) {
        let at = event.observed_at;
        match &event.what {
            EventKind::Ticket(written) if written.change == TicketChange::Resolved => {
                self.resolved.push((written.ticket.id.clone(), at));
            }
            EventKind::IncidentSuspected(incident) => {
                self.suspected.push((incident.key.clone(), at));
            }
            _ => {}
        }
    }

    fn progress(&mut self, _: &str) {}

    fn narrate(&mut self, _: Timestamp, _: &str, _: &str) {}
}
