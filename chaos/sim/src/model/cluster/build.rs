//! A cluster that has been running for a while, in good health.

use super::{Cluster, Event, REPLICAS, Slots, TICK_MS};
use crate::config::ClusterConfig;
use crate::model::clients::Clients;
use crate::model::ids::{RegionId, StoreId};
use crate::model::key::Key;
use crate::model::links::Links;
use crate::model::log_book::LogBook;
use crate::model::number::real;
use crate::model::pd::Pd;
use crate::model::pd::gauges::REFRESH_MS;
use crate::model::pd::view::StoreView;
use crate::model::queue::EventQueue;
use crate::model::region::{Flow, Peer, Rates, Region, Role};
use crate::model::rng::Rng;
use crate::model::slow_score::ROUND_MS;
use crate::model::store::Store;
use std::collections::BTreeMap;

/// Processes have been up for two days: long past every grace period.
const UPTIME_MS: u64 = 2 * 86_400_000;
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
        let ids_given = regions
            .keys()
            .next_back()
            .map_or(0, |region| region.0 + IDS_PER_REGION);
        let last_id = ids_given.max(ids.last().map_or(0, |store| store.0));
        let pd = Pd::new(config.members, started_ms - 5_000, &mut rng);
        let names = stores
            .values()
            .map(Store::log_name)
            .chain(pd.members.iter().map(|member| member.name.clone()));
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
            slots: Slots::default(),
            links: Links::default(),
            last_id,
            burst_ms: (0, 0),
            clock_jitter_ms: 0,
            pd,
            logs,
            hot_region: None,
            heat: Rates::default(),
            warmed: Vec::new(),
            swelling: None,
            splits_wanted: (0, 0.0),
        };
        if cluster.config.fresh {
            cluster.wait_for_stores();
        } else {
            cluster.register_stores();
            cluster.lead_all_regions();
        }
        cluster.plan_routine();
        cluster.advance_to(warm_ms);
        cluster.logs.clear();
        cluster
    }

    fn register_stores(&mut self) {
        for (id, store) in &self.stores {
            let version = store.version.clone();
            let view = StoreView {
                started_ms: store.started_ms,
                version,
                ..StoreView::default()
            };
            self.pd.view.stores.insert(*id, view);
        }
    }

    /// Regions are built without a leader, as `set_leader` moves load from the leader before; the first replica leads.
    pub(super) fn lead_all_regions(&mut self) {
        let first = |region: &Region| Some((region.id, region.peers.first()?.store));
        let leaders: Vec<(RegionId, StoreId)> = self.regions.values().filter_map(first).collect();
        for (region, store) in leaders {
            self.count_replicas(region, true);
            self.set_leader(region, Some(store));
            // PD has known them for as long as they are there; it must not balance what only begins to report.
            self.report_region(region);
        }
    }

    /// Plans what happens again and again, each with a phase of its own.
    fn plan_routine(&mut self) {
        for store in self.stores.keys().copied().collect::<Vec<_>>() {
            let phase = |rng: &mut Rng, period_ms| rng.between_ms(0, period_ms);
            let serve = phase(&mut self.rng, TICK_MS);
            let round = phase(&mut self.rng, ROUND_MS);
            let report = phase(&mut self.rng, super::report::STORE_REPORT_MS);
            self.after(serve, Event::Serve(store));
            self.after(round, Event::EndSlowRound(store));
            self.after(report, Event::ReportStore(store));
        }
        self.slots = Slots::new(self.regions.len());
        for region in self.regions.keys().copied().collect::<Vec<_>>() {
            self.slots.add(region, &mut self.rng);
        }
        let slots = self.slots.count();
        let apart_ms =
            super::report::REGION_REPORT_MS / u64::try_from(slots).unwrap_or(u64::MAX).max(1);
        for (slot, number) in (0..slots).zip(0_u64..) {
            self.after(apart_ms * number, Event::ReportSlot(slot));
        }
        self.after(TICK_MS, Event::ServeMembers);
        self.after(REFRESH_MS, Event::RefreshGauges);
        self.after(TICK_MS, Event::Schedule);
        self.begin_to_breathe();
    }
}

fn stores(config: &ClusterConfig, started_ms: u64) -> BTreeMap<StoreId, Store> {
    let data = real(config.regions) * config.region_bytes * replicas_per_store(config);
    (0..config.stores)
        .map(|index| {
            let id = store_id(index);
            (
                id,
                Store::new(id, index, &config.machine, data, started_ms + index * 1_000),
            )
        })
        .collect()
}

/// As in the recordings: the first store bootstraps and is 1, its first region takes 2 and 3.
fn store_id(index: u64) -> StoreId {
    StoreId(if index == 0 { 1 } else { 3 + index })
}

fn replicas_per_store(config: &ClusterConfig) -> f64 {
    (crate::model::number::real_len(REPLICAS) / real(config.stores)).min(1.0)
}

fn regions(
    config: &ClusterConfig,
    stores: &[StoreId],
    rng: &mut Rng,
) -> BTreeMap<RegionId, Region> {
    let weights = weights(config, rng);
    let first = FIRST_REGION.max(stores.iter().map(|store| store.0 + 1).max().unwrap_or(0));
    weights
        .iter()
        .zip(0_u64..)
        .map(|(weight, index)| {
            let id = first + index * IDS_PER_REGION;
            let peers = peers(id, index, stores);
            let region = Region {
                id: RegionId(id),
                start: Key::of_part(index, config.regions),
                end: Key::of_part(index + 1, config.regions),
                conf_ver: 5,
                version: 1 + index,
                lag: BTreeMap::new(),
                peers,
                leader: None,
                asleep_under: None,
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
    let busy = real(config.regions) * (1.0 - config.load.idle_share);
    let weight = |rank: u64| {
        if real(rank) <= busy.max(1.0) {
            real(rank).powf(-config.load.skew)
        } else {
            0.0
        }
    };
    let mut drawn: Vec<(u64, f64)> = (1..=config.regions)
        .map(|rank| (rng.bits(), weight(rank)))
        .collect();
    drawn.sort_by_key(|(order, _)| *order);
    let total: f64 = drawn.iter().map(|(_, weight)| weight).sum();
    drawn
        .into_iter()
        .map(|(_, weight)| weight / total)
        .collect()
}

fn rates(config: &ClusterConfig, weight: f64) -> Rates {
    let writes = config.load.writes_per_second * weight;
    Rates {
        reads: config.load.reads_per_second * weight,
        writes,
        write_bytes: writes * config.load.value_bytes,
    }
}

/// Replicas on consecutive stores, the first one leads: with three stores everything is everywhere and leaders are even.
fn peers(region: u64, index: u64, stores: &[StoreId]) -> Vec<Peer> {
    let from = usize::try_from(index).unwrap_or(0);
    (0..REPLICAS.min(stores.len()))
        .zip(1_u64..)
        .filter_map(|(offset, number)| {
            let store = *stores.get((from + offset) % stores.len())?;
            Some(Peer {
                id: region + number,
                store,
                role: Role::Voter,
            })
        })
        .collect()
}
