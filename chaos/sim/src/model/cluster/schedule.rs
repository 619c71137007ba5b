//! PD's schedulers: leaders are balanced, and moved away from stores that should have none.

use super::{Cluster, Event, TICK_MS};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real_len;
use crate::model::pd::operators::Work;
use crate::model::pd::view::StoreState;
use crate::model::region::Role;
use crate::model::slow_score::{SCORE_MAX, SCORE_SLOW};
use std::collections::BTreeSet;

/// `leader-schedule-limit`.
const LEADER_LIMIT: f64 = 4.0;
/// Leaders are balanced while the counts differ by more than this; PD's tolerance for small regions.
const TOLERANCE: u64 = 4;
pub(crate) use super::check_replicas::BALANCE_REGION;
/// The scheduler that balances leaders.
pub(crate) const BALANCE_LEADER: &str = "balance-leader-scheduler";
/// The one that evicts leaders from a slow store.
pub(crate) const EVICT_SLOW_STORE: &str = "evict-slow-store-scheduler";
/// The one that a person adds.
pub(crate) const EVICT_LEADER: &str = "evict-leader-scheduler";
/// A new leader of PD schedules after so long even when not all regions have reported.
const PREPARE_MS: u64 = 300_000;
/// A recovered store gets leaders again after this (`recovery-duration`).
const RECOVERY_SCORE: f64 = 1.0;

impl Cluster {
    /// The schedulers' second.
    pub(super) fn schedule(&mut self) {
        self.after(TICK_MS, Event::Schedule);
        if !self.pd.serves() {
            return;
        }
        self.expire_operators();
        let waited_ms = self.now_ms.saturating_sub(self.pd.led_since_ms);
        if waited_ms < PREPARE_MS && !self.pd.view.prepared() {
            return;
        }
        self.check_replicas();
        if self.pd.settings.is_on("schedule.halt-scheduling") {
            return;
        }
        self.check_merges();
        self.judge_slow_stores();
        self.evict();
        self.balance_leaders();
        self.balance_regions();
        self.balance_hot();
    }

    /// evict-slow-store acts when exactly one store is slow and that one is at the top (pd#4882).
    fn judge_slow_stores(&mut self) {
        let slow: Vec<(StoreId, f64)> = self
            .pd
            .view
            .stores
            .iter()
            .map(|(id, view)| (*id, view.report.slow_score))
            .filter(|(_, score)| *score >= SCORE_SLOW)
            .collect();
        let evicted = self
            .pd
            .evicting
            .get(EVICT_SLOW_STORE)
            .and_then(BTreeSet::first)
            .copied();
        match (evicted, slow.as_slice()) {
            (None, [(store, score)]) if *score >= SCORE_MAX => {
                self.pd
                    .evicting
                    .entry(EVICT_SLOW_STORE)
                    .or_default()
                    .insert(*store);
                let message = "detected slow store, start to evict leaders";
                self.log_leader(
                    "INFO",
                    "evict_slow_store.go:312",
                    message,
                    &[("store-id", store.to_string())],
                );
            }
            (Some(store), _) => {
                let score = self
                    .pd
                    .view
                    .stores
                    .get(&store)
                    .map_or(0.0, |view| view.report.slow_score);
                if score <= RECOVERY_SCORE {
                    self.pd.evicting.remove(EVICT_SLOW_STORE);
                    self.log_leader(
                        "INFO",
                        "evict_slow_store.go:297",
                        "slow store has been recovered",
                        &[("store-id", store.to_string())],
                    );
                }
            }
            _ => {}
        }
    }

