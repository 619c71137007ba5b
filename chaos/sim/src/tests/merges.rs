//! Merges keep every key, and PD learns of them.

use super::observer::{Run, STATUS};
use crate::model::cluster::Cluster;
use crate::model::ids::RegionId;
use crate::model::key::Key;
use crate::model::region::Region;
use operator_world::World as _;
use std::collections::BTreeMap;

/// Ranges by their first place, in the world and in PD's belief.
fn ranges(cluster: &Cluster) -> [Vec<(Key, Key)>; 2] {
    let mut world: Vec<_> = cluster
        .regions
        .values()
        .map(|region| (region.start, region.end))
        .collect();
    world.sort();
    let view = &cluster.pd.view;
    let believed = view
        .by_key
        .values()
        .map(|id| (view.regions[id].start, view.regions[id].end))
        .collect();
    [world, believed]
}

#[test]
fn merged_regions_cover_every_key_all_the_time_and_grow_their_epochs() {
    let mut run = Run::of("regions-merge", "regions-merge");
    let mut versions: BTreeMap<RegionId, u64> = BTreeMap::new();
    let mut merged_at = None;
    let first: BTreeMap<_, _> = run
        .world
        .cluster
        .regions
        .values()
        .map(|region| (region.id, region.version))
        .collect();
    for second in -10..470 {
        run.at(second);
        let cluster = &run.world.cluster;
        let [world, believed] = ranges(cluster);
        assert_eq!(
            (world[0].0, world.last().unwrap().1),
            (Key::FIRST, Key::LAST)
        );
        assert!(
            world.windows(2).all(|pair| pair[0].1 == pair[1].0),
            "a hole after {second} s"
        );
        assert_eq!(world, believed, "PD knows at once: leaders report merges");
        for region in cluster.regions.values() {
            let before = versions.insert(region.id, region.version);
            assert!(
                before.is_none_or(|before| before <= region.version),
                "{region:?}"
            );
        }
        if merged_at.is_none() && world.len() < 100 {
            merged_at = Some(second);
        }
    }
    let cluster = &run.world.cluster;
    assert!(
        merged_at.is_some() && cluster.regions.len() < 90,
        "{merged_at:?} {}",
        cluster.regions.len()
    );
    assert_eq!(cluster.pd.view.regions.len(), cluster.regions.len());
    let younger = |region: &&Region| region.version > first[&region.id];
    assert!(
        cluster.regions.values().filter(younger).count() > 0,
        "a merge makes its target's epoch younger"
    );
    let operators = run.json("/operators/records?from=0").to_string();
    assert!(
        operators.contains("merge-region {merge: region "),
        "{operators}"
    );
    assert!(STATUS.iter().any(|origin| {
        let metrics = run.metrics(origin);
        metrics.sum("tikv_raftstore_admin_cmd_total{status=\"success\",type=\"commit_merge\"}")
            > 0.0
    }));
}

#[test]
fn what_was_split_is_not_merged_for_an_hour_and_a_new_leader_of_pd_waits_as_long() {
    let mut run = Run::of("split-after-import", "split-after-import");
    run.world.advance_to(run.onset_ms + 3_000_000);
    assert_eq!(run.world.cluster.regions.len(), 160);
    let mut run = Run::of("regions-merge", "regions-merge");
    run.world.apply(&crate::fault::SimAction::TransferPdLeader);
    run.world.advance_to(run.onset_ms + 1_200_000);
    assert_eq!(run.world.cluster.regions.len(), 120);
}

#[test]
fn nothing_is_merged_while_merging_is_switched_off_and_all_is_when_it_is_on_again() {
    let mut run = Run::of("empty-regions", "empty-regions");
    run.at(500);
    assert_eq!(run.world.cluster.regions.len(), 120);
    let on = crate::fault::by_id("empty-regions")
        .unwrap()
        .sim
        .as_ref()
        .unwrap()
        .undo
        .clone();
    on.iter().for_each(|fault| run.world.apply(fault));
    run.at(900);
    assert!(
        run.world.cluster.regions.len() < 90,
        "{}",
        run.world.cluster.regions.len()
    );
}
