//! The simulator beside real captures: whatever it offers that was recorded must have the same shape.
//!
//! Values are the model's business. Names, types, label keys and buckets are not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

mod json_shape;
mod metrics_shape;

use json_shape::Shape;
use metrics_shape::MetricsShape;
use operator_capture::{Capture, Playback};
use operator_chaos_testkit::captures;
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::scenario;
use operator_world::{Answer, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PD: &str = "http://127.0.0.1:2379";

/// Paths whose answers the simulator gives and the captures have.
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

/// Fields that a healthy capture does not have, from `pd: pkg/response/store.go` and `region.go`.
const NOT_RECORDED_FIELDS: [&str; 7] = [
    ".stores[].status.is_busy",
    ".stores[].status.pause_leader_transfer_in",
    ".stores[].status.pending_peer_count",
    ".regions[].down_peers",
    ".regions[].pending_peers",
    ".leader",
    ".etcd_leader",
];

fn captures() -> Vec<Arc<Capture>> {
    let own = ["node-death-short"].map(|name| captures::in_project(name).unwrap());
    let shared = captures::shared();
    // One that is longer and one with another load; `fresh-cluster` has stores of PD's own simulator.
    let shared = shared
        .iter()
        .filter(|path| path.to_string_lossy().contains("hot-write"));
    own.into_iter()
        .chain(shared.map(|path| Capture::load(path).unwrap()))
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

/// What a path answered over the whole length of a capture.
fn recorded(capture: &Arc<Capture>, origin: &str, path: &str) -> Vec<(u16, String, String)> {
    let mut playback = Playback::new(Arc::clone(capture));
    let begin_ms = playback.now_ms();
    let moments = (5..capture.length_ms() / 1_000).step_by(15);
    moments
        .filter_map(|second| {
            playback.advance_to(begin_ms + second * 1_000);
            ask(&mut playback, origin, path)
        })
        .filter(|(status, ..)| *status == 200)
        .collect()
}

#[test]
fn json_answers_have_the_recorded_shape_and_content_type() {
    let captures = captures();
    for path in JSON_PATHS.map(|path| format!("/pd/api/v1{path}")) {
        let answers: Vec<_> = captures
            .iter()
            .flat_map(|capture| recorded(capture, PD, &path))
            .collect();
        assert!(!answers.is_empty(), "{path} is in no capture");
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
    for capture in captures() {
        let answers = recorded(&capture, "http://127.0.0.1:20180", "/config");
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
fn recorded_before_the_first_store(capture: &Arc<Capture>) -> BTreeMap<String, u16> {
    let mut playback = Playback::new(Arc::clone(capture));
    playback.advance_to(playback.now_ms() + 4_000);
    let paths = JSON_PATHS
        .iter()
        .chain(["/regions/key?limit=64&format=hex", "/stores/check"].iter());
    let status = |path: &&str| {
        Some((
            (*path).to_owned(),
            ask(&mut playback, PD, &format!("/pd/api/v1{path}"))?.0,
        ))
    };
    paths
        .filter_map(status)
        .filter(|(_, status)| *status != 404)
        .collect()
}

#[test]
fn before_the_first_store_every_path_answers_with_the_recorded_status() {
    let shared = captures::shared();
    let Some(path) = shared
        .iter()
        .find(|path| path.to_string_lossy().contains("fresh-cluster"))
    else {
        return;
    };
    let capture = Arc::new(Capture::load(path).unwrap());
    let mut world = Simulator::new(ClusterConfig {
        fresh: true,
        regions: 3,
        ..ClusterConfig::default()
    });
    let known = recorded_before_the_first_store(&capture);
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
    let capture = captures().remove(0);
    let mut world = simulations().remove(0);
    for path in [
        "/pd/api/v2/livez",
        "/pd/api/v2/readyz",
        "/pd/api/v2/readyz/etcd-linearizable-read",
    ] {
        let mut playback = Playback::new(Arc::clone(&capture));
        playback.advance_to(playback.now_ms() + 20_000);
        assert_eq!(
            ask(&mut world, PD, path),
            ask(&mut playback, PD, path),
            "{path}"
        );
    }
}

/// Families of the capture's union with everything that the simulator shows on an origin.
fn families(origins: &[&str], captures: &[Arc<Capture>]) -> (MetricsShape, MetricsShape) {
    let mut known = MetricsShape::default();
    let mut shown = MetricsShape::default();
    for origin in origins {
        for capture in captures {
            recorded(capture, origin, "/metrics")
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
    let captures = captures();
    let stores = [
        "http://127.0.0.1:20180",
        "http://127.0.0.1:20181",
        "http://127.0.0.1:20182",
    ];
    let members = ["http://127.0.0.1:2379", "http://127.0.0.1:2579"];
    for origins in [stores.as_slice(), members.as_slice()] {
        let (known, shown) = families(origins, &captures);
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
    // The capture in the project is cut down to some families; a complete one knows them all.
    let complete: Vec<Arc<Capture>> = captures().into_iter().skip(1).collect();
    if complete.is_empty() {
        return;
    }
    // Families that appear with the first failure, and no complete capture here has one.
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
    let capture = captures().remove(0);
    let mut world = simulations().remove(1);
    for (source, simulated) in
        BTreeMap::from([("tikv0", "tikv0"), ("tikv2", "tikv2"), ("pd3", "pd3")])
    {
        let lines = capture.log_lines_until(source, capture.length_ms());
        let known = templates(lines.iter().map(operator_capture::LogLine::text));
        let (lines, dropped) = world.read_log(simulated, 100_000);
        assert!(!lines.is_empty() && dropped == 0, "{source}");
        let unknown: Vec<_> = templates(lines.iter().map(String::as_str))
            .difference(&known)
            .cloned()
            .collect();
        assert_eq!(unknown, Vec::new(), "{source}");
    }
}
