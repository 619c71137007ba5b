//! Heartbeats: how the world's truth reaches PD, late and in parts.

use super::{Cluster, Event};
use crate::config::MIB;
use crate::model::histogram::Histogram;
use crate::model::ids::{RegionId, StoreId};
use crate::model::layouts;
use crate::model::number::{real, whole};
use crate::model::pd::hot_cache::{HotKind, HotRates, HotReport, StoreRates};
use crate::model::pd::view::{RegionView, StoreReport};
use crate::model::region::{Flow, Peer, Region};

/// Every store reports this often.
pub(crate) const STORE_REPORT_MS: u64 = 10_000;
/// Every leader reports each region this often.
pub(crate) const REGION_REPORT_MS: u64 = 60_000;
/// A silent replica is reported after `max-peer-down-duration`.
const PEER_DOWN_MS: u64 = 600_000;
/// A replica that lacks more entries has to be sent a snapshot (`raft-log-gc-count-limit`: ¾ of the split size in KiB).
pub(super) const LOG_KEPT_ENTRIES: f64 = 73_728.0;
/// Bytes of one key with its value and overhead, for `approximate_keys`.
const KEY_BYTES: f64 = 1_100.0;

impl Cluster {
    /// The store heartbeat.
    pub(super) fn report_store_regularly(&mut self, id: StoreId) {
        self.after(STORE_REPORT_MS, Event::ReportStore(id));
        self.report_store(id);
    }

    /// A store reports to PD: every 10 s, and immediately after its start.
    pub(super) fn report_store(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let Some(store) = self
            .stores
            .get(&id)
            .filter(|store| store.serves() && store.joined)
        else {
            return;
        };
        if store.disk.hung {
            self.report_substitute(id);
            return;
        }
        let reachable = store.pd_reachable && !self.links.refuses(id);
        if !(reachable && self.pd.serves()) {
            self.miss_pd(id, reachable);
            return;
        }
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        let seconds =
            real(now_ms.saturating_sub(store.reported_ms)).clamp(1_000.0, 60_000.0) / 1_000.0;
        let flow = std::mem::take(&mut store.interval);
        store.reported_ms = now_ms;
        store.counters.pd_request("store_heartbeat", 1.0, 2.0);
        let report = StoreReport {
            capacity: store.disk.capacity,
            available: store.disk.available(),
            used: store.disk.used(),
            slow_score: store.slow_score.score(),
            busy: false,
            cpu_percent: store.stages.cpu.total() * 100.0,
            disk_write_rate: 2.0 * flow.written_bytes / seconds,
            trend_cause: (store.stages.append_ms * 1e5).min(1e9),
            trend_result: flow.read_keys / seconds,
            snapshots: (store.sending, store.receiving),
        };
        self.receive_store(id, report);
        self.receive_store_flow(id, &flow, seconds);
    }

    /// A hung store's own heartbeat hangs too; another thread reports that, for five minutes
    /// (`tikv: components/raftstore/src/store/worker/pd.rs`).
    fn report_substitute(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let Some(store) = self.stores.get(&id) else {
            return;
        };
        let silent = now_ms.saturating_sub(store.reported_ms);
        let heard = store.pd_reachable && self.pd.serves() && !self.links.refuses(id);
        let score = store.slow_score.score();
        if silent > 300_000 || !heard {
            return;
        }
        let message = "scheduling store_heartbeat timeout, force report store slow score to pd.";
        self.log_store(
            id,
            "WARN",
            "pd.rs:812",
            message,
            &[("store_id", id.to_string())],
        );
        let Some(report) = self.pd.view.stores.get(&id).map(|view| view.report) else {
            return;
        };
        self.receive_store(
            id,
            StoreReport {
                slow_score: score,
                busy: true,
                ..report
            },
        );
    }

