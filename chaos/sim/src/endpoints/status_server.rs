//! A store's status server (`tikv: src/server/status_server/mod.rs`).

use super::{Reply, tikv_metrics};
use crate::model::cluster::Cluster;
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::whole;
use crate::model::region::Region;
use crate::model::store::Store;
use serde_json::{Map, Value, json};

/// Answers a GET.
pub(super) fn answer(cluster: &Cluster, id: StoreId, path: &str) -> Reply {
    let Some(store) = cluster.stores.get(&id) else {
        return not_found();
    };
    match path {
        "/metrics" => Reply {
            status: 200,
            content_type: "text/plain; version=0.0.4",
            body: tikv_metrics::render(cluster, store),
        },
        "/status" => Reply::text(200, "", ""),
        "/config" => Reply::text(200, "application/json", config(store)),
        _ => match path.strip_prefix("/region/").and_then(|id| id.parse().ok()) {
            Some(region) => region_state(cluster, store, RegionId(region)),
            None => not_found(),
        },
    }
}

fn not_found() -> Reply {
    Reply::text(404, "", "path not found")
}

fn config(store: &Store) -> String {
    let filled = include_str!("templates/tikv_config.json")
        .replace("@INDEX@", &store.index.to_string())
        .replace("@STATUS_PORT@", &store.status_port().to_string())
        .replace("@PORT@", &store.port().to_string());
    filled.trim_end().to_owned()
}

/// The state of the local replica. Its own view of the leader proves that PD's is outdated.
fn region_state(cluster: &Cluster, store: &Store, id: RegionId) -> Reply {
    let Some(region) = cluster.regions.get(&id) else {
        return no_region(id);
    };
    let Some(own) = region.peer_on(store.id) else {
        return no_region(id);
    };
    // A replica that sleeps believes in the leader that it fell asleep under.
    let leader = region
        .leader
        .or(region.asleep_under)
        .and_then(|leader| region.peer_on(leader));
    let index = whole(region.index);
    let applied = index - whole(region.lag.get(&store.id).copied().unwrap_or(0.0)).min(index);
    let leads = leader == Some(own);
    let body = json!({
        "id": id.0,
        "group_state": "Ordered",
        "raft_status": {
            "id": own.id,
            "hard_state": { "term": region.term, "vote": leader.map_or(0, |peer| peer.id), "commit": index },
            "soft_state": {
                "leader_id": leader.map_or(0, |peer| peer.id),
                "raft_state": match (leads, leader) { (true, _) => "Leader", (_, Some(_)) => "Follower", _ => "PreCandidate" },
            },
            "applied": applied,
            "voters": if leads { voters(region) } else { Value::Object(Map::new()) },
            "last_index": index,
            "persisted_index": index,
        },
        "raft_apply": { "applied_index": applied, "commit_index": index },
        "region_state": {
            "id": id.0,
            "start_key": super::pd_http::hex(&region.start.bytes()),
            "end_key": super::pd_http::hex(&region.end.bytes()),
            "epoch": { "conf_ver": region.conf_ver, "version": region.version },
            "peers": region.peers.iter().map(|peer| json!({ "id": peer.id, "store_id": peer.store.0, "role": peer.role.name().0 })).collect::<Vec<_>>(),
            "merge_state": Value::Null,
        },
    });
    Reply::text(200, "application/json", body.to_string())
}

fn voters(region: &Region) -> Value {
    let index = whole(region.index);
    let voter = |peer: &crate::model::region::Peer| {
        let lag = region.lag.get(&peer.store).copied();
        let matched = index - whole(lag.unwrap_or(0.0)).min(index);
        let progress = json!({
            "matched": matched,
            "next_idx": matched + 1,
            "state": if lag.is_some() { "Probe" } else { "Replicate" },
            "paused": lag.is_some(),
            "recent_active": lag.is_none(),
        });
        (peer.id.to_string(), progress)
    };
    Value::Object(region.peers.iter().map(voter).collect())
}

fn no_region(id: RegionId) -> Reply {
    Reply::text(404, "", format!("region({id}) not found"))
}
