//! Idle regions sleep, wake when they are used, and elect late when their leader is gone.

use super::observer::{Run, STATUS};
use crate::fault::SimAction;
use crate::model::cluster::Cluster;
use crate::model::region::Region;
use operator_world::World as _;

const SLEEPING: &str = "tikv_raftstore_hibernated_peer_state{state=\"hibernated\"}";

fn idle_run() -> Run {
    Run::of("idle-regions-node-death", "idle-regions-node-death")
}

fn leaderless(cluster: &Cluster, idle: bool) -> usize {
    let of_sort = |region: &&Region| (region.rates.reads <= 0.0) == idle;
    cluster
        .regions
        .values()
        .filter(of_sort)
        .filter(|region| region.leader.is_none())
        .count()
}

/// What the stores count is what the regions are.
fn assert_counted(cluster: &Cluster) {
    let sleeping = || {
        cluster
            .regions
            .values()
            .filter(|region| region.asleep_under.is_some())
    };
    for store in cluster.stores.values() {
        let held = sleeping().filter(|region| region.peer_on(store.id).is_some());
        let alone = held
            .clone()
            .filter(|region| region.leader.is_none())
            .count();
        let led = sleeping()
            .filter(|region| region.asleep_under == Some(store.id))
            .count();
        let counted = [store.asleep.held, store.asleep.leaderless, store.asleep.led];
        assert_eq!(
            counted.map(|count| usize::try_from(count).unwrap()),
            [held.count(), alone, led],
            "{}",
            store.id
        );
    }
}

#[test]
fn idle_regions_sleep_and_tell_pd_nothing_while_a_busy_cluster_stays_awake() {
    let mut run = idle_run();
    run.at(-5);
    assert!(
        (70.0..74.0).contains(&run.metrics(STATUS[0]).get(SLEEPING)),
        "{}",
        run.metrics(STATUS[0]).get(SLEEPING)
    );
    let asleep = |run: &Run| {
        run.world
            .cluster
            .regions
            .values()
            .filter(|region| region.asleep_under.is_some())
            .count()
    };
    let reported = |run: &Run| -> Vec<u64> {
        let regions = run
            .world
            .cluster
            .regions
            .values()
            .filter(|region| region.asleep_under.is_some());
        regions.map(|region| region.reported_ms).collect()
    };
    let before = reported(&run);
    assert_eq!(asleep(&run), 72);
    run.at(-1);
    assert_eq!(reported(&run), before);
    let mut busy = Run::of("healthy", "nothing");
    busy.at(100);
    assert_eq!(asleep(&busy), 0);
}

#[test]
fn followers_of_sleeping_regions_miss_their_leader_late() {
    let mut run = idle_run();
    run.at(30);
    assert_counted(&run.world.cluster);
    assert_eq!(leaderless(&run.world.cluster, false), 0);
    let late = leaderless(&run.world.cluster, true);
    assert!(late > 15, "{late}");
    let missing = run.metrics(STATUS[0]).get("tikv_raftstore_leader_missing");
    assert!(missing < 10.0, "who sleeps misses nobody: {missing}");
    run.at(150);
    assert!((1..late).contains(&leaderless(&run.world.cluster, true)));
    run.at(330);
    assert_eq!(leaderless(&run.world.cluster, true), 0);
    run.at(500);
    assert_counted(&run.world.cluster);
    assert!(
        run.world
            .cluster
            .regions
            .values()
            .all(|region| region.asleep_under.is_none()
                || region.peer_on(crate::model::ids::StoreId(4)).is_none())
    );
}

#[test]
fn a_store_that_returns_brings_its_sleeping_regions_a_leader() {
    let mut run = idle_run();
    run.at(20);
    run.world.apply(&SimAction::StartStore { store: 4 });
    run.at(60);
    assert_eq!(leaderless(&run.world.cluster, true), 0);
    run.at(240);
    assert_counted(&run.world.cluster);
    assert!(
        run.metrics(STATUS[0]).get(SLEEPING) > 60.0,
        "they go to sleep again"
    );
}

#[test]
fn what_is_used_again_wakes() {
    let mut run = idle_run();
    run.at(-60);
    let sleeping = run
        .world
        .cluster
        .regions
        .values()
        .find(|region| region.asleep_under.is_some())
        .unwrap()
        .id;
    run.world
        .cluster
        .change_region(sleeping, |region| region.rates.writes = 5.0);
    let end_ms = run.onset_ms - 1_000;
    run.world.advance_to(end_ms);
    assert!(run.world.cluster.regions[&sleeping].asleep_under.is_none());
    assert_counted(&run.world.cluster);
}
