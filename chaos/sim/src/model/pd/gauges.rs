//! The leader's gauges, refreshed every 10 s and old in between (`pd: server/cluster/cluster.go`).

use super::hot_cache::{HotCache, HotKind, HotPeer, total};
use super::view::{DISCONNECTED_MS, DOWN_MS, NodeState, RegionView, StoreView, UNHEALTHY_MS, View};
use crate::model::ids::StoreId;
use crate::model::number::{real, real_len};
use crate::model::region::Role;
use crate::model::slow_score::SCORE_SLOW;
use std::collections::BTreeMap;

/// PD refreshes its gauges this often.
pub(crate) const REFRESH_MS: u64 = 10_000;
/// Merges are considered below this size (`max-merge-region-size`).
pub(crate) const UNDERSIZED_MIB: u64 = 54;
/// Regions at or over this size are too big (`region-max-size` of the stores).
pub(crate) const REGION_MAX_MIB: u64 = 144;

/// What `/metrics` of the leader exposes about the cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauges {
    /// `pd_cluster_status` by type.
    pub cluster: BTreeMap<&'static str, f64>,
    /// `pd_regions_status` by type.
    pub regions: BTreeMap<&'static str, f64>,
    /// `pd_scheduler_store_status` by store and type.
    pub stores: BTreeMap<(StoreId, &'static str), f64>,
    /// `pd_hotspot_status` by store and type.
    pub hot: BTreeMap<(StoreId, &'static str), f64>,
}

/// The lists of regions that are not as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abnormal {
    /// Fewer replicas than the rules ask for.
    MissPeer,
    /// More.
    ExtraPeer,
    /// A replica is silent for 10 minutes.
    DownPeer,
    /// A replica lacks its log.
    PendingPeer,
    /// A replica is on a store that is being removed.
    OfflinePeer,
    /// A replica does not vote.
    LearnerPeer,
    /// Hardly any data.
    Empty,
    /// Too big.
    Oversized,
    /// Small enough to be merged.
    Undersized,
}

impl Abnormal {
    /// All lists, with the metric's type.
    pub(crate) const ALL: [(Self, &'static str); 9] = [
        (Self::MissPeer, "miss-peer-region-count"),
        (Self::ExtraPeer, "extra-peer-region-count"),
        (Self::DownPeer, "down-peer-region-count"),
        (Self::PendingPeer, "pending-peer-region-count"),
        (Self::OfflinePeer, "offline-peer-region-count"),
        (Self::LearnerPeer, "learner-peer-region-count"),
        (Self::Empty, "empty-region-count"),
        (Self::Oversized, "oversized-region-count"),
        (Self::Undersized, "undersized-region-count"),
    ];

    /// Whether a region belongs on the list. Only regions that reported to this leader are evaluated.
    pub(crate) fn holds(self, region: &RegionView, view: &View) -> bool {
        let replicas = view.max_replicas;
        region.seen
            && match self {
                Self::MissPeer => region.peers.len() < replicas,
                Self::ExtraPeer => region.peers.len() > replicas,
                Self::DownPeer => !region.down.is_empty(),
                Self::PendingPeer => !region.pending.is_empty(),
                Self::OfflinePeer => region.peers.iter().any(|peer| view.is_removing(peer.store)),
                Self::LearnerPeer => region.peers.iter().any(|peer| peer.role == Role::Learner),
                Self::Empty => region.size_mib <= 1,
                Self::Oversized => region.size_mib >= REGION_MAX_MIB,
                Self::Undersized => region.size_mib <= UNDERSIZED_MIB,
            }
    }
}

impl Gauges {
    /// What the leader would export now.
    pub(crate) fn refresh(view: &View, hot: &HotCache, now_ms: u64) -> Self {
        let mut gauges = Self {
            cluster: cluster(view, now_ms),
            regions: regions(view),
            ..Self::default()
        };
        for (id, store) in &view.stores {
            gauges.store(*id, store, view, hot);
            gauges.hotspot(*id, hot);
        }
        gauges
    }

    fn store(&mut self, id: StoreId, store: &StoreView, view: &View, hot: &HotCache) {
        let tally = view.tally_of(id);
        let report = store.report;
        let rates = hot.store_rates(id).unwrap_or_default();
        let values = [
            ("leader_count", real(tally.leaders)),
            ("leader_score", real(tally.leaders)),
            ("leader_size", real(tally.leader_mib)),
            ("learner_count", 0.0),
            ("region_count", real(tally.regions)),
            ("region_score", store.region_score(tally.region_mib)),
            ("region_size", real(tally.region_mib)),
            ("store_available", report.available),
            ("store_capacity", report.capacity),
            ("store_cpu_usage", report.cpu_percent.floor()),
            ("store_disk_read_rate", 0.0),
            ("store_disk_write_rate", report.disk_write_rate.floor()),
            ("store_read_query_rate", rates.read.queries),
            ("store_read_rate_bytes", rates.read.bytes),
            ("store_read_rate_keys", rates.read.keys),
            ("store_slow_trend_cause_rate", 0.0),
            ("store_slow_trend_cause_value", report.trend_cause),
            ("store_slow_trend_result_rate", 0.0),
            ("store_slow_trend_result_value", report.trend_result),
            ("store_used", report.used),
            ("store_write_query_rate", rates.write.queries),
            ("store_write_rate_bytes", rates.write.bytes),
            ("store_write_rate_keys", rates.write.keys),
            ("witness_count", 0.0),
        ];
        self.stores
            .extend(values.map(|(kind, value)| ((id, kind), value)));
    }

