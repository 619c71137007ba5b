//! What holds at every moment of every scenario.

use super::observer::{PD1, Run, STATUS};
use crate::model::cluster::Cluster;
use crate::scenario;
use operator_world::{Answer, World};
use std::collections::BTreeMap;

/// Plays a scenario and observes it every five seconds.
fn everywhere(mut look: impl FnMut(&str, &mut Run)) {
    for scenario in scenario::all() {
        for variant in &scenario.variants {
            let mut run = Run::of(&scenario.id, &variant.id);
            for step in 0..scenario.duration_ms / 5_000 {
                run.world.advance_to(run.began_ms + step * 5_000);
                look(&scenario.id, &mut run);
            }
        }
    }
}

fn served(cluster: &Cluster) -> usize {
    cluster
        .regions
        .values()
        .filter(|region| region.leader.is_some())
        .count()
}

#[test]
fn space_adds_up() {
    everywhere(|id, run| {
        for store in run.world.cluster.stores.values() {
            let disk = &store.disk;
            assert!(
                disk.used() + disk.available() <= disk.capacity,
                "{id}: {disk:?}"
            );
        }
    });
}

#[test]
fn every_leader_is_counted_once_and_lives() {
    everywhere(|id, run| {
        let cluster = &run.world.cluster;
        let led: u64 = cluster.stores.values().map(|store| store.led_regions).sum();
        assert_eq!(usize::try_from(led).unwrap(), served(cluster), "{id}");
        for region in cluster.regions.values() {
            assert!(
                region
                    .leader
                    .is_none_or(|leader| cluster.stores[&leader].serves()),
                "{id}: {region:?}"
            );
        }
    });
}

#[test]
fn load_follows_the_leaders_without_loss() {
    everywhere(|id, run| {
        let cluster = &run.world.cluster;
        let of_regions: f64 = cluster
            .regions
            .values()
            .filter(|region| region.leader.is_some())
            .map(|region| region.rates.reads)
            .sum();
        let of_stores: f64 = cluster.stores.values().map(|store| store.led.reads).sum();
        assert!(
            (of_regions - of_stores).abs() < 1e-6,
            "{id}: {of_regions} {of_stores}"
        );
    });
}

#[test]
fn buckets_are_cumulative_and_counters_never_fall_while_a_process_lives() {
    let mut before: BTreeMap<String, (u64, BTreeMap<String, f64>)> = BTreeMap::new();
    let mut last = String::new();
    everywhere(|id, run| {
        if last != format!("{id}{}", run.onset_ms) || run.world.now_ms() == run.began_ms {
            before.clear();
            last = format!("{id}{}", run.onset_ms);
        }
        for (origin, store) in STATUS.iter().zip([1, 4, 5]) {
            if !run.world.listens(origin) {
                continue;
            }
            let text = match run.world.request(origin, "GET", "/metrics") {
                Answer::Response { body, .. } => String::from_utf8(body).unwrap(),
                other => panic!("{other:?}"),
            };
            let started_ms =
                run.world.cluster.stores[&crate::model::ids::StoreId(store)].started_ms;
            let counters = counters(&text);
            if let Some((_, known)) = before
                .get(*origin)
                .filter(|(started, _)| *started == started_ms)
            {
                for (series, value) in known {
                    assert!(counters[series] >= *value, "{id} {origin} {series}");
                }
            }
            before.insert((*origin).to_owned(), (started_ms, counters));
        }
    });
}

/// Counter and bucket series of an exposition, after a test that buckets rise.
fn counters(text: &str) -> BTreeMap<String, f64> {
    let mut kind = "";
    let mut out = BTreeMap::new();
    let mut last_bucket: Option<(String, f64)> = None;
    for line in text.lines() {
        if let Some(declaration) = line.strip_prefix("# TYPE ") {
            kind = declaration.rsplit(' ').next().unwrap();
        }
        if line.starts_with('#') || kind == "gauge" {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        if let Some((of, _)) = series.split_once("le=\"") {
            if let Some((_, below)) = last_bucket.as_ref().filter(|(last, _)| last == of) {
                assert!(value >= *below, "{series}");
            }
            last_bucket = Some((of.to_owned(), value));
        }
        out.insert(series.to_owned(), value);
    }
    out
}

#[test]
fn requests_to_nobody_are_refused_and_unknown_paths_are_404() {
    let mut run = Run::of("healthy", "nothing");
    assert_eq!(
        run.world.request("http://127.0.0.1:1", "GET", "/"),
        Answer::Refused
    );
    for path in ["/pd/api/v1/trend", "/pd/api/v2/readyz", "/nothing"] {
        assert!(
            matches!(
                run.world.request(PD1, "GET", path),
                Answer::Response { status: 404, .. }
            ),
            "{path}"
        );
    }
    assert!(matches!(
        run.world.request(PD1, "POST", "/pd/api/v1/stores"),
        Answer::Response { status: 405, .. }
    ));
}

#[test]
fn errors_are_bare_strings() {
    let mut run = Run::of("healthy", "nothing");
    let Answer::Response { status, body, .. } =
        run.world.request(PD1, "GET", "/pd/api/v1/store/99")
    else {
        panic!()
    };
    assert_eq!(
        (status, body.as_slice()),
        (
            404,
            b"\"[PD:core:ErrStoreNotFound]store 99 not found\"\n".as_slice()
        )
    );
}

#[test]
fn a_walk_over_the_keys_sees_every_region_once() {
    let mut run = Run::of("healthy", "nothing");
    let mut key = String::new();
    let mut seen = Vec::new();
    loop {
        let page = run.json(&format!("/regions/key?key={key}&limit=50&format=hex"));
        let regions = page["regions"].as_array().unwrap().clone();
        seen.extend(regions.iter().map(|region| region["id"].as_u64().unwrap()));
        key = regions.last().unwrap()["end_key"]
            .as_str()
            .unwrap()
            .to_owned();
        if key.is_empty() {
            break;
        }
    }
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (120, 120));
    assert_eq!(run.json("/regions/range-holes"), serde_json::json!([]));
}
