//! Stores. Their state is computed on request.

use super::Reply;
use super::cluster_answers::store_limits;
use super::json::{Float, Query, duration, error, indented, size};
use super::shapes::{Label, SlowTrend, StoreInfo, StoreMeta, StoreStatus, Stores};
use crate::model::cluster::Cluster;
use crate::model::ids::StoreId;
use crate::model::number::whole;
use crate::model::pd::view::{NodeState, StoreView};
use crate::model::store::Store;
use operator_world::calendar;

/// Everything but tombstones.
pub(super) fn stores(cluster: &Cluster) -> Reply {
    list(cluster, |state| state != "Tombstone")
}

/// Those in the states that were asked for.
pub(super) fn check(cluster: &Cluster, query: &Query) -> Reply {
    let wanted = query.all("state");
    let known = ["up", "offline", "tombstone", "disconnected", "down"];
    if let Some(unknown) = wanted.iter().find(|state| !known.contains(&state.as_str())) {
        return error(400, &format!("unknown StoreState: {unknown}"));
    }
    list(cluster, |state| {
        wanted.is_empty()
            || wanted
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(state))
    })
}

fn list(cluster: &Cluster, keep: impl Fn(&str) -> bool) -> Reply {
    let stores: Vec<StoreInfo> = all(cluster)
        .map(|(store, view)| info(cluster, store, view))
        .filter(|info| keep(info.store.state_name))
        .collect();
    indented(
        200,
        &Stores {
            count: stores.len(),
            stores,
        },
    )
}

/// One store.
pub(super) fn store(cluster: &Cluster, id: &str) -> Reply {
    let Ok(number) = id.parse() else {
        return error(
            400,
            &format!("strconv.ParseUint: parsing \"{id}\": invalid syntax"),
        );
    };
    match all(cluster).find(|(store, _)| store.id == StoreId(number)) {
        Some((store, view)) => indented(200, &info(cluster, store, view)),
        None => error(
            404,
            &format!("[PD:core:ErrStoreNotFound]store {number} not found"),
        ),
    }
}

pub(super) fn limits(cluster: &Cluster) -> Reply {
    indented(200, &store_limits(cluster))
}

pub(super) fn labels(cluster: &Cluster) -> Reply {
    indented(200, &cluster.stores.values().map(label).collect::<Vec<_>>())
}

fn all(cluster: &Cluster) -> impl Iterator<Item = (&Store, &StoreView)> {
    cluster
        .pd
        .view
        .stores
        .iter()
        .filter_map(|(id, view)| Some((cluster.stores.get(id)?, view)))
}

fn label(store: &Store) -> Label {
    Label {
        key: "host",
        value: format!("h{}", store.index),
    }
}

fn info(cluster: &Cluster, store: &Store, view: &StoreView) -> StoreInfo {
    let heard = view.heartbeat_ms > 0;
    let meta = StoreMeta {
        id: store.id.0,
        address: store.address(),
        labels: vec![label(store)],
        version: view.version.clone(),
        peer_address: store.address(),
        status_address: store.status_address(),
        git_hash: "Unknown git hash",
        start_timestamp: view.started_ms / 1_000,
        deploy_path: "/opt/bin",
        last_heartbeat: heard.then(|| nanoseconds(store, view)),
        state: match view.node {
            NodeState::Removing => Some(1),
            NodeState::Removed => Some(2),
            _ => None,
        },
        node_state: Some(view.node.number()).filter(|number| *number > 0),
        state_name: view.state(cluster.now_ms).name(),
    };
    StoreInfo {
        store: meta,
        status: status(cluster, store, view),
    }
}

fn status(cluster: &Cluster, store: &Store, view: &StoreView) -> StoreStatus {
    let tally = cluster.pd.view.tally_of(store.id);
    let report = view.report;
    let started_ms = view.started_ms / 1_000 * 1_000;
    StoreStatus {
        capacity: size(report.capacity),
        available: size(report.available),
        used_size: size(report.used),
        leader_count: tally.leaders,
        leader_weight: 1,
        leader_score: tally.leaders,
        leader_size: tally.leader_mib,
        region_count: tally.regions,
        region_weight: 1,
        region_score: Float(view.region_score(tally.region_mib)),
        region_size: tally.region_mib,
        pending_peer_count: (tally.pending > 0).then_some(tally.pending),
        slow_score: Some(whole(report.slow_score)).filter(|score| *score > 0),
        slow_trend: SlowTrend {
            cause_value: Float(report.trend_cause),
            cause_rate: Float(0.0),
            result_value: Float(report.trend_result),
            result_rate: Float(0.0),
        },
        sending_snap_count: Some(report.snapshots.0).filter(|count| *count > 0),
        receiving_snap_count: Some(report.snapshots.1).filter(|count| *count > 0),
        is_busy: report.busy.then_some(true),
        pause_leader_transfer_in: cluster.pd.evicts(store.id).then_some(true),
        start_ts: calendar::rfc3339(started_ms, 0),
        last_heartbeat_ts: calendar::rfc3339(view.heartbeat_ms, nanoseconds(store, view)),
        uptime: (view.heartbeat_ms > started_ms).then(|| duration(view.heartbeat_ms - started_ms)),
    }
}

/// Heartbeats carry nanoseconds; the model has milliseconds, and the rest is a number that each store keeps.
fn nanoseconds(store: &Store, view: &StoreView) -> u64 {
    view.heartbeat_ms * 1_000_000 + (store.id.0 * 104_729) % 1_000_000
}
