//! Recordings of real systems, played in virtual time through the same code as `run`.

use crate::support::{plugins, subject};
use operator::demo::simulated_ports::SimulatedWorld;
use operator_capture::{Capture, Playback};
use operator_chaos_testkit::captures;
use operator_engine::daemon::Daemon;
use operator_engine::event::{Event, Sink};
use operator_engine::settings::{Settings, TargetSettings};
use operator_engine::tick::assemble;
use operator_journal::store::TicketLog;
use operator_model::{Ticket, Timestamp};
use operator_net::ports::real::RealClock;
use operator_plugin_host::Engine;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Nobody listens.
struct Silence;

impl Sink for Silence {
    fn emit(&mut self, _: &Event) {}
    fn progress(&mut self, _: &str) {}
    fn narrate(&mut self, _: Timestamp, _: &str, _: &str) {}
}

/// Plays a recording at a tick a second; gives the tickets and when the recording began.
async fn play(recording: Capture, plugins: &Path) -> (Vec<Ticket>, u64) {
    let directory = tempfile::tempdir().unwrap();
    let recording = Arc::new(recording);
    let (begins_at_ms, ends_at_ms) = (recording.begins_at_ms(), recording.ends_at_ms());
    let world = SimulatedWorld::new(Box::new(Playback::new(recording)));
    let mut settings = Settings::new(subject(plugins).into());
    for (name, origin) in world.targets() {
        settings
            .targets
            .insert(name, TargetSettings::new(origin.parse().unwrap()));
    }
    settings.invariants = vec![plugins.join("invariants")];
    settings.data = directory.path().to_owned();
    let ports = world.ports();
    let engine = Engine::with_cache(
        &settings.plugin_limits,
        &Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
    )
    .unwrap();
    let opened = TicketLog::open(&settings.data, ports.clock.now())
        .await
        .unwrap();
    let policy = settings.egress_policy();
    let assembly = assemble(&settings, policy, &ports, &engine, &RealClock, &mut |_| {})
        .await
        .unwrap();
    let mut sink = Silence;
    let mut daemon = Daemon::start(
        &settings,
        Arc::clone(&ports.clock),
        assembly,
        opened,
        &mut sink,
    )
    .await
    .unwrap();
    while ports.clock.now() < Timestamp(ends_at_ms) {
        daemon.tick(0).await.unwrap();
        ports.clock.sleep(Duration::from_secs(1)).await;
    }
    (daemon.tickets(), begins_at_ms)
}

fn titles(tickets: &[Ticket]) -> Vec<&str> {
    tickets.iter().map(|ticket| ticket.title.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_system_with_registered_nodes_that_never_spoke_gets_no_ticket() {
    let Some(plugins) = plugins() else { return };
    let (tickets, _) = play(captures::in_project("fresh-cluster").unwrap(), &plugins).await;
    assert!(tickets.is_empty(), "{:#?}", titles(&tickets));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_named_within_twenty_seconds() {
    let Some(plugins) = plugins() else { return };
    let (tickets, begins_at_ms) =
        play(captures::in_project("node-death-short").unwrap(), &plugins).await;
    let ticket = tickets.first().expect("a ticket");
    let after_ms = ticket.opened_at.since_ms(Timestamp(begins_at_ms));
    // The kill was at 44.4 s. `Date` is one second fine.
    assert!(
        (44_000..=64_400).contains(&after_ms),
        "opened {after_ms} ms after the beginning"
    );
    assert!(
        ticket.names.values().any(|name| name == "127.0.0.1:20161"),
        "{:?}",
        ticket.names
    );
    assert_eq!(
        ticket.entities.first().map(|entity| entity.key()),
        Some("4"),
        "{:?}",
        ticket.entities
    );
    assert_eq!(tickets.len(), 1, "{:#?}", titles(&tickets));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_recordings_get_the_tickets_that_they_deserve() {
    let Some(plugins) = plugins() else { return };
    for path in captures::shared() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (tickets, _) = play(Capture::load(&path).unwrap(), &plugins).await;
        let suspects: Vec<&str> = tickets
            .iter()
            .filter_map(|ticket| Some(ticket.entities.first()?.as_str()))
            .collect();
        match name.split('.').next().unwrap() {
            "healthy-mix" | "fresh-cluster" => {
                assert!(tickets.is_empty(), "{name}: {:#?}", titles(&tickets))
            }
            "node-death" => assert!(suspects.contains(&"store/4"), "{name}: {suspects:?}"),
            "hot-write" => assert!(suspects.contains(&"region/88"), "{name}: {suspects:?}"),
            _ => {}
        }
    }
}
