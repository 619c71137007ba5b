//! Recordings of real systems, played in virtual time through the same code as `run`.

use crate::support::plugins;
use operator::eval::watch;
use operator_capture::Capture;
use operator_chaos_testkit::captures;
use operator_model::{Ticket, Timestamp};
use operator_plugin_host::{Engine, PluginLimits};
use std::path::Path;

/// Plays a recording at a tick a second; gives the tickets and when the recording began.
async fn play(recording: Capture, plugins: &Path) -> (Vec<Ticket>, u64) {
    let directory = tempfile::tempdir().unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let engine = Engine::with_cache(&PluginLimits::default(), &cache).unwrap();
    let watched = watch(recording, plugins, &engine, directory.path())
        .await
        .unwrap();
    (watched.tickets, watched.begins_at.0)
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
