//! The cluster as it really is, and the loop that moves it through time.

mod balance_hot;
mod breathe;
mod build;
mod check_replicas;
mod elect;
mod hibernate;
mod join;
mod member_life;
mod merge;
mod moves;
mod network;
mod regions;
mod report;
mod schedule;
mod serve;
mod slots;
mod split;
mod store_life;

pub(crate) use balance_hot::BALANCE_HOT;
pub(crate) use schedule::{BALANCE_LEADER, BALANCE_REGION, EVICT_LEADER, EVICT_SLOW_STORE};
use slots::Slots;

use super::clients::Clients;
use super::ids::{RegionId, StoreId};
use super::links::Links;
use super::log_book::{Line, LogBook};
use super::pd::Pd;
use super::queue::EventQueue;
use super::region::{Rates, Region};
use super::rng::Rng;
use super::store::Store;
use crate::config::ClusterConfig;
use crate::fault::SimAction;
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
    /// Its clients.
    pub clients: Clients,
    /// The stores.
    pub stores: BTreeMap<StoreId, Store>,
    /// The regions.
    pub regions: BTreeMap<RegionId, Region>,
    /// When each region's leader reports to PD.
    pub slots: Slots,
    /// The ways between the stores.
    pub links: Links,
    /// The last id that PD gave away.
    pub last_id: u64,
    /// When the clients' present or next burst begins and ends.
    pub burst_ms: (u64, u64),
    /// Machines' clocks wander by so much, in milliseconds.
    pub clock_jitter_ms: u64,
    /// The PD group.
    pub pd: Pd,
    /// What was logged.
    pub logs: LogBook,
    /// The region that clients are after, when a fault made one, and what they want of it.
    pub hot_region: Option<RegionId>,
    /// What they want of it more than usual.
    pub heat: Rates,
    /// Regions with more than the usual load, without the hot one, and their load.
    pub warmed: Vec<(RegionId, Rates)>,
    /// A region that grows and cannot be split, and how fast.
    pub swelling: Option<(RegionId, f64)>,
    /// Regions that wait for a requested split, and how many a second.
    pub splits_wanted: (u64, f64),
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
    /// The leaders of a slot's regions report to PD.
    ReportSlot(usize),
    /// A region's snapshot has come to a store.
    SnapshotCame(RegionId, StoreId),
    /// The next step of a region's operator, made at that time, can be taken.
    Step(RegionId, u64),
    /// Regions are split on request.
    SplitSome,
    /// A store registers for the first time.
    Join(StoreId),
    /// A follower's patience ends, if the region is still in that term.
    Elect(RegionId, u64),
    /// A follower of a hibernated region finds that its leader is gone, if it is still in that term.
    Rouse(RegionId, u64),
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
    /// The clients' load follows its wave.
    Breathe,
    /// PD refreshes its gauges.
    RefreshGauges,
    /// PD's schedulers run.
    Schedule,
    /// A second of the PD members' service.
    ServeMembers,
    /// The remaining PD members elect.
    ElectMember,
    /// Something is done to the cluster.
    Action(SimAction),
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
            Event::ReportSlot(slot) => self.report_slot(slot),
            Event::SnapshotCame(region, store) => self.snapshot_came(region, store),
            Event::Step(region, created_ms) => self.take_step(region, created_ms),
            Event::SplitSome => self.split_some(),
            Event::Join(store) => self.join(store),
            Event::Elect(region, term) => self.elect(region, term),
            Event::Rouse(region, term) => self.rouse(region, term),
            Event::StepDown(region, term) => self.step_down(region, term),
            Event::Transfer(region, store) => self.transfer(region, store),
            Event::NoticeLoss(store, lost) => self.notice_loss(store, lost),
            Event::StoreReady(store, incarnation) => self.store_ready(store, incarnation),
            Event::StoreStopped(store, incarnation) => self.store_stopped(store, incarnation),
            Event::Breathe => self.breathe(),
            Event::RefreshGauges => self.refresh_gauges(),
            Event::Schedule => self.schedule(),
            Event::ServeMembers => self.serve_members(),
            Event::ElectMember => self.elect_member(),
            Event::Action(fault) => self.apply(&fault),
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
        let Some(source) = self.stores.get(&store).map(Store::log_name) else {
            return;
        };
        let mut fields = fields.to_vec();
        fields.push(("thread_id", String::from("81")));
        self.logs.write(
            &source,
            self.now_ms,
            &Line {
                level,
                place,
                message,
                fields: &fields,
            },
        );
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
        let Some(source) = self.pd.members.get(index).map(|member| member.name.clone()) else {
            return;
        };
        self.logs.write(
            &source,
            self.now_ms,
            &Line {
                level,
                place,
                message,
                fields,
            },
        );
    }
}
