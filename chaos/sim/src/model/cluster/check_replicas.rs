//! PD's checkers and the region balancer: replicas where they are missing, too many, or in the wrong place.

use super::{Cluster, REPLICAS};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real;
use crate::model::pd::operators::Work;
use crate::model::pd::view::{NodeState, RegionView, StoreState};
use crate::model::region::Role;
use crate::model::slow_score::SCORE_SLOW;
use std::collections::BTreeSet;

/// `replica-schedule-limit`.
const REPLICA_LIMIT: f64 = 64.0;
/// `region-schedule-limit` is 2048; the store limit is what binds.
const REGION_LIMIT: f64 = 2_048.0;
/// Store limit: replicas a minute for each store, both ways (`pd: pkg/core/storelimit`).
const STORE_LIMIT: f64 = 15.0;
/// A small region costs a fifth.
const SMALL_MIB: u64 = 20;
/// Regions that are looked at in one round of the patrol.
const PATROL: usize = 4_096;
/// Balance is good enough within so many average regions: PD's tolerance for small clusters.
const TOLERANCE_REGIONS: f64 = 5.0;
/// The scheduler that balances regions.
pub(crate) const BALANCE_REGION: &str = "balance-region-scheduler";

/// The problem of a region's replicas, and the checker that found it.
enum Repair {
    Replace(&'static str, StoreId),
    Remove(&'static str, StoreId),
    Add(&'static str),
}

impl Cluster {
    /// A round of the checkers. It is skipped while nothing can be wrong, because a million regions take long.
    pub(super) fn check_replicas(&mut self) {
        self.refill_store_limits();
        if self.pd.settings.is_on("schedule.halt-scheduling") || !self.needs_patrol() {
            return;
        }
        let limit = self
            .pd
            .settings
            .number("schedule.replica-schedule-limit", REPLICA_LIMIT);
        let ids: Vec<RegionId> = self.pd.view.regions.keys().copied().collect();
        let mut looked = 0;
        for id in ids {
            let running = self
                .pd
                .operators
                .running
                .values()
                .filter(|operator| operator.kind.contains("rule"))
                .count();
            if crate::model::number::real_len(running) >= limit || looked >= PATROL {
                break;
            }
            let Some(repair) = self
                .pd
                .view
                .regions
                .get(&id)
                .and_then(|region| self.repair(region))
            else {
                continue;
            };
            looked += 1;
            self.carry_out(id, &repair);
        }
    }

    fn needs_patrol(&self) -> bool {
        let odd = |store: &crate::model::pd::view::StoreView| {
            store.node == NodeState::Removing || store.state(self.now_ms) == StoreState::Down
        };
        self.pd.view.max_replicas != REPLICAS
            || self.pd.view.stores.values().any(odd)
            || self
                .pd
                .view
                .regions
                .values()
                .take(PATROL)
                .any(|region| region.peers.len() != self.pd.view.max_replicas)
    }

    fn repair(&self, region: &RegionView) -> Option<Repair> {
        if self.pd.operators.running.contains_key(&region.id) || region.leader.is_none() {
            return None;
        }
        let state = |store: StoreId| {
            self.pd
                .view
                .stores
                .get(&store)
                .map(|view| view.state(self.now_ms))
        };
        let on = |wanted: StoreState| {
            region
                .peers
                .iter()
                .find(|peer| state(peer.store) == Some(wanted))
        };
        if region.peers.len() > self.pd.view.max_replicas {
            let leader = region.leader.map(|peer| peer.store);
            let learner = region.peers.iter().find(|peer| peer.role == Role::Learner);
            let surplus = learner.or_else(|| {
                region
                    .peers
                    .iter()
                    .rev()
                    .find(|peer| Some(peer.store) != leader)
            });
            return surplus.map(|peer| Repair::Remove("remove-extra-peer", peer.store));
        }
        if let Some(down) = on(StoreState::Down) {
            return Some(Repair::Replace("fast-replace-rule-down-peer", down.store));
        }
        if let Some(offline) = on(StoreState::Offline) {
            return Some(Repair::Replace("replace-rule-offline-peer", offline.store));
        }
        (region.peers.len() < self.pd.view.max_replicas).then_some(Repair::Add("add-rule-peer"))
    }

    fn carry_out(&mut self, id: RegionId, repair: &Repair) {
        let work = match repair {
            Repair::Remove(kind, from) => Some((*kind, Work::Remove(*from))),
            Repair::Replace(kind, from) => {
                self.place_for(id).map(|to| (*kind, Work::Move(*from, to)))
            }
            Repair::Add(kind) => self.place_for(id).map(|to| (*kind, Work::Add(to))),
        };
        let Some((kind, work)) = work else {
            let name = if matches!(repair, Repair::Add(_)) {
                "no-store-add"
            } else {
                "no-store-replace"
            };
            if let Some(member) = self.pd.leading_member() {
                *member.counters.checker_events.entry(name).or_insert(0.0) += 1.0;
            }
            return;
        };
        if self.pay(id, work) {
            self.create_operator(kind, id, work);
        }
    }

    /// The best store for another replica of a region.
    fn place_for(&self, id: RegionId) -> Option<StoreId> {
        let region = self.pd.view.regions.get(&id)?;
        let taken: BTreeSet<StoreId> = region.peers.iter().map(|peer| peer.store).collect();
        let mut places: Vec<StoreId> = self
            .pd
            .view
            .stores
            .keys()
            .copied()
            .filter(|store| !taken.contains(store) && self.takes_replicas(*store))
            .collect();
        places.sort_by(|left, right| {
            self.region_score(*left)
                .total_cmp(&self.region_score(*right))
        });
        places.first().copied()
    }

    pub(super) fn takes_replicas(&self, id: StoreId) -> bool {
        let regions = self.pd.view.tally_of(id).regions;
        self.pd.view.stores.get(&id).is_some_and(|store| {
            store.state(self.now_ms) == StoreState::Up
                && !store.report.busy
                && store.report.slow_score < SCORE_SLOW
                && !store.low_space(regions)
        })
    }

    fn region_score(&self, id: StoreId) -> f64 {
        let mebibytes = self.pd.view.tally_of(id).region_mib;
        self.pd
            .view
            .stores
            .get(&id)
            .map_or(f64::INFINITY, |store| store.region_score(mebibytes))
    }

    /// One region a second, from the store with the highest score to the one with the lowest.
    pub(super) fn balance_regions(&mut self) {
        let limit = self
            .pd
            .settings
            .number("schedule.region-schedule-limit", REGION_LIMIT);
        if limit < 1.0 || !self.pd.settings.may_run(BALANCE_REGION, self.now_ms) {
            return;
        }
        if let Some(member) = self.pd.leading_member() {
            member.counters.scheduler_event(BALANCE_REGION, "schedule");
        }
        let mut places: Vec<StoreId> = self
            .pd
            .view
            .stores
            .keys()
            .copied()
            .filter(|store| self.takes_replicas(*store))
            .collect();
        places.sort_by(|left, right| {
            self.region_score(*left)
                .total_cmp(&self.region_score(*right))
        });
        let (Some(to), Some(from)) = (places.first().copied(), places.last().copied()) else {
            return;
        };
        let tally = self.pd.view.tally_of(from);
        let mean = self.region_score(from) / real(tally.regions).max(1.0);
        if self.region_score(from) - self.region_score(to) < mean * TOLERANCE_REGIONS {
            return;
        }
        let fits = |region: &&RegionView| {
            let on = |store: StoreId| region.peers.iter().any(|peer| peer.store == store);
            on(from)
                && !on(to)
                && region.leader.is_some()
                && !self.pd.operators.running.contains_key(&region.id)
        };
        let Some(id) = self
            .pd
            .view
            .regions
            .values()
            .find(fits)
            .map(|region| region.id)
        else {
            return;
        };
        let work = Work::Move(from, to);
        if self.pay(id, work) {
            self.create_operator("balance-region", id, work);
        }
    }

    /// Takes an operator's price out of the limits of its stores, if they have it. A store that is being removed may
    /// give away as many as it likes.
    pub(super) fn pay(&mut self, id: RegionId, work: Work) -> bool {
        let small = self
            .pd
            .view
            .regions
            .get(&id)
            .is_some_and(|region| region.size_mib <= SMALL_MIB);
        let price = if small { 0.2 } else { 1.0 };
        let (adds, removes) = match work {
            Work::Add(to) => (Some(to), None),
            Work::Move(from, to) => (Some(to), Some(from)),
            Work::Remove(from) => (None, Some(from)),
            Work::Transfer(..) | Work::Merge(..) => (None, None),
        };
        let removes = removes.filter(|store| !self.pd.view.is_removing(*store));
        let limits = &mut self.pd.store_limits;
        let has = |key: (StoreId, bool)| limits.get(&key).copied().unwrap_or(STORE_LIMIT) >= price;
        let keys: Vec<(StoreId, bool)> = adds
            .map(|store| (store, true))
            .into_iter()
            .chain(removes.map(|store| (store, false)))
            .collect();
        if !keys.iter().all(|key| has(*key)) {
            return false;
        }
        for key in keys {
            *limits.entry(key).or_insert(STORE_LIMIT) -= price;
        }
        true
    }

    fn refill_store_limits(&mut self) {
        for left in self.pd.store_limits.values_mut() {
            *left = (*left + STORE_LIMIT / 60.0).min(STORE_LIMIT);
        }
    }
}
