//! Regions, as PD believes them to be.

use super::json::{Query, error, hex, indented};
use super::shapes::{DownPeer, Epoch, PeerInfo, RegionInfo, RegionStatistics, Regions};
use super::{OCTETS, PLAIN, Reply};
use crate::model::cluster::Cluster;
use crate::model::ids::RegionId;
use crate::model::key::Key;
use crate::model::number::{real, whole};
use crate::model::pd::gauges::Abnormal;
use crate::model::pd::view::RegionView;
use crate::model::region::{Peer, Role};
use serde_json::json;
use std::collections::BTreeMap;

/// Default and maximum number of entries in top lists and scans.
const LIMIT: (usize, usize) = (16, 10_240);

/// `/regions` and everything below it.
pub(super) fn regions(cluster: &Cluster, rest: &[&str], query: &Query) -> Reply {
    match rest {
        [] => list(cluster.pd.view.regions.values()),
        ["count"] => indented(
            200,
            &json!({ "count": cluster.pd.view.regions.len(), "regions": null }),
        ),
        ["key"] => scan(cluster, query),
        ["range-holes"] => indented(200, &holes(cluster)),
        ["check", name] => check(cluster, name),
        ["store", id] => of_store(cluster, id),
        [top] => match order(top) {
            Some(order) => list(top_of(cluster, order, query).into_iter()),
            None => Reply::text(404, PLAIN, "404 page not found\n"),
        },
        _ => Reply::text(404, PLAIN, "404 page not found\n"),
    }
}

/// `/region/id/{id}`.
pub(super) fn by_id(cluster: &Cluster, id: &str) -> Reply {
    let Ok(number) = id.parse() else {
        return error(
            400,
            &format!("strconv.ParseUint: parsing \"{id}\": invalid syntax"),
        );
    };
    match cluster.pd.view.regions.get(&RegionId(number)) {
        Some(region) => indented(200, &info(region)),
        None => error(
            404,
            &format!("[PD:core:ErrRegionNotFound]region {number} not found"),
        ),
    }
}

/// `/stats/region`: with `count` cheap and mostly empty, as recorded.
pub(super) fn statistics(cluster: &Cluster, query: &Query) -> Reply {
    let view = &cluster.pd.view;
    let mut statistics = RegionStatistics {
        count: view.regions.len(),
        ..RegionStatistics::default()
    };
    if query.has("count") {
        return indented(200, &statistics);
    }
    let by_store =
        |pick: fn(&crate::model::pd::view::Tally) -> u64| -> Option<BTreeMap<String, u64>> {
            Some(
                view.tallies
                    .iter()
                    .map(|(id, tally)| (id.to_string(), pick(tally)))
                    .collect(),
            )
        };
    statistics.empty_count = count(
        view.regions
            .values()
            .filter(|region| Abnormal::Empty.holds(region, view)),
    );
    statistics.storage_size = view.regions.values().map(|region| region.size_mib).sum();
    statistics.user_storage_size = statistics.storage_size;
    statistics.storage_keys = view.regions.values().map(|region| region.keys).sum();
    statistics.store_leader_count = by_store(|tally| tally.leaders);
    statistics.store_peer_count = by_store(|tally| tally.regions);
    statistics.store_leader_size = by_store(|tally| tally.leader_mib);
    statistics.store_peer_size = by_store(|tally| tally.region_mib);
    indented(200, &statistics)
}

fn count<'a>(regions: impl Iterator<Item = &'a RegionView>) -> u64 {
    regions.fold(0, |count, _| count + 1)
}

/// The fast writer: compact, no line feed, and a generic content type.
fn list<'a>(regions: impl Iterator<Item = &'a RegionView>) -> Reply {
    let regions: Vec<RegionInfo> = regions.map(info).collect();
    match serde_json::to_string(&Regions {
        count: regions.len(),
        regions,
    }) {
        Ok(text) => Reply::text(200, OCTETS, text),
        Err(failure) => error(500, &failure.to_string()),
    }
}

/// In key order, from the region that holds `key`.
fn scan(cluster: &Cluster, query: &Query) -> Reply {
    let from = query.key("key");
    let to = query.key("end_key");
    let view = &cluster.pd.view;
    let place = Key::not_behind(&from);
    let first = view
        .by_key
        .range(..=place)
        .next_back()
        .map_or(Key::FIRST, |(start, _)| *start);
    let sorted = view
        .by_key
        .range(first..)
        .filter_map(|(_, id)| view.regions.get(id));
    let holds = |region: &&RegionView| region.end == Key::LAST || region.end.bytes() > from;
    let before_end = |region: &&RegionView| to.is_empty() || region.start.bytes() < to;
    list(
        sorted
            .filter(holds)
            .take_while(before_end)
            .take(limit(query)),
    )
}

