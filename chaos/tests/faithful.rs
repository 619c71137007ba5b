//! The simulator beside real recordings: whatever it offers that was recorded must have the same shape.
//!
//! Values are the model's business. Names, types, label keys and buckets are not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod support;

use operator_chaos::cassette::{Cassette, Recording};
use operator_chaos::scenario;
use operator_chaos::sim::Simulator;
use operator_chaos::sim::config::ClusterConfig;
use operator_chaos::test_data;
use operator_chaos::world::{Answer, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::exposition::Exposition;
use support::shape::Shape;

const PD: &str = "http://127.0.0.1:2379";

/// Paths whose answers the simulator gives and the recordings have.
const JSON_PATHS: [&str; 38] = [
    "/cluster",
    "/cluster/status",
    "/config",
    "/config/replicate",
    "/config/rules",
    "/config/schedule",
    "/gc/safepoint",
    "/health",
    "/hotspot/regions/read",
    "/hotspot/regions/write",
    "/hotspot/stores",
    "/labels",
    "/leader",
    "/members",
    "/min-resolved-ts",
    "/operators",
    "/regions/check/down-peer",
    "/regions/check/empty-region",
    "/regions/check/extra-peer",
    "/regions/check/learner-peer",
    "/regions/check/miss-peer",
    "/regions/check/offline-peer",
    "/regions/check/pending-peer",
    "/regions/count",
    "/regions/key?limit=256&format=hex",
    "/regions/range-holes",
    "/regions/readflow?limit=16",
    "/regions/size?limit=16",
    "/regions/writeflow?limit=16",
    "/replication_mode/status",
    "/schedulers",
    "/schedulers/diagnostic/balance-leader-scheduler",
    "/stats/region?count",
    "/status",
    "/stores",
    "/stores/check",
    "/stores/limit",
    "/version",
];

/// Fields that a healthy recording does not have, from `pd: pkg/response/store.go` and `region.go`.
const NOT_RECORDED_FIELDS: [&str; 7] = [
    ".stores[].status.is_busy",
    ".stores[].status.pause_leader_transfer_in",
    ".stores[].status.pending_peer_count",
    ".regions[].down_peers",
    ".regions[].pending_peers",
    ".leader",
    ".etcd_leader",
];

fn recordings() -> Vec<Arc<Recording>> {
    let own = ["node-death-short"].map(|name| test_data::recording(name).unwrap());
    let shared = test_data::shared_recordings();
    // One that is longer and one with another load; `fresh-cluster` has stores of PD's own simulator.
    let shared = shared
        .iter()
        .filter(|path| path.to_string_lossy().contains("hot-write"));
    own.into_iter()
        .chain(shared.map(|path| Recording::load(path).unwrap()))
        .map(Arc::new)
        .collect()
}

/// The simulated cluster in health and in trouble.
fn simulations() -> Vec<Simulator> {
    let played = [
        ("healthy", "nothing", 60),
        ("node-death", "for-good", 150),
        ("hot-region", "neighbouring-keys", 300),
    ];
    played
        .iter()
        .map(|(id, variant, seconds)| {
            let scenario = scenario::find(id).unwrap();
            let variant = scenario.variant(Some(variant), 1).unwrap();
            let mut world = Simulator::with_scenario(ClusterConfig::default(), &scenario, variant);
            let now_ms = world.now_ms();
            world.advance_to(now_ms + seconds * 1_000);
            world
        })
        .collect()
}

fn ask(world: &mut dyn World, origin: &str, path: &str) -> Option<(u16, String, String)> {
    match world.request(origin, "GET", path) {
        Answer::Response {
            status,
            content_type,
            body,
            ..
        } => Some((status, content_type, String::from_utf8(body).unwrap())),
        Answer::Refused | Answer::Timeout => None,
    }
}

/// What a path answered over the whole length of a recording.
fn recorded(recording: &Arc<Recording>, origin: &str, path: &str) -> Vec<(u16, String, String)> {
    let mut cassette = Cassette::new(Arc::clone(recording));
    let begin_ms = cassette.now_ms();
    let moments = (5..recording.length_ms() / 1_000).step_by(15);
    moments
        .filter_map(|second| {
            cassette.advance_to(begin_ms + second * 1_000);
            ask(&mut cassette, origin, path)
        })
        .filter(|(status, ..)| *status == 200)
        .collect()
}

#[test]
fn json_answers_have_the_recorded_shape_and_content_type() {
    let recordings = recordings();
    for path in JSON_PATHS.map(|path| format!("/pd/api/v1{path}")) {
        let answers: Vec<_> = recordings
            .iter()
            .flat_map(|recording| recorded(recording, PD, &path))
            .collect();
        assert!(!answers.is_empty(), "{path} is in no recording");
        let known = Shape::of_all(answers.iter().map(|(_, _, body)| body.as_str()));
        for world in &mut simulations() {
            let (status, content_type, body) = ask(world, PD, &path).unwrap();
            assert_eq!(
                (status, &content_type),
                (200, &answers.first().unwrap().1),
                "{path}"
            );
            let problems = known.misfits(
                &Shape::of_all([body.as_str()].into_iter()),
                &NOT_RECORDED_FIELDS,
            );
            assert_eq!(problems, Vec::<String>::new(), "{path}");
        }
    }
}

#[test]
fn a_stores_configuration_has_the_recorded_shape() {
    for recording in recordings() {
        let answers = recorded(&recording, "http://127.0.0.1:20180", "/config");
        let known = Shape::of_all(answers.iter().map(|(_, _, body)| body.as_str()));
        let (_, content_type, body) = ask(
            simulations().first_mut().unwrap(),
            "http://127.0.0.1:20180",
            "/config",
        )
        .unwrap();
        assert_eq!(content_type, answers.first().unwrap().1);
        assert_eq!(
            known.misfits(&Shape::of_all([body.as_str()].into_iter()), &[]),
            Vec::<String>::new()
        );
    }
}

/// The status of every recorded path while no store had registered, where it is always the same.
fn recorded_before_the_first_store(recording: &Arc<Recording>) -> BTreeMap<String, u16> {
    let mut cassette = Cassette::new(Arc::clone(recording));
    cassette.advance_to(cassette.now_ms() + 4_000);
    let paths = JSON_PATHS
        .iter()
        .chain(["/regions/key?limit=64&format=hex", "/stores/check"].iter());
    let status = |path: &&str| {
        Some((
            (*path).to_owned(),
            ask(&mut cassette, PD, &format!("/pd/api/v1{path}"))?.0,
        ))
    };
    paths
        .filter_map(status)
        .filter(|(_, status)| *status != 404)
        .collect()
}

#[test]
fn before_the_first_store_every_path_answers_with_the_recorded_status() {
    let shared = test_data::shared_recordings();
    let Some(path) = shared
        .iter()
        .find(|path| path.to_string_lossy().contains("fresh-cluster"))
    else {
        return;
    };
    let recording = Arc::new(Recording::load(path).unwrap());
    let mut world = Simulator::new(ClusterConfig {
        fresh: true,
        regions: 3,
        ..ClusterConfig::default()
    });
    let known = recorded_before_the_first_store(&recording);
    assert!(
        known.values().filter(|status| **status == 500).count() > 5,
        "{known:?}"
    );
    let shown = |path: &String| {
        (
            path.clone(),
            ask(&mut world, PD, &format!("/pd/api/v1{path}")).unwrap().0,
        )
    };
    let shown: BTreeMap<String, u16> = known.keys().map(shown).collect();
    assert_eq!(shown, known);
}

#[test]
fn paths_that_version_8_5_does_not_have_answer_as_recorded() {
    let recording = recordings().remove(0);
    let mut world = simulations().remove(0);
    for path in [
        "/pd/api/v2/livez",
        "/pd/api/v2/readyz",
        "/pd/api/v2/readyz/etcd-linearizable-read",
    ] {
        let mut cassette = Cassette::new(Arc::clone(&recording));
        cassette.advance_to(cassette.now_ms() + 20_000);
        assert_eq!(
            ask(&mut world, PD, path),
            ask(&mut cassette, PD, path),
            "{path}"
        );
    }
}

/// Families of the recording's union with everything that the simulator shows on an origin.
fn families(origins: &[&str], recordings: &[Arc<Recording>]) -> (Exposition, Exposition) {
    let (mut known, mut shown) = (Exposition::default(), Exposition::default());
    for origin in origins {
        for recording in recordings {
            recorded(recording, origin, "/metrics")
                .iter()
                .for_each(|(_, _, body)| known.add(body));
        }
        for world in &mut simulations() {
            ask(world, origin, "/metrics")
                .iter()
                .for_each(|(_, _, body)| shown.add(body));
        }
    }
    (known, shown)
}

#[test]
fn metrics_have_the_recorded_types_label_keys_values_and_buckets() {
    let recordings = recordings();
    let stores = [
        "http://127.0.0.1:20180",
        "http://127.0.0.1:20181",
        "http://127.0.0.1:20182",
    ];
    let members = ["http://127.0.0.1:2379", "http://127.0.0.1:2579"];
    for origins in [stores.as_slice(), members.as_slice()] {
        let (known, shown) = families(origins, &recordings);
        let compared = shown.names().filter(|name| known.has(name)).count();
        assert!(
            compared > 25,
            "only {compared} families of {origins:?} were recorded"
        );
        assert_eq!(known.misfits(&shown), Vec::<String>::new());
    }
}

#[test]
fn every_family_is_in_a_complete_recording() {
    // The recording in the project is cut down to some families; a complete one knows them all.
    let complete: Vec<Arc<Recording>> = recordings().into_iter().skip(1).collect();
    if complete.is_empty() {
        return;
    }
    // Families that appear with the first failure, and no complete recording here has one.
    let late = BTreeSet::from([
        "tikv_pd_reconnect_total",
        "tikv_server_report_failure_msg_total",
    ]);
    for origin in ["http://127.0.0.1:20180", "http://127.0.0.1:2579"] {
        let (known, shown) = families(&[origin], &complete);
        let unknown: Vec<&str> = shown
            .names()
            .filter(|name| !known.has(name) && !late.contains(name))
            .collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{origin}");
    }
}

/// `[time] [LEVEL] [file.rs:123] [message]` as level, file and message, with every number as one sign.
fn template(line: &str) -> Option<(String, String, String)> {
    let rest = line.split_once("] [")?.1;
    let (level, rest) = rest.split_once("] [")?;
    let (place, rest) = rest.split_once("] [")?;
    let message = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\"]")?.0,
        None => rest.split_once(']')?.0,
    };
    let file = place.split_once(':').map_or(place, |(file, _)| file);
    let mut plain = String::new();
    for character in message.chars() {
        let sign = if character.is_ascii_digit() {
            '#'
        } else {
            character
        };
        if !(sign == '#' && plain.ends_with('#')) {
            plain.push(sign);
        }
    }
    Some((level.to_owned(), file.to_owned(), plain))
}

fn templates<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<(String, String, String)> {
    lines.filter_map(template).collect()
}

#[test]
fn a_death_writes_the_recorded_log_lines() {
    let recording = recordings().remove(0);
    let mut world = simulations().remove(1);
    for (source, simulated) in
        BTreeMap::from([("tikv0", "tikv0"), ("tikv2", "tikv2"), ("pd3", "pd3")])
    {
        let lines = recording.log_lines_until(source, recording.length_ms());
        let known = templates(
            lines
                .iter()
                .map(operator_chaos::cassette::recording::LogLine::text),
        );
        let (lines, dropped) = world.read_log(simulated, 100_000);
        assert!(!lines.is_empty() && dropped == 0, "{source}");
        let unknown: Vec<_> = templates(lines.iter().map(String::as_str))
            .difference(&known)
            .cloned()
            .collect();
        assert_eq!(unknown, Vec::new(), "{source}");
    }
}
