//! A cluster that has been running for a while, in good health.

use super::{Cluster, Event, REPLICAS, TICK_MS};
use crate::sim::clients::Clients;
use crate::sim::config::ClusterConfig;
use crate::sim::ids::{RegionId, StoreId};
use crate::sim::log_book::LogBook;
use crate::sim::number::{real, whole};
use crate::sim::pd::Pd;
use crate::sim::pd::gauges::REFRESH_MS;
use crate::sim::pd::view::StoreView;
use crate::sim::queue::EventQueue;
use crate::sim::region::{Flow, Peer, Rates, Region};
use crate::sim::rng::Rng;
use crate::sim::slow_score::ROUND_MS;
use crate::sim::store::Store;
use std::collections::BTreeMap;

/// Processes have been up for two days: long past every grace period.
const UPTIME_MS: u64 = 2 * 86_400_000;
/// Users whose profiles make up the key space.
const USERS: f64 = 100_000_000.0;
/// First id that is given to a region; PD numbers stores and regions from one sequence.
const FIRST_REGION: u64 = 8;
/// One for the region and one for each replica.
const IDS_PER_REGION: u64 = 4;

impl Cluster {
    /// Builds the cluster and lets it run until its views have settled.
    pub(crate) fn new(config: ClusterConfig) -> Self {
        let mut rng = Rng::seeded(config.seed);
        let begin_ms = config.start_unix_ms.saturating_sub(config.warm_up_ms);
        let started_ms = begin_ms.saturating_sub(UPTIME_MS);
        let stores = stores(&config, started_ms);
        let ids: Vec<StoreId> = stores.keys().copied().collect();
        let regions = regions(&config, &ids, &mut rng);
        let pd = Pd::new(config.members, started_ms - 5_000, &mut rng);
        let names = stores.values().map(Store::log_name).chain(pd.members.iter().map(|member| member.name.clone()));
        let logs = LogBook::new(names.collect::<Vec<_>>().into_iter());
        let clients = Clients::new(config.load.clone(), begin_ms);
        let warm_ms = config.start_unix_ms;
        let mut cluster = Self {
            config,
            now_ms: begin_ms,
            queue: EventQueue::new(),
            rng,
            clients,
            stores,
            regions,
            pd,
            logs,
            hot_region: None,
        };
        cluster.register_stores();
        cluster.lead_all_regions();
        cluster.plan_routine();
        cluster.advance_to(warm_ms);
        cluster.logs.clear();
        cluster
    }

    fn register_stores(&mut self) {
        for (id, store) in &self.stores {
            let view = StoreView { started_ms: store.started_ms, ..StoreView::default() };
            self.pd.view.stores.insert(*id, view);
        }
    }

    fn lead_all_regions(&mut self) {
        let leaders: Vec<(RegionId, StoreId)> =
            self.regions.values().filter_map(|region| Some((region.id, region.leader?))).collect();
        for (region, store) in leaders {
            // `set_leader` moves load from the leader before, and there was none yet.
            if let Some(region) = self.regions.get_mut(&region) {
                region.leader = None;
            }
            self.set_leader(region, Some(store));
        }
        for peer in self.regions.values().flat_map(|region| region.peers.iter()) {
            if let Some(store) = self.stores.get_mut(&peer.store) {
                store.held_regions += 1;
            }
        }
    }

    /// Plans what happens again and again, each with a phase of its own.
    fn plan_routine(&mut self) {
        for store in self.stores.keys().copied().collect::<Vec<_>>() {
            let phase = |rng: &mut Rng, period_ms| rng.between_ms(0, period_ms);
            let (serve, round, report) = (
                phase(&mut self.rng, TICK_MS),
                phase(&mut self.rng, ROUND_MS),
                phase(&mut self.rng, super::report::STORE_REPORT_MS),
            );
            self.after(serve, Event::Serve(store));
            self.after(round, Event::EndSlowRound(store));
            self.after(report, Event::ReportStore(store));
        }
        for region in self.regions.keys().copied().collect::<Vec<_>>() {
            let phase = self.rng.between_ms(0, super::report::REGION_REPORT_MS);
            self.after(phase, Event::ReportRegion(region));
        }
        self.after(TICK_MS, Event::ServeMembers);
        self.after(REFRESH_MS, Event::RefreshGauges);
        self.after(TICK_MS, Event::Schedule);
    }
}

fn stores(config: &ClusterConfig, started_ms: u64) -> BTreeMap<StoreId, Store> {
    let data = real(config.regions) * config.region_bytes * replicas_per_store(config);
    (0..config.stores)
        .map(|index| {
            // As in the recordings: the first store bootstraps and is 1, its first region takes 2 and 3.
            let id = StoreId(if index == 0 { 1 } else { 3 + index });
            (id, Store::new(id, index, &config.machine, data, started_ms + index * 1_000))
        })
        .collect()
}

fn replicas_per_store(config: &ClusterConfig) -> f64 {
    (crate::sim::number::real_len(REPLICAS) / real(config.stores)).min(1.0)
}

fn regions(config: &ClusterConfig, stores: &[StoreId], rng: &mut Rng) -> BTreeMap<RegionId, Region> {
    let weights = weights(config, rng);
    let first = FIRST_REGION.max(stores.iter().map(|store| store.0 + 1).max().unwrap_or(0));
    weights
        .iter()
        .zip(0_u64..)
        .map(|(weight, index)| {
            let id = first + index * IDS_PER_REGION;
            let peers = peers(id, index, stores);
            let leader = peers.first().map(|peer| peer.store);
            let region = Region {
                id: RegionId(id),
                start_key: if index == 0 { Vec::new() } else { key(index, config.regions) },
                end_key: if index + 1 == config.regions { Vec::new() } else { key(index + 1, config.regions) },
                conf_ver: 5,
                version: 1 + index,
                lag: BTreeMap::new(),
                peers,
                leader,
                term: 6,
                index: 100_000.0,
                rates: rates(config, *weight),
                flow: Flow::default(),
                metered: 0.0,
                bytes: config.region_bytes * rng.between(0.75, 1.2),
                reported_ms: 0,
            };
            (region.id, region)
        })
        .collect()
}

/// Shares of the load, by a Zipf law that is shuffled over the key space.
fn weights(config: &ClusterConfig, rng: &mut Rng) -> Vec<f64> {
    let mut drawn: Vec<(u64, f64)> =
        (1..=config.regions).map(|rank| (rng.bits(), real(rank).powf(-config.load.skew))).collect();
    drawn.sort_by_key(|(order, _)| *order);
    let total: f64 = drawn.iter().map(|(_, weight)| weight).sum();
    drawn.into_iter().map(|(_, weight)| weight / total).collect()
}

fn rates(config: &ClusterConfig, weight: f64) -> Rates {
    let writes = config.load.writes_per_second * weight;
    Rates { reads: config.load.reads_per_second * weight, writes, write_bytes: writes * config.load.value_bytes }
}

/// Replicas on consecutive stores, the first one leads: with three stores everything is everywhere and leaders are even.
fn peers(region: u64, index: u64, stores: &[StoreId]) -> Vec<Peer> {
    let from = usize::try_from(index).unwrap_or(0);
    (0..REPLICAS.min(stores.len()))
        .zip(1_u64..)
        .filter_map(|(offset, number)| {
            let store = *stores.get((from + offset) % stores.len())?;
            Some(Peer { id: region + number, store })
        })
        .collect()
}

/// `/users/00001653/profile`, evenly spread.
fn key(index: u64, regions: u64) -> Vec<u8> {
    format!("/users/{:08}/profile", whole(USERS * real(index) / real(regions))).into_bytes()
}