fn limit(query: &Query) -> usize {
    query.number("limit").unwrap_or(LIMIT.0).min(LIMIT.1)
}

/// Ranges that no region covers.
fn holes(cluster: &Cluster) -> Vec<[String; 2]> {
    let view = &cluster.pd.view;
    let mut holes = Vec::new();
    let mut covered_to = Key::FIRST;
    for region in view.by_key.values().filter_map(|id| view.regions.get(id)) {
        if covered_to < region.start {
            holes.push([hex(&covered_to.bytes()), hex(&region.start.bytes())]);
        }
        covered_to = covered_to.max(region.end);
    }
    // Before the first heartbeat nothing is known, and PD calls that no hole.
    if covered_to != Key::LAST && covered_to != Key::FIRST {
        holes.push([hex(&covered_to.bytes()), String::new()]);
    }
    holes
}

fn check(cluster: &Cluster, name: &str) -> Reply {
    let wanted = match name {
        "miss-peer" => Abnormal::MissPeer,
        "extra-peer" => Abnormal::ExtraPeer,
        "down-peer" => Abnormal::DownPeer,
        "pending-peer" => Abnormal::PendingPeer,
        "offline-peer" => Abnormal::OfflinePeer,
        "learner-peer" => Abnormal::LearnerPeer,
        "empty-region" => Abnormal::Empty,
        "oversized-region" => Abnormal::Oversized,
        "undersized-region" => Abnormal::Undersized,
        _ => return Reply::text(404, PLAIN, "404 page not found\n"),
    };
    let view = &cluster.pd.view;
    list(
        view.regions
            .values()
            .filter(|region| wanted.holds(region, view)),
    )
}

fn of_store(cluster: &Cluster, id: &str) -> Reply {
    let Ok(number) = id.parse::<u64>() else {
        return error(400, "invalid store id");
    };
    list(
        cluster
            .pd
            .view
            .regions
            .values()
            .filter(|region| region.peers.iter().any(|peer| peer.store.0 == number)),
    )
}

type Order = fn(&RegionView) -> f64;

fn order(name: &str) -> Option<Order> {
    Some(match name {
        "writeflow" => |region| region.flow.written_bytes,
        "readflow" => |region| region.flow.read_bytes,
        "writequery" => |region| region.flow.written_keys,
        "readquery" => |region| region.flow.read_keys,
        "size" => |region| real(region.size_mib),
        "keys" => |region| real(region.keys),
        "confver" => |region| real(region.conf_ver),
        "version" => |region| real(region.version),
        "cpu" => |region| real(region.cpu_percent),
        _ => return None,
    })
}

fn top_of<'a>(cluster: &'a Cluster, order: Order, query: &Query) -> Vec<&'a RegionView> {
    let wanted = limit(query);
    let mut top: Vec<&RegionView> = Vec::with_capacity(wanted.saturating_mul(2));
    // Only twice as many as are wanted are ever sorted: PD keeps a heap for the same reason.
    for region in cluster.pd.view.regions.values() {
        top.push(region);
        if top.len() >= wanted.saturating_mul(2).max(64) {
            top.sort_by(|left, right| order(right).total_cmp(&order(left)));
            top.truncate(wanted);
        }
    }
    top.sort_by(|left, right| order(right).total_cmp(&order(left)));
    top.truncate(wanted);
    top
}

fn info(region: &RegionView) -> RegionInfo {
    RegionInfo {
        id: region.id.0,
        start_key: hex(&region.start.bytes()),
        end_key: hex(&region.end.bytes()),
        epoch: Epoch {
            conf_ver: region.conf_ver,
            version: region.version,
        },
        peers: region.peers.iter().map(peer).collect(),
        leader: region.leader.as_ref().map_or_else(PeerInfo::default, peer),
        down_peers: region
            .down
            .iter()
            .map(|(down, down_seconds)| DownPeer {
                down_seconds: *down_seconds,
                peer: peer(down),
            })
            .collect(),
        pending_peers: region.pending.iter().map(peer).collect(),
        cpu_usage: region.cpu_percent,
        written_bytes: whole(region.flow.written_bytes),
        read_bytes: whole(region.flow.read_bytes),
        written_keys: whole(region.flow.written_keys),
        read_keys: whole(region.flow.read_keys),
        approximate_size: region.size_mib,
        approximate_keys: region.keys,
    }
}

fn peer(peer: &Peer) -> PeerInfo {
    let (role_name, role) = peer.role.name();
    let is_learner = (peer.role == Role::Learner).then_some(true);
    PeerInfo {
        role: Some(role).filter(|role| *role > 0),
        role_name,
        is_learner,
        id: Some(peer.id),
        store_id: Some(peer.store.0),
    }
}
