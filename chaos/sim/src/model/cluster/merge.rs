//! Merges: PD's merge checker finds small neighbours, and their leaders make one region of two.

use super::{Cluster, Event};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::{real, real_len};
use crate::model::pd::gauges::{REGION_MAX_MIB, UNDERSIZED_MIB};
use crate::model::pd::operators::{Operator, Work};
use crate::model::pd::view::RegionView;
use crate::model::region::{Region, Role};
use std::collections::BTreeSet;
use std::ops::Bound;

/// The operator's name; two of them, one for each region, are a merge.
const MERGE: &str = "merge-region";
/// `merge-schedule-limit`: operators, so that four merges run side by side.
const MERGE_LIMIT: f64 = 8.0;
/// `split-merge-interval`: what was split is not merged for so long, and nothing is by a new leader of PD.
const SPLIT_MERGE_S: f64 = 3_600.0;
/// `max-merge-region-keys`.
const SMALL_KEYS: u64 = 540_000;
/// Where regions are split (`region-split-size`, `region-split-keys`), and from where on (`region-max-keys`).
const SPLIT_MIB: u64 = 96;
const SPLIT_KEYS: u64 = 960_000;
const MAX_KEYS: u64 = 1_440_000;
/// Regions that the patrol checks in one round, and rounds a second (`patrol-region-interval`).
const PATROL: (usize, usize) = (128, 8_192);
const PATROLS_PER_SECOND: usize = 100;
/// A larger cluster's rounds take in so much of it.
const PATROL_SHARE: usize = 1_024;
/// The target checks this often what its source has prepared (`raftstore.merge-check-tick-interval`).
const CHECK_MS: u64 = 2_000;

impl Cluster {
    /// A second of the merge checker's patrol.
    pub(super) fn check_merges(&mut self) {
        let ids = self.patrolled();
        let interval_s = self
            .pd
            .settings
            .seconds("schedule.split-merge-interval", SPLIT_MERGE_S);
        let since = |at_ms: u64| real(self.now_ms.saturating_sub(at_ms)) / 1_000.0;
        self.pd.splits.retain(|_, at_ms| since(*at_ms) < interval_s);
        // Before the run begins PD's list of hot regions, which are not merged, is only being filled; in a cluster that
        // has been up for days it is full.
        if since(self.pd.led_since_ms) < interval_s || self.now_ms < self.config.start_unix_ms {
            return;
        }
        let limit = self
            .pd
            .settings
            .number("schedule.merge-schedule-limit", MERGE_LIMIT);
        let mut running = real_len(self.pd.operators.count(MERGE));
        for id in ids {
            if running >= limit {
                return;
            }
            if let Some(target) = self.merge_target(id) {
                running += self.begin_merge(id, target);
            }
        }
    }

    /// Regions that this second's rounds come by, in the order of their keys.
    fn patrolled(&mut self) -> Vec<RegionId> {
        let by_key = &self.pd.view.by_key;
        let batch = (by_key.len() / PATROL_SHARE).clamp(PATROL.0, PATROL.1);
        let count = (batch * PATROLS_PER_SECOND).min(by_key.len());
        let from = self
            .pd
            .patrolled_to
            .map_or(Bound::Unbounded, Bound::Excluded);
        let seen: Vec<_> = by_key
            .range((from, Bound::Unbounded))
            .take(count)
            .map(|(key, id)| (*key, *id))
            .collect();
        self.pd.patrolled_to = seen
            .last()
            .filter(|_| seen.len() == count && count < by_key.len())
            .map(|(key, _)| *key);
        seen.into_iter().map(|(_, id)| id).collect()
    }

