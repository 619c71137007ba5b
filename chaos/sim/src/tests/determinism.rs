//! One seed, one history, to the last byte.

use super::observer::{PD1, PD3, Run, STATUS};
use operator_world::World;
use std::hash::{DefaultHasher, Hash, Hasher};

const PATHS: [&str; 10] = [
    "/pd/api/v1/stores",
    "/pd/api/v1/members",
    "/pd/api/v1/operators",
    "/pd/api/v1/regions/key?limit=256&format=hex",
    "/pd/api/v1/regions/writeflow?limit=16",
    "/pd/api/v1/hotspot/regions/write",
    "/pd/api/v1/hotspot/regions/read",
    "/pd/api/v1/hotspot/stores",
    "/pd/api/v1/config",
    "/metrics",
];

/// Everything that can be seen in ten minutes, looked at every `step_ms`.
fn history(seed: u64, step_ms: u64) -> u64 {
    let mut run = Run::seeded("node-death", "comes-back", seed);
    let mut hasher = DefaultHasher::new();
    for step in 1..=600_000 / step_ms {
        run.world.advance_to(run.began_ms + step * step_ms);
        if !(step * step_ms).is_multiple_of(30_000) {
            continue;
        }
        for origin in STATUS {
            format!("{:?}", run.world.request(origin, "GET", "/metrics")).hash(&mut hasher);
        }
        for (origin, path) in [PD1, PD3]
            .iter()
            .flat_map(|origin| PATHS.map(|path| (origin, path)))
        {
            format!("{:?}", run.world.request(origin, "GET", path)).hash(&mut hasher);
        }
        for source in run.world.log_sources() {
            run.world.read_log(&source, 100_000).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[test]
fn the_same_seed_shows_the_same_bytes_however_time_is_cut() {
    assert_eq!(history(7, 1_000), history(7, 30_000));
}

#[test]
fn another_seed_is_another_history() {
    assert_ne!(history(7, 30_000), history(8, 30_000));
}

#[test]
fn looking_changes_nothing() {
    let mut watched = Run::of("hot-region", "neighbouring-keys");
    let mut alone = Run::of("hot-region", "neighbouring-keys");
    for seconds in -100..200 {
        watched.at(seconds).metrics(STATUS[1]);
        watched.json("/hotspot/regions/write");
    }
    let watched = watched.at(200).metrics(STATUS[1]);
    let alone = alone.at(200).metrics(STATUS[1]);
    assert_eq!(watched.0, alone.0);
}
