//! Real captures, played: what a real cluster answered comes back at its time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]
use std::sync::Arc;

use operator_capture::{Capture, Playback};
use operator_chaos_testkit::captures;
use operator_world::{Answer, World};

const PD: &str = "http://127.0.0.1:2379";
const KILLED: &str = "http://127.0.0.1:20181";

fn playback(name: &str) -> Playback {
    Playback::new(Arc::new(captures::in_project(name).unwrap()))
}

fn seek(playback: &mut Playback, seconds: u64) {
    playback.advance_to(playback.capture().begins_at_ms() + seconds * 1_000);
}

fn get(playback: &mut Playback, origin: &str, path: &str) -> (u16, String) {
    match playback.request(origin, "GET", path) {
        Answer::Response { status, body, .. } => (status, String::from_utf8(body).unwrap()),
        other => panic!("{origin}{path}: {other:?}"),
    }
}

/// `"id": 4` is the killed one; PD prints each store's id before its state.
fn state_of_store(stores: &str, id: u64) -> String {
    let after_id = stores.split(&format!("\"id\": {id},")).nth(1).unwrap();
    let after_name = after_id.split("\"state_name\": \"").nth(1).unwrap();
    after_name.split('"').next().unwrap().to_owned()
}

#[test]
fn the_killed_node_refuses_connections_before_pd_calls_it_disconnected() {
    let mut playback = playback("node-death-short");
    seek(&mut playback, 40);
    assert!(playback.listens(KILLED));
    let (status, metrics) = get(&mut playback, KILLED, "/metrics");
    assert_eq!(status, 200);
    assert!(
        metrics.contains("tikv_raftstore_region_count"),
        "{} bytes",
        metrics.len()
    );

    let mut refused_at = None;
    let mut disconnected_at = None;
    for second in 41..=118 {
        seek(&mut playback, second);
        if !playback.listens(KILLED) {
            assert_eq!(playback.request(KILLED, "GET", "/config"), Answer::Refused);
            refused_at.get_or_insert(second);
        }
        if state_of_store(&get(&mut playback, PD, "/pd/api/v1/stores").1, 4) == "Disconnected" {
            disconnected_at.get_or_insert(second);
        }
    }
    let refused_at = refused_at.unwrap();
    let disconnected_at = disconnected_at.unwrap();
    assert!(
        (45..=61).contains(&refused_at),
        "status servers were asked every 15 s: {refused_at}"
    );
    assert!(
        refused_at <= disconnected_at + 5,
        "{refused_at} {disconnected_at}"
    );
    assert_eq!(playback.targets().get("pd").map(String::as_str), Some(PD));
}

#[test]
fn a_fresh_cluster_answers_500_before_it_is_bootstrapped() {
    let mut playback = playback("fresh-cluster");
    let (status, _) = get(&mut playback, PD, "/pd/api/v1/stores");
    assert_eq!(status, 500);
    seek(&mut playback, 69);
    let (status, stores) = get(&mut playback, PD, "/pd/api/v1/stores");
    assert_eq!(status, 200);
    assert!(stores.contains("\"Up\""), "{stores}");
}

#[test]
fn every_shared_recording_plays_from_the_first_to_the_last_second() {
    for path in captures::shared() {
        let capture = Arc::new(Capture::load(&path).unwrap());
        let mut playback = Playback::new(Arc::clone(&capture));
        let targets = playback.targets();
        let pd = targets
            .get("pd")
            .unwrap_or_else(|| panic!("{path:?} has no PD"));
        for second in 0..=capture.length_ms() / 1_000 {
            seek(&mut playback, second);
            let answer = playback.request(pd, "GET", "/pd/api/v1/members");
            let Answer::Response { server_date_ms, .. } = answer else {
                continue;
            };
            assert!(
                server_date_ms <= capture.ends_at_ms(),
                "{path:?} at {second} s"
            );
        }
        assert!(capture.length_ms() > 10_000, "{path:?}");
        assert!(
            !capture.origins().collect::<Vec<_>>().is_empty(),
            "{path:?}"
        );
    }
}