    /// The neighbour into which PD would merge a region, if it would (`pd: pkg/schedule/checker/merge_checker.go`).
    fn merge_target(&self, id: RegionId) -> Option<RegionId> {
        let view = &self.pd.view;
        let region = view
            .regions
            .get(&id)
            .filter(|region| is_small(region) && self.may_merge(region))?;
        let next = view
            .by_key
            .get(&region.end)
            .and_then(|id| view.regions.get(id));
        let previous = view
            .by_key
            .range(..region.start)
            .next_back()
            .and_then(|(_, id)| view.regions.get(id));
        let next = next.filter(|next| self.takes_in(next, region));
        let previous = previous
            .filter(|previous| previous.end == region.start && self.takes_in(previous, region));
        let target = match (next, previous) {
            (Some(next), Some(previous)) if previous.size_mib < next.size_mib => previous,
            (Some(one), _) | (None, Some(one)) => one,
            (None, None) => return None,
        };
        let size_mib = region.size_mib + target.size_mib;
        let keys = region.keys + target.keys;
        let stays = stays_whole(size_mib, (SPLIT_MIB, REGION_MAX_MIB), UNDERSIZED_MIB)
            && stays_whole(keys, (SPLIT_KEYS, MAX_KEYS), SMALL_KEYS);
        stays.then_some(target.id)
    }

    /// Every replica follows, none is missing, no operator is active, and the region was neither split nor is it hot.
    fn may_merge(&self, region: &RegionView) -> bool {
        let stores: Vec<StoreId> = region.peers.iter().map(|peer| peer.store).collect();
        region.seen
            && region.leader.is_some()
            && region.down.is_empty()
            && region.pending.is_empty()
            && region.peers.len() == self.pd.view.max_replicas
            && region.peers.iter().all(|peer| peer.role == Role::Voter)
            && !self.pd.splits.contains_key(&region.id)
            && !self.pd.operators.running.contains_key(&region.id)
            && !self.pd.hot.is_hot(region.id, &stores)
    }

    /// A neighbour on a store that is being removed would bring replicas there.
    fn takes_in(&self, neighbour: &RegionView, region: &RegionView) -> bool {
        let leaves =
            |store: StoreId| self.pd.view.is_removing(store) && !stores_of(region).contains(&store);
        self.may_merge(neighbour) && !neighbour.peers.iter().any(|peer| leaves(peer.store))
    }

    /// PD makes the operators of a merge; it first brings the replicas to where the target's are. Returns how many.
    fn begin_merge(&mut self, source: RegionId, target: RegionId) -> f64 {
        let regions = &self.pd.view.regions;
        let (Some(from), Some(to)) = (regions.get(&source), regions.get(&target)) else {
            return 0.0;
        };
        let from = stores_of(from);
        let to = stores_of(to);
        if let (Some(leaves), Some(comes)) =
            (from.difference(&to).next(), to.difference(&from).next())
        {
            let work = Work::Move(*leaves, *comes);
            if !self.pay(source, work) {
                return 0.0;
            }
            self.create_operator(MERGE, source, work);
            return 1.0;
        }
        self.create_operator(MERGE, source, Work::Merge(source, target));
        self.create_operator(MERGE, target, Work::Merge(source, target));
        if let Some(member) = self.pd.leading_member() {
            *member
                .counters
                .checker_events
                .entry("new-operator")
                .or_insert(0.0) += 1.0;
        }
        2.0
    }

    /// The source's leader prepares; its target commits at its next check.
    pub(super) fn take_merge_step(
        &mut self,
        operator: &Operator,
        source: RegionId,
        target: RegionId,
    ) {
        // The target's operator only waits.
        if operator.region != source {
            return;
        }
        let wait_ms = self.rng.between_ms(0, CHECK_MS);
        self.wake(source);
        self.wake(target);
        let ready = self.can_merge(source, target);
        if ready && operator.step == 0 {
            self.prepare_merge(source);
        } else if ready {
            return self.commit_merge(source, target);
        }
        self.after(wait_ms.max(1), Event::Step(source, operator.created_ms));
    }