    fn evict(&mut self) {
        let evicting: Vec<(&'static str, StoreId)> = self
            .pd
            .evicting
            .iter()
            .flat_map(|(kind, stores)| stores.iter().map(|store| (*kind, *store)))
            .collect();
        for (kind, store) in evicting {
            while real_len(self.pd.operators.count(kind)) < self.leader_limit() {
                let Some(region) = self.led_in_view(store) else {
                    break;
                };
                let Some(target) = self.leader_target_of(region, store) else {
                    break;
                };
                self.create_operator(kind, region, Work::Transfer(store, target));
            }
        }
    }

    fn leader_limit(&self) -> f64 {
        self.pd
            .settings
            .number("schedule.leader-schedule-limit", LEADER_LIMIT)
    }

    /// The store with a replica of a region, and fewest leaders, to which its leader may go.
    pub(super) fn leader_target_of(&self, region: RegionId, from: StoreId) -> Option<StoreId> {
        let view = self.pd.view.regions.get(&region)?;
        let holds = |store: &StoreId| {
            view.peers
                .iter()
                .any(|peer| peer.store == *store && peer.role == Role::Voter)
        };
        self.leader_targets()
            .into_iter()
            .find(|target| *target != from && holds(target))
    }

    /// One transfer a second from the store with most leaders to the one with fewest.
    fn balance_leaders(&mut self) {
        if !self.pd.settings.may_run(BALANCE_LEADER, self.now_ms) {
            return;
        }
        if let Some(member) = self.pd.leading_member() {
            member.counters.scheduler_event(BALANCE_LEADER, "schedule");
        }
        let targets = self.leader_targets();
        let Some(to) = targets.first().copied() else {
            return;
        };
        let Some(from) = self
            .pd
            .view
            .stores
            .keys()
            .copied()
            .max_by_key(|id| (self.pd.view.tally_of(*id).leaders, id.0))
        else {
            return;
        };
        let leaders = |id: StoreId| self.pd.view.tally_of(id).leaders;
        let busy = real_len(self.pd.operators.count(BALANCE_LEADER)) >= self.leader_limit();
        if busy || leaders(from) < leaders(to) + TOLERANCE {
            return;
        }
        if let Some(region) = self.led_in_view_and_held(from, to) {
            self.create_operator(BALANCE_LEADER, region, Work::Transfer(from, to));
        }
    }

    /// Stores that may get leaders, those with fewest first.
    fn leader_targets(&self) -> Vec<StoreId> {
        let view = &self.pd.view;
        let fit = |id: &StoreId| {
            view.stores.get(id).is_some_and(|store| {
                store.state(self.now_ms) == StoreState::Up
                    && !store.report.busy
                    && store.report.slow_score < SCORE_SLOW
            }) && !self.pd.evicts(*id)
        };
        let mut targets: Vec<StoreId> = view.stores.keys().copied().filter(fit).collect();
        targets.sort_by_key(|id| (view.tally_of(*id).leaders, *id));
        targets
    }

    /// A region that PD believes to be led by one store and held by another, and that has no operator yet.
    fn led_in_view_and_held(&self, from: StoreId, to: StoreId) -> Option<RegionId> {
        let fits = |region: &&crate::model::pd::view::RegionView| {
            region.leader.is_some_and(|leader| leader.store == from)
                && region
                    .peers
                    .iter()
                    .any(|peer| peer.store == to && peer.role == Role::Voter)
                && !self.pd.operators.running.contains_key(&region.id)
        };
        self.pd
            .view
            .regions
            .values()
            .find(fits)
            .map(|region| region.id)
    }

    /// A person moves leaders by hand, from wherever they are to the first store.
    pub(crate) fn move_leaders(&mut self, count: u64) {
        let Some(to) = self.pd.view.stores.keys().next().copied() else {
            return;
        };
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let elsewhere = |region: &&crate::model::pd::view::RegionView| {
            region.leader.is_some_and(|leader| leader.store != to)
                && region
                    .peers
                    .iter()
                    .any(|peer| peer.store == to && peer.role == Role::Voter)
        };
        let moved: Vec<(RegionId, StoreId)> =
            (self.pd.view.regions.values().filter(elsewhere).take(wanted))
                .filter_map(|region| Some((region.id, region.leader?.store)))
                .collect();
        for (region, from) in moved {
            self.create_operator("admin-transfer-leader", region, Work::Transfer(from, to));
        }
    }

    /// A region that PD believes to be led by a store and that has no operator yet.
    fn led_in_view(&self, store: StoreId) -> Option<RegionId> {
        let led = |region: &&crate::model::pd::view::RegionView| {
            region.leader.is_some_and(|leader| leader.store == store)
                && !self.pd.operators.running.contains_key(&region.id)
        };
        self.pd
            .view
            .regions
            .values()
            .find(led)
            .map(|region| region.id)
    }
}