    fn hotspot(&mut self, id: StoreId, hot: &HotCache) {
        let writes = hot.shown(HotKind::Write, id);
        let reads = hot.shown(HotKind::Read, id);
        let led_writes = led(&writes);
        let led_reads = led(&reads);
        let mut put = |kind: &'static str, value: f64| {
            self.hot.insert((id, kind), value.floor());
        };
        put("hot_read_region_as_leader", real_len(led_reads.len()));
        put("hot_read_region_as_peer", real_len(reads.len()));
        put("hot_write_region_as_leader", real_len(led_writes.len()));
        put("hot_write_region_as_peer", real_len(writes.len()));
        let read = total(&reads);
        let led_read = total(&led_reads);
        let write = total(&writes);
        let led_write = total(&led_writes);
        put("total_read_bytes_as_leader", led_read.bytes);
        put("total_read_bytes_as_peer", read.bytes);
        put("total_read_keys_as_leader", led_read.keys);
        put("total_read_keys_as_peer", read.keys);
        put("total_read_query_as_leader", led_read.queries);
        put("total_read_query_as_peer", read.queries);
        put("total_write_bytes_as_leader", led_write.bytes);
        put("total_write_bytes_as_peer", write.bytes);
        put("total_write_keys_as_leader", led_write.keys);
        put("total_write_keys_as_peer", write.keys);
        put("total_write_query_as_leader", led_write.queries);
        put("total_write_query_as_peer", write.queries);
    }
}

fn led<'a>(peers: &[&'a HotPeer]) -> Vec<&'a HotPeer> {
    peers.iter().copied().filter(|peer| peer.leads).collect()
}

/// Each store is in exactly one class, in the order down, unhealthy, disconnected, slow, up
/// (`pd: pkg/statistics/store_collection.go`).
fn cluster(view: &View, now_ms: u64) -> BTreeMap<&'static str, f64> {
    const ZERO: [&str; 18] = [
        "leader_count",
        "learner_count",
        "region_count",
        "storage_capacity",
        "storage_size",
        "store_disconnected_count",
        "store_down_count",
        "store_low_space_count",
        "store_offline_count",
        "store_preparing_count",
        "store_removed_count",
        "store_removing_count",
        "store_serving_count",
        "store_slow_count",
        "store_tombstone_count",
        "store_unhealth_count",
        "store_up_count",
        "witness_count",
    ];
    let mut status: BTreeMap<&'static str, f64> = ZERO.iter().map(|kind| (*kind, 0.0)).collect();
    let mut add = |kind: &'static str, value: f64| *status.entry(kind).or_insert(0.0) += value;
    for (id, store) in &view.stores {
        let tally = view.tally_of(*id);
        add("leader_count", real(tally.leaders));
        add("region_count", real(tally.regions));
        add("storage_capacity", store.report.capacity);
        add("storage_size", store.report.used);
        let (node, class) = match store.node {
            NodeState::Preparing => ("store_preparing_count", Some(class(store, now_ms))),
            NodeState::Serving => ("store_serving_count", Some(class(store, now_ms))),
            NodeState::Removing => ("store_removing_count", Some("store_offline_count")),
            NodeState::Removed => ("store_removed_count", Some("store_tombstone_count")),
        };
        add(node, 1.0);
        class.iter().for_each(|class| add(class, 1.0));
        if store.low_space(tally.regions) {
            add("store_low_space_count", 1.0);
        }
    }
    status
}

fn class(store: &StoreView, now_ms: u64) -> &'static str {
    match store.silent_ms(now_ms) {
        silent if silent >= DOWN_MS => "store_down_count",
        silent if silent > UNHEALTHY_MS => "store_unhealth_count",
        silent if silent > DISCONNECTED_MS => "store_disconnected_count",
        _ if store.report.slow_score >= SCORE_SLOW => "store_slow_count",
        _ => "store_up_count",
    }
}

fn regions(view: &View) -> BTreeMap<&'static str, f64> {
    let mut status: BTreeMap<&'static str, f64> =
        Abnormal::ALL.iter().map(|(_, kind)| (*kind, 0.0)).collect();
    status.insert("witness-leader-region-count", 0.0);
    for region in view.regions.values() {
        for (list, kind) in Abnormal::ALL {
            if list.holds(region, view) {
                *status.entry(kind).or_insert(0.0) += 1.0;
            }
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pd::view::StoreReport;

    fn classes(silent_ms: u64, slow_score: f64) -> Vec<&'static str> {
        let mut view = View::default();
        let report = StoreReport {
            slow_score,
            ..StoreReport::default()
        };
        let store = StoreView {
            heartbeat_ms: 10_000_000 - silent_ms,
            report,
            ..StoreView::default()
        };
        view.stores.insert(StoreId(1), store);
        let status = cluster(&view, 10_000_000);
        let named = [
            "store_down_count",
            "store_unhealth_count",
            "store_disconnected_count",
            "store_slow_count",
            "store_up_count",
        ];
        named
            .into_iter()
            .filter(|kind| status[kind] > 0.0)
            .collect()
    }

    #[test]
    fn the_classes_exclude_one_another() {
        assert_eq!(classes(5_000, 1.0), ["store_up_count"]);
        assert_eq!(classes(5_000, 80.0), ["store_slow_count"]);
        assert_eq!(classes(20_001, 100.0), ["store_disconnected_count"]);
        assert_eq!(classes(600_001, 1.0), ["store_unhealth_count"]);
        assert_eq!(classes(1_800_000, 1.0), ["store_down_count"]);
    }
}