    /// Both lead, all replicas of both follow, on the same stores, and the regions are neighbours.
    fn can_merge(&self, source: RegionId, target: RegionId) -> bool {
        let (Some(from), Some(to)) = (self.regions.get(&source), self.regions.get(&target)) else {
            return false;
        };
        let able = |region: &Region| {
            let appends =
                |store: StoreId| self.stores.get(&store).is_some_and(|store| store.appends());
            region.leader.is_some_and(appends) && region.lag.is_empty()
        };
        let stores = |region: &Region| {
            region
                .peers
                .iter()
                .map(|peer| peer.store)
                .collect::<BTreeSet<_>>()
        };
        able(from)
            && able(to)
            && stores(from) == stores(to)
            && (from.end == to.start || to.end == from.start)
    }

    fn prepare_merge(&mut self, source: RegionId) {
        let Some(leader) = self.regions.get(&source).and_then(|region| region.leader) else {
            return;
        };
        if let Some(operator) = self.pd.operators.running.get_mut(&source) {
            operator.step = 1;
        }
        if let Some(store) = self.stores.get_mut(&leader) {
            store.counters.merges_prepared += 1.0;
        }
        let fields = [("region_id", source.to_string())];
        self.log_store(
            leader,
            "INFO",
            "apply.rs:2724",
            "execute PrepareMerge",
            &fields,
        );
    }

    /// The target takes the source's range, data and load; its epoch is younger than both were.
    fn commit_merge(&mut self, source: RegionId, target: RegionId) {
        let Some(leader) = self.regions.get(&target).and_then(|region| region.leader) else {
            return;
        };
        self.set_leader(source, None);
        self.count_replicas(source, false);
        let Some(gone) = self.regions.remove(&source) else {
            return;
        };
        self.change_region(target, |region| {
            (region.start, region.end) = (region.start.min(gone.start), region.end.max(gone.end));
            // Preparing made the source's version one more.
            region.version = region.version.max(gone.version + 1) + 1;
            region.bytes += gone.bytes;
            region.rates = region.rates.plus(gone.rates);
            region.flow = region.flow.plus(gone.flow);
        });
        if let Some(store) = self.stores.get_mut(&leader) {
            store.counters.merges_committed += 1.0;
        }
        self.follow_heat(source, target);
        let fields = [
            ("source_region", source.to_string()),
            ("region_id", target.to_string()),
        ];
        self.log_store(
            leader,
            "INFO",
            "apply.rs:2890",
            "execute CommitMerge",
            &fields,
        );
        self.report_region(target);
        // PD knows by the target's heartbeat; without one the operators wait for their time to end.
        if !self.pd.view.regions.contains_key(&source) {
            self.end_operator(source);
            self.end_operator(target);
        }
    }

    /// What clients are after goes on in the region that has the keys now.
    fn follow_heat(&mut self, from: RegionId, to: RegionId) {
        if self.hot_region == Some(from) {
            self.hot_region = Some(to);
        }
        for (region, _) in self.warmed.iter_mut().filter(|(region, _)| *region == from) {
            *region = to;
        }
        if let Some((region, _)) = self.swelling.as_mut().filter(|(region, _)| *region == from) {
            *region = to;
        }
    }
}

fn is_small(region: &RegionView) -> bool {
    region.size_mib <= UNDERSIZED_MIB && region.keys <= SMALL_KEYS
}

/// A merged region would not be split again into parts that would be merged again
/// (`pd: pkg/schedule/config/store_config.go`, CheckRegionSize).
fn stays_whole(size: u64, (split, most): (u64, u64), small: u64) -> bool {
    let rest = size % split;
    size < most || rest > small || rest == 0
}

fn stores_of(region: &RegionView) -> BTreeSet<StoreId> {
    region.peers.iter().map(|peer| peer.store).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_split_and_merged_in_turns_is_left_alone() {
        let whole = |size| stays_whole(size, (SPLIT_MIB, REGION_MAX_MIB), UNDERSIZED_MIB);
        assert!(whole(143) && whole(155) && whole(192));
        assert!(!whole(144) && !whole(150) && !whole(193));
    }
}