    fn receive_store(&mut self, id: StoreId, report: StoreReport) {
        let now_ms = self.now_ms;
        if let Some(view) = self.pd.view.stores.get_mut(&id) {
            view.receive(now_ms, report);
        }
        if let Some(member) = self.pd.leading_member() {
            let histogram = member.counters.store_heartbeats.entry(id);
            histogram
                .or_insert_with(|| Histogram::new(layouts::pd_heartbeat_seconds()))
                .observe(1.0, 0.000_3, 0.5);
            *member
                .counters
                .stream_messages
                .entry((id, "ok"))
                .or_insert(0.0) += 1.0;
        }
        let regions = self.pd.view.tally_of(id).regions;
        let low = self
            .pd
            .view
            .stores
            .get(&id)
            .is_some_and(|view| view.low_space(regions));
        if low {
            let fields = [
                ("store-id", id.to_string()),
                ("capacity", format!("{:.0}", report.capacity)),
                ("available", format!("{:.0}", report.available)),
            ];
            self.log_leader(
                "WARN",
                "cluster.go:1012",
                "store does not have enough disk space",
                &fields,
            );
        }
    }

    fn receive_store_flow(&mut self, id: StoreId, flow: &Flow, seconds: f64) {
        let write = HotRates {
            bytes: flow.written_bytes / seconds,
            keys: flow.written_keys / seconds,
            queries: 0.0,
        };
        let keys = flow.read_keys / seconds;
        let read = HotRates {
            bytes: flow.read_bytes / seconds,
            keys,
            queries: keys,
        };
        self.pd.hot.note_store_rates(id, StoreRates { write, read });
        let intensity = self.clients.intensity();
        let value_bytes = self.clients.load.value_bytes;
        let least = HotKind::Read.minimum().keys * 0.5;
        let Some(store) = self.stores.get(&id) else {
            return;
        };
        // Regions far below PD's least figure are never warm: a store does not even list them.
        let led: Vec<(RegionId, Vec<StoreId>, f64)> = (store.leads.iter())
            .filter_map(|region| self.regions.get(region))
            .filter(|region| {
                region.rates.reads * intensity >= least
                    || region.rates.reads * value_bytes >= 4_096.0
            })
            .map(|region| (region.id, stores_of(region), region.rates.reads * intensity))
            .collect();
        for (region, stores, keys) in led {
            let keys = keys * self.rng.noise(self.config.noise.jitter);
            let rates = HotRates {
                bytes: keys * value_bytes,
                keys,
                queries: keys,
            };
            let report = HotReport {
                region,
                stores,
                leads: true,
                rates,
                now_ms: self.now_ms,
            };
            self.pd.hot.report(HotKind::Read, id, report);
        }
    }

    /// PD does not answer.
    pub(super) fn miss_pd(&mut self, id: StoreId, reachable: bool) {
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        for kind in ["try_connect", "failure"] {
            *store.counters.reconnects.entry(kind).or_insert(0.0) += 1.0;
        }
        let reason = if reachable {
            "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader"
        } else {
            "Grpc(RpcFailure(RpcStatus { code: 14-UNAVAILABLE, message: \"failed to connect to all addresses\", details: [] }))"
        };
        self.log_store(
            id,
            "ERROR",
            "util.rs:474",
            "request failed, retry",
            &[("err_code", "KV:Pd:Grpc".into()), ("err", reason.into())],
        );
        self.log_store(
            id,
            "ERROR",
            "pd.rs:1402",
            "store heartbeat failed",
            &[("err", reason.into())],
        );
    }

    /// A leader reports its region to PD, if both can be reached.
    pub(super) fn report_region(&mut self, id: RegionId) {
        let now_ms = self.now_ms;
        let Some(leader) = self.regions.get(&id).and_then(|region| region.leader) else {
            return;
        };
        let able = self
            .stores
            .get(&leader)
            .is_some_and(|store| store.appends() && store.pd_reachable);
        let able = able && !self.links.refuses(leader);
        if !able || !self.pd.serves() {
            return;
        }
        let down = self.down_peers(id);
        let meter = self.clients.meter(now_ms);
        let noise = self.rng.noise(self.config.noise.jitter);
        let value_bytes = self.clients.load.value_bytes;
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        region.settle(meter, value_bytes);
        let interval_s =
            real(now_ms.saturating_sub(region.reported_ms)).clamp(1_000.0, 60_000.0) / 1_000.0;
        region.reported_ms = now_ms;
        let mut flow = region.take_flow();
        flow.written_bytes *= noise;
        flow.written_keys *= noise;
        flow.read_bytes *= noise;
        flow.read_keys *= noise;
        let view = view_of(region, leader, flow, interval_s, down);
        self.count_heartbeat(leader, &view);
        let hot = view.clone();
        let before = self.pd.view.receive(view);
        self.receive_region_flow(&hot);
        if let Some(before) = before.filter(|before| before.store != leader) {
            let fields = [
                ("region-id", id.to_string()),
                ("from", before.store.to_string()),
                ("to", leader.to_string()),
            ];
            self.log_leader("INFO", "region.go:765", "leader changed", &fields);
        }
    }

