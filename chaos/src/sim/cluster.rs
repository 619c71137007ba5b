//! The cluster as it really is, and the loop that moves it through time.

mod build;
mod elect;
mod report;
mod schedule;
mod serve;
mod store_life;
mod member_life;

pub(crate) use schedule::{BALANCE_LEADER, EVICT_LEADER, EVICT_SLOW_STORE};

use super::clients::Clients;
use super::config::ClusterConfig;
use super::ids::{RegionId, StoreId};
use super::log_book::{Line, LogBook};
use super::pd::Pd;
use super::queue::EventQueue;
use super::region::Region;
use super::rng::Rng;
use super::store::Store;
use crate::scenario::FaultKind;
use std::collections::BTreeMap;

/// Replicas of a region (`max-replicas`).
pub(crate) const REPLICAS: usize = 3;
/// Load and latency are recomputed this often.
pub(crate) const TICK_MS: u64 = 1_000;

/// Everything.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// What it is made of.
    pub config: ClusterConfig,
    /// Virtual time.
    pub now_ms: u64,
    /// What is planned.
    pub queue: EventQueue<Event>,
    /// Chance.
    pub rng: Rng,
    /// Who uses it.
    pub clients: Clients,
    /// The stores.
    pub stores: BTreeMap<StoreId, Store>,
    /// The regions.
    pub regions: BTreeMap<RegionId, Region>,
    /// The PD group.
    pub pd: Pd,
    /// What was logged.
    pub logs: LogBook,
    /// The region that clients write to most, when a fault made one.
    pub hot_region: Option<RegionId>,
}

/// What can happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A second of a store's service.
    Serve(StoreId),
    /// A round of a store's slow score ends.
    EndSlowRound(StoreId),
    /// A store reports to PD.
    ReportStore(StoreId),
    /// A region's leader reports to PD.
    ReportRegion(RegionId),
    /// A follower's patience ends, if the region is still in that term.
    Elect(RegionId, u64),
    /// A leader that lost its majority gives up, if it still leads in that term.
    StepDown(RegionId, u64),
    /// A leader transfer that was sent to a store is carried out.
    Transfer(RegionId, StoreId),
    /// A store notices that another one is gone.
    NoticeLoss(StoreId, StoreId),
    /// A process has read its logs back.
    StoreReady(StoreId, u64),
    /// A stopping process ends.
    StoreStopped(StoreId, u64),
    /// PD refreshes its gauges.
    RefreshGauges,
    /// PD's schedulers run.
    Schedule,
    /// A second of the PD members' service.
    ServeMembers,
    /// The remaining PD members elect.
    ElectMember,
    /// Something is done to the cluster.
    Fault(FaultKind),
}

impl Cluster {
    /// Lets time pass.
    pub(crate) fn advance_to(&mut self, until_ms: u64) {
        while let Some((at_ms, event)) = self.queue.pop_due(until_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.happen(event);
        }
        self.now_ms = self.now_ms.max(until_ms);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Serve(store) => self.serve_store(store),
            Event::EndSlowRound(store) => self.end_slow_round(store),
            Event::ReportStore(store) => self.report_store_regularly(store),
            Event::ReportRegion(region) => self.report_region_regularly(region),
            Event::Elect(region, term) => self.elect(region, term),
            Event::StepDown(region, term) => self.step_down(region, term),
            Event::Transfer(region, store) => self.transfer(region, store),
            Event::NoticeLoss(store, lost) => self.notice_loss(store, lost),
            Event::StoreReady(store, incarnation) => self.store_ready(store, incarnation),
            Event::StoreStopped(store, incarnation) => self.store_stopped(store, incarnation),
            Event::RefreshGauges => self.refresh_gauges(),
            Event::Schedule => self.schedule(),
            Event::ServeMembers => self.serve_members(),
            Event::ElectMember => self.elect_member(),
            Event::Fault(fault) => self.suffer(&fault),
        }
    }

    /// Plans an event.
    pub(crate) fn after(&mut self, delay_ms: u64, event: Event) {
        self.queue.push(self.now_ms + delay_ms, event);
    }

    /// Writes a line to a store's log. Threads are numbered as in the recordings: 81 is a raftstore thread.
    pub(crate) fn log_store(
        &mut self,
        store: StoreId,
        level: &'static str,
        place: &'static str,
        message: &str,
        fields: &[(&str, String)],
    ) {
        let Some(source) = self.stores.get(&store).map(Store::log_name) else { return };
        let mut fields = fields.to_vec();
        fields.push(("thread_id", String::from("81")));
        self.logs.write(&source, self.now_ms, &Line { level, place, message, fields: &fields });
    }

    /// Writes a line to the log of PD's leader.
    pub(crate) fn log_leader(
        &mut self,
        level: &'static str,
        place: &'static str,
        message: &str,
        fields: &[(&str, String)],
    ) {
        let Some(index) = self.pd.leader else { return };
        self.log_member(index, level, place, message, fields);
    }

    /// Writes a line to a PD member's log.
    pub(crate) fn log_member(
        &mut self,
        index: usize,
        level: &'static str,
        place: &'static str,
        message: &str,
        fields: &[(&str, String)],
    ) {
        let Some(source) = self.pd.members.get(index).map(|member| member.name.clone()) else { return };
        self.logs.write(&source, self.now_ms, &Line { level, place, message, fields });
    }

    /// Gives a region another leader, or none, and moves its load along.
    pub(crate) fn set_leader(&mut self, region: RegionId, leader: Option<StoreId>) {
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
        let Some(region) = self.regions.get_mut(&region) else { return };
        region.settle(meter, value_bytes);
        let before = std::mem::replace(&mut region.leader, leader);
        let rates = region.rates;
        let served_before = before.is_some();
        if let Some(store) = before.and_then(|store| self.stores.get_mut(&store)) {
            store.led = store.led.minus(rates);
            store.led_regions = store.led_regions.saturating_sub(1);
        }
        if let Some(store) = leader.and_then(|store| self.stores.get_mut(&store)) {
            store.led = store.led.plus(rates);
            store.led_regions += 1;
        }
        if served_before == leader.is_some() {
            return;
        }
        for peer in &region.peers {
            if let Some(store) = self.stores.get_mut(&peer.store) {
                store.replicated =
                    if served_before { store.replicated.minus(rates) } else { store.replicated.plus(rates) };
            }
        }
    }
}
