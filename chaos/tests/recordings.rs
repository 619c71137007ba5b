//! Real recordings, played: what a real cluster answered comes back at its time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]
use std::sync::Arc;

use operator_chaos::cassette::{Cassette, Recording};
use operator_chaos::test_data;
use operator_chaos::world::{Answer, World};

const PD: &str = "http://127.0.0.1:2379";
const KILLED: &str = "http://127.0.0.1:20181";

fn cassette(name: &str) -> Cassette {
    Cassette::new(Arc::new(test_data::recording(name).unwrap()))
}

fn seek(cassette: &mut Cassette, seconds: u64) {
    cassette.advance_to(cassette.recording().begins_at_ms() + seconds * 1_000);
}

fn get(cassette: &mut Cassette, origin: &str, path: &str) -> (u16, String) {
    match cassette.request(origin, "GET", path) {
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
    let mut cassette = cassette("node-death-short");
    seek(&mut cassette, 40);
    assert!(cassette.listens(KILLED));
    let (status, metrics) = get(&mut cassette, KILLED, "/metrics");
    assert_eq!(status, 200);
    assert!(
        metrics.contains("tikv_raftstore_region_count"),
        "{} bytes",
        metrics.len()
    );

    let mut refused_at = None;
    let mut disconnected_at = None;
    for second in 41..=118 {
        seek(&mut cassette, second);
        if !cassette.listens(KILLED) {
            assert_eq!(cassette.request(KILLED, "GET", "/config"), Answer::Refused);
            refused_at.get_or_insert(second);
        }
        if state_of_store(&get(&mut cassette, PD, "/pd/api/v1/stores").1, 4) == "Disconnected" {
            disconnected_at.get_or_insert(second);
        }
    }
    let (refused_at, disconnected_at) = (refused_at.unwrap(), disconnected_at.unwrap());
    assert!(
        (45..=61).contains(&refused_at),
        "status servers were asked every 15 s: {refused_at}"
    );
    assert!(
        refused_at <= disconnected_at + 5,
        "{refused_at} {disconnected_at}"
    );
    assert_eq!(cassette.targets().get("pd").map(String::as_str), Some(PD));
}

#[test]
fn a_fresh_cluster_answers_500_before_it_is_bootstrapped() {
    let mut cassette = cassette("fresh-cluster");
    let (status, _) = get(&mut cassette, PD, "/pd/api/v1/stores");
    assert_eq!(status, 500);
    seek(&mut cassette, 69);
    let (status, stores) = get(&mut cassette, PD, "/pd/api/v1/stores");
    assert_eq!(status, 200);
    assert!(stores.contains("\"Up\""), "{stores}");
}

#[test]
fn every_shared_recording_plays_from_the_first_to_the_last_second() {
    for path in test_data::shared_recordings() {
        let recording = Arc::new(Recording::load(&path).unwrap());
        let mut cassette = Cassette::new(Arc::clone(&recording));
        let targets = cassette.targets();
        let pd = targets
            .get("pd")
            .unwrap_or_else(|| panic!("{path:?} has no PD"));
        for second in 0..=recording.length_ms() / 1_000 {
            seek(&mut cassette, second);
            let answer = cassette.request(pd, "GET", "/pd/api/v1/members");
            let Answer::Response { server_date_ms, .. } = answer else {
                continue;
            };
            assert!(
                server_date_ms <= recording.ends_at_ms(),
                "{path:?} at {second} s"
            );
        }
        assert!(recording.length_ms() > 10_000, "{path:?}");
        assert!(
            !recording.origins().collect::<Vec<_>>().is_empty(),
            "{path:?}"
        );
    }
}