    fn down_peers(&self, id: RegionId) -> Vec<(Peer, u64)> {
        let Some(region) = self.regions.get(&id) else {
            return Vec::new();
        };
        let leader = region.leader;
        let silent = |peer: &Peer| {
            let heard = |from: StoreId| self.links.both(from, peer.store);
            let store = self
                .stores
                .get(&peer.store)
                .filter(|store| !store.serves() || !leader.is_none_or(heard))?;
            let since_ms = if store.serves() {
                self.links.since_ms(leader?, peer.store)?
            } else {
                store.died_ms
            };
            let silent_ms = self.now_ms.saturating_sub(since_ms);
            (silent_ms >= PEER_DOWN_MS).then_some((*peer, silent_ms / 1_000))
        };
        region.peers.iter().filter_map(silent).collect()
    }

    fn count_heartbeat(&mut self, leader: StoreId, view: &RegionView) {
        if let Some(store) = self.stores.get_mut(&leader) {
            let counters = &mut store.counters;
            counters.heartbeats += 1.0;
            counters
                .region_written
                .observe_exactly(1.0, view.flow.written_bytes);
            counters
                .region_size
                .observe_exactly(1.0, real(view.size_mib) * MIB);
            counters.split_checks += 1.0;
            counters.log_lag.observe_exactly(1.0, 1.0);
        }
        if let Some(member) = self.pd.leading_member() {
            *member
                .counters
                .region_heartbeats
                .entry(leader)
                .or_insert(0.0) += 1.0;
        }
    }

    /// Writes flow through every replica, so every replica's store has a hot peer.
    fn receive_region_flow(&mut self, view: &RegionView) {
        // PD ignores intervals that are too short to evaluate, but it notes the leader.
        if view.interval_s < 3.0 {
            return self
                .pd
                .hot
                .note_leader(view.id, view.leader.map(|leader| leader.store));
        }
        let stores: Vec<StoreId> = view.peers.iter().map(|peer| peer.store).collect();
        let rates = HotRates {
            bytes: view.flow.written_bytes / view.interval_s,
            keys: view.flow.written_keys / view.interval_s,
            queries: 0.0,
        };
        for store in &stores {
            let leads = view.leader.is_some_and(|leader| leader.store == *store);
            let report = HotReport {
                region: view.id,
                stores: stores.clone(),
                leads,
                rates,
                now_ms: self.now_ms,
            };
            self.pd.hot.report(HotKind::Write, *store, report);
        }
    }
}

fn stores_of(region: &Region) -> Vec<StoreId> {
    region.peers.iter().map(|peer| peer.store).collect()
}

fn view_of(
    region: &Region,
    leader: StoreId,
    flow: Flow,
    interval_s: f64,
    down: Vec<(Peer, u64)>,
) -> RegionView {
    let lacking = |peer: &&Peer| {
        region
            .lag
            .get(&peer.store)
            .is_some_and(|lag| *lag > LOG_KEPT_ENTRIES)
    };
    RegionView {
        id: region.id,
        start: region.start,
        end: region.end,
        conf_ver: region.conf_ver,
        version: region.version,
        peers: region.peers.clone(),
        leader: region.peer_on(leader),
        term: region.term,
        down,
        pending: region.peers.iter().filter(lacking).copied().collect(),
        flow,
        interval_s,
        size_mib: whole(region.bytes / MIB).max(1),
        keys: whole(region.bytes / KEY_BYTES),
        cpu_percent: whole(
            (flow.read_keys * 0.000_15 + flow.written_keys * 0.000_3) / interval_s * 100.0,
        ),
        seen: true,
    }
}
