//! PD's hot-region scheduler moves what helps, and leaves regions that would only take their hotness along.

use super::observer::Run;
use crate::model::ids::StoreId;

fn hot_operators(run: &Run) -> f64 {
    let members = run.world.cluster.pd.members.iter();
    let operators = members.flat_map(|member| member.counters.operators.iter());
    operators
        .filter(|((kind, event), _)| kind.contains("-hot-") && *event == "finish")
        .map(|(_, count)| count)
        .sum()
}

#[test]
fn several_busy_regions_are_spread_and_then_left_alone() {
    let mut run = Run::of("hot-regions-spread", "hot-regions-spread");
    run.at(30);
    let led = |run: &Run, store: u64| run.world.cluster.stores[&StoreId(store)].led.writes;
    let before = led(&run, 4);
    run.at(1_000);
    let moved = hot_operators(&run);
    assert!((2.0..10.0).contains(&moved), "{moved}");
    assert!(led(&run, 4) < before * 0.85, "{before} {}", led(&run, 4));
    run.at(1_380);
    assert!(
        hot_operators(&run) - moved <= 2.0,
        "it goes to and fro: {moved} {}",
        hot_operators(&run)
    );
}

#[test]
fn the_only_hot_region_stays_where_it_is() {
    let mut run = Run::of("hot-region", "neighbouring-keys");
    run.at(300);
    let hot = run.world.hot_region().unwrap();
    let region = &run.world.cluster.regions[&crate::model::ids::RegionId(hot)];
    assert_eq!(region.leader, Some(StoreId(4)));
}

#[test]
fn a_healthy_cluster_is_not_stirred() {
    let mut run = Run::of("healthy", "nothing");
    run.at(3_600);
    assert!(hot_operators(&run) < 4.0, "{}", hot_operators(&run));
}
