//! Hot peers, as late as PD notices them.

use super::Reply;
use super::json::{Float, indented};
use super::shapes::{HotPeerInfo, HotRegions, HotStore, HotStores};
use crate::model::cluster::Cluster;
use crate::model::ids::StoreId;
use crate::model::pd::hot_cache::{HotKind, HotPeer, HotRates, rounded, total};
use operator_world::calendar;
use std::collections::BTreeMap;

pub(super) fn writes(cluster: &Cluster) -> Reply {
    hot(cluster, HotKind::Write)
}

pub(super) fn reads(cluster: &Cluster) -> Reply {
    hot(cluster, HotKind::Read)
}

fn hot(cluster: &Cluster, kind: HotKind) -> Reply {
    let mut as_peer = BTreeMap::new();
    let mut as_leader = BTreeMap::new();
    for id in cluster.pd.view.stores.keys() {
        let Some(rates) = cluster.pd.hot.store_rates(*id) else {
            continue;
        };
        let peers = cluster.pd.hot.shown(kind, *id);
        let led: Vec<&HotPeer> = peers.iter().copied().filter(|peer| peer.leads).collect();
        let own = if kind == HotKind::Write {
            rates.write
        } else {
            rates.read
        };
        as_leader.insert(id.to_string(), store(*id, total(&led), &led));
        as_peer.insert(id.to_string(), store(*id, own, &peers));
    }
    indented(200, &HotRegions { as_peer, as_leader })
}

fn store(id: StoreId, rates: HotRates, peers: &[&HotPeer]) -> HotStore {
    let flow = total(peers);
    HotStore {
        store_bytes: tenth(rates.bytes),
        store_keys: tenth(rates.keys),
        store_query: tenth(rates.queries),
        total_flow_bytes: Float(rounded(flow.bytes)),
        total_flow_keys: Float(rounded(flow.keys)),
        total_flow_query: Float(rounded(flow.queries)),
        regions_count: peers.len(),
        statistics: peers.iter().map(|peer| info(id, peer)).collect(),
    }
}

fn info(id: StoreId, peer: &HotPeer) -> HotPeerInfo {
    let rates = peer.rates();
    HotPeerInfo {
        store_id: id.0,
        stores: peer.stores.iter().map(|store| store.0).collect(),
        is_leader: peer.leads,
        is_learner: false,
        region_id: peer.region.0,
        hot_degree: peer.degree,
        flow_bytes: Float(rounded(rates.bytes)),
        flow_keys: Float(rounded(rates.keys)),
        flow_query: Float(rounded(rates.queries)),
        anti_count: peer.anti,
        last_update_time: calendar::rfc3339(peer.updated_ms, 0),
    }
}

pub(super) fn stores(cluster: &Cluster) -> Reply {
    let mut body = HotStores::default();
    for id in cluster.pd.view.stores.keys() {
        let rates = cluster.pd.hot.store_rates(*id).unwrap_or_default();
        let pairs = [
            (&mut body.bytes_write_rate, rates.write.bytes),
            (&mut body.bytes_read_rate, rates.read.bytes),
            (&mut body.keys_write_rate, rates.write.keys),
            (&mut body.keys_read_rate, rates.read.keys),
            (&mut body.query_write_rate, rates.write.queries),
            (&mut body.query_read_rate, rates.read.queries),
        ];
        for (map, rate) in pairs {
            map.insert(id.to_string(), tenth(rate));
        }
    }
    indented(200, &body)
}

/// PD's averages have few digits.
fn tenth(rate: f64) -> Float {
    Float((rate * 10.0).round() / 10.0)
}
