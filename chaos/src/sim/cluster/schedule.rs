//! PD's schedulers: leaders are balanced, and moved away from stores that should have none.

use super::{Cluster, Event, TICK_MS};
use crate::sim::histogram::Histogram;
use crate::sim::ids::{RegionId, StoreId};
use crate::sim::layouts;
use crate::sim::number::real;
use crate::sim::pd::operators::Operator;
use crate::sim::pd::view::StoreState;
use crate::sim::slow_score::{SCORE_MAX, SCORE_SLOW};
use std::collections::BTreeSet;

/// `leader-schedule-limit`.
const LEADER_LIMIT: usize = 4;
/// Leaders are balanced while the counts differ by more than this; PD's tolerance for small regions.
const TOLERANCE: u64 = 4;
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
        self.judge_slow_stores();
        self.evict();
        self.balance_leaders();
    }

    fn expire_operators(&mut self) {
        let expired = self.pd.operators.take_expired(self.now_ms);
        for operator in expired {
            if let Some(member) = self.pd.leading_member() {
                member.counters.operator_event(operator.kind, "timeout");
            }
            let fields = [
                ("region-id", operator.region.to_string()),
                ("takes", "1m0s".into()),
                ("operator", self.describe(&operator)),
            ];
            self.log_leader("INFO", "operator_controller.go:740", "operator timeout", &fields);
        }
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
        let evicted = self.pd.evicting.get(EVICT_SLOW_STORE).and_then(BTreeSet::first).copied();
        match (evicted, slow.as_slice()) {
            (None, [(store, score)]) if *score >= SCORE_MAX => {
                self.pd.evicting.entry(EVICT_SLOW_STORE).or_default().insert(*store);
                let message = "detected slow store, start to evict leaders";
                self.log_leader("INFO", "evict_slow_store.go:312", message, &[("store-id", store.to_string())]);
            }
            (Some(store), _) => {
                let score = self.pd.view.stores.get(&store).map_or(0.0, |view| view.report.slow_score);
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
        let evicting: Vec<(&'static str, StoreId)> =
            self.pd.evicting.iter().flat_map(|(kind, stores)| stores.iter().map(|store| (*kind, *store))).collect();
        for (kind, store) in evicting {
            for _ in self.pd.operators.count(kind)..LEADER_LIMIT {
                let Some(region) = self.led_in_view(store) else { break };
                let Some(target) = self.leader_targets().into_iter().find(|target| *target != store) else { break };
                self.create_operator(kind, region, store, target);
            }
        }
    }

    /// One transfer a second from the store with most leaders to the one with fewest.
    fn balance_leaders(&mut self) {
        if let Some(member) = self.pd.leading_member() {
            member.counters.scheduler_event(BALANCE_LEADER, "schedule");
        }
        let targets = self.leader_targets();
        let Some(to) = targets.first().copied() else { return };
        let Some(from) =
            self.pd.view.stores.keys().copied().max_by_key(|id| (self.pd.view.tally_of(*id).leaders, id.0))
        else {
            return;
        };
        let leaders = |id: StoreId| self.pd.view.tally_of(id).leaders;
        if self.pd.operators.count(BALANCE_LEADER) >= LEADER_LIMIT || leaders(from) < leaders(to) + TOLERANCE {
            return;
        }
        if let Some(region) = self.led_in_view(from) {
            self.create_operator(BALANCE_LEADER, region, from, to);
        }
    }

    /// Stores that may get leaders, those with fewest first.
    fn leader_targets(&self) -> Vec<StoreId> {
        let view = &self.pd.view;
        let fit = |id: &StoreId| {
            view.stores.get(id).is_some_and(|store| {
                store.state(self.now_ms) == StoreState::Up && !store.report.busy && store.report.slow_score < SCORE_SLOW
            }) && !self.pd.evicts(*id)
        };
        let mut targets: Vec<StoreId> = view.stores.keys().copied().filter(fit).collect();
        targets.sort_by_key(|id| (view.tally_of(*id).leaders, *id));
        targets
    }

    /// A region that PD believes to be led by a store and that has no operator yet.
    fn led_in_view(&self, store: StoreId) -> Option<RegionId> {
        let led = |region: &&crate::sim::pd::view::RegionView| {
            region.leader.is_some_and(|leader| leader.store == store)
                && !self.pd.operators.running.contains_key(&region.id)
        };
        self.pd.view.regions.values().find(led).map(|region| region.id)
    }

    fn create_operator(&mut self, kind: &'static str, region: RegionId, from: StoreId, to: StoreId) {
        let Some(view) = self.pd.view.regions.get(&region) else { return };
        let operator = Operator {
            kind,
            region,
            from,
            to,
            epoch: (view.version, view.conf_ver),
            size_mib: view.size_mib,
            created_ms: self.now_ms,
        };
        let fields = [
            ("region-id", region.to_string()),
            ("operator", self.describe(&operator)),
            ("additional-info", String::new()),
        ];
        self.log_leader("INFO", "operator_controller.go:510", "add operator", &fields);
        let fields = [("region-id", region.to_string()), ("step", operator.step()), ("source", "create".into())];
        self.log_leader("INFO", "operator_controller.go:786", "send schedule command", &fields);
        if let Some(member) = self.pd.leading_member() {
            for event in ["check", "create", "promote-add", "get"] {
                member.counters.operator_event(kind, event);
            }
        }
        self.pd.operators.running.insert(region, operator);
        let wait_ms = 100 + self.vote_ms();
        self.after(wait_ms, Event::Transfer(region, to));
    }

    /// The region's leader is where its operator wanted it.
    pub(super) fn finish_operator(&mut self, region: RegionId) {
        let now_ms = self.now_ms;
        let leader = self.pd.view.regions.get(&region).and_then(|view| view.leader).map(|peer| peer.store);
        let done = self.pd.operators.running.get(&region).is_some_and(|operator| Some(operator.to) == leader);
        let Some(operator) = self.pd.operators.running.get(&region).filter(|_| done).cloned() else { return };
        self.pd.operators.running.remove(&region);
        let takes_ms = now_ms.saturating_sub(operator.created_ms);
        if let Some(member) = self.pd.leading_member() {
            member.counters.operator_event(operator.kind, "finish");
            let histogram = member.counters.operator_seconds.entry(operator.kind);
            let histogram = histogram.or_insert_with(|| Histogram::new(layouts::pd_operator_seconds()));
            histogram.observe_exactly(1.0, real(takes_ms) / 1_000.0);
        }
        let fields = [
            ("region-id", region.to_string()),
            ("takes", format!("{takes_ms}ms")),
            ("operator", self.describe(&operator)),
        ];
        self.log_leader("INFO", "operator_controller.go:702", "operator finish", &fields);
    }

    /// An operator as PD prints it.
    pub(crate) fn describe(&self, operator: &Operator) -> String {
        let stamp = go_time(operator.created_ms, operator.created_ms.saturating_sub(self.pd.led_since_ms));
        let (version, conf_ver) = operator.epoch;
        format!(
            "{} (kind:leader, region:{}({version}, {conf_ver}), createAt:{stamp}, startAt:{stamp}, currentStep:0, size:{}, steps:[0:{{{}}}], timeout:[1m0s])",
            operator.brief(),
            operator.region,
            operator.size_mib,
            operator.step()
        )
    }
}

/// Go prints times with nanoseconds and the monotonic clock.
fn go_time(unix_ms: u64, monotonic_ms: u64) -> String {
    let date = crate::calendar::log_time(unix_ms).replace('/', "-");
    let date = date.trim_end_matches(" +00:00");
    format!("{date} +0000 UTC m=+{}.{:03}", monotonic_ms / 1_000, monotonic_ms % 1_000)
}
