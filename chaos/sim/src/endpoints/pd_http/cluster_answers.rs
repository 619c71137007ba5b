//! Members, configuration, schedulers, and other things there is one of.

use super::json::{Query, error, indented};
use super::shapes::{Header, MemberHealth, MemberInfo, Members};
use super::{JSON, PLAIN, Reply};
use crate::model::cluster::{
    BALANCE_HOT, BALANCE_LEADER, BALANCE_REGION, Cluster, EVICT_LEADER, EVICT_SLOW_STORE,
};
use crate::model::pd::{Member, Stray};
use operator_world::calendar;
use serde_json::{Map, Value, json};

/// PD's version.
pub(in crate::endpoints) const VERSION: &str = "v8.5.0";
const DEPLOY_PATH: &str = "/opt/bin";

pub(super) fn health(cluster: &Cluster) -> Reply {
    let health = |member: &Member| MemberHealth {
        name: member.name.clone(),
        member_id: member.id,
        client_urls: [member.client_url()],
        health: member.answers(),
    };
    indented(
        200,
        &cluster.pd.members.iter().map(health).collect::<Vec<_>>(),
    )
}

/// What a member answers that has formed a cluster of its own, to which no store has ever come.
pub(super) fn of_stray(
    cluster: &Cluster,
    member: &Member,
    stray: Stray,
    path: &str,
) -> Option<Reply> {
    let own = MemberInfo {
        member_id: stray.member_id,
        deploy_path: Some(DEPLOY_PATH),
        binary_version: Some(VERSION),
        git_hash: Some("None"),
        ..short(member)
    };
    let header = Header {
        cluster_id: stray.cluster_id,
    };
    Some(match path {
        "/health" => {
            let name = member.name.clone();
            let client_urls = [member.client_url()];
            indented(
                200,
                &[MemberHealth {
                    name,
                    member_id: stray.member_id,
                    client_urls,
                    health: true,
                }],
            )
        }
        "/members" => {
            let leader = Some(own.clone());
            let etcd_leader = Some(own.clone());
            indented(
                200,
                &Members {
                    header,
                    members: vec![own],
                    leader,
                    etcd_leader,
                },
            )
        }
        "/leader" => indented(
            200,
            &MemberInfo {
                member_id: stray.member_id,
                ..short(member)
            },
        ),
        "/cluster" => indented(
            200,
            &json!({ "id": stray.cluster_id, "max_peer_count": cluster.pd.view.max_replicas }),
        ),
        _ => {
            let part: Vec<&str> = path
                .strip_prefix("/config")?
                .split('/')
                .filter(|part| !part.is_empty())
                .collect();
            config(cluster, Some(member), &part)
        }
    })
}

pub(super) fn status(cluster: &Cluster, member: usize) -> Reply {
    let started_ms = cluster
        .pd
        .members
        .get(member)
        .map_or(0, |member| member.started_ms);
    let body = json!({ "build_ts": "2024-12-09", "version": VERSION, "git_hash": "None", "start_timestamp": started_ms / 1_000 });
    indented(200, &body)
}

pub(super) fn version() -> Reply {
    indented(
        200,
        &json!({ "version": VERSION, "build_time": "", "hash": "", "branch": "" }),
    )
}

pub(super) fn members(cluster: &Cluster) -> Reply {
    let pd = &cluster.pd;
    let full = |member: &Member| MemberInfo {
        deploy_path: Some(DEPLOY_PATH),
        binary_version: Some(VERSION),
        git_hash: Some("None"),
        ..short(member)
    };
    let who = |index: Option<usize>| index.and_then(|index| pd.members.get(index)).map(full);
    let body = Members {
        header: Header {
            cluster_id: pd.cluster_id,
        },
        members: pd.members.iter().map(full).collect(),
        leader: who(pd.leader),
        etcd_leader: who(pd.etcd_leader),
    };
    indented(200, &body)
}

pub(super) fn leader(cluster: &Cluster) -> Reply {
    indented(
        200,
        &cluster
            .pd
            .leader
            .and_then(|index| cluster.pd.members.get(index))
            .map(short),
    )
}

fn short(member: &Member) -> MemberInfo {
    MemberInfo {
        name: member.name.clone(),
        member_id: member.id,
        peer_urls: [member.peer_url()],
        client_urls: [member.client_url()],
        deploy_path: None,
        binary_version: None,
        git_hash: None,
    }
}

pub(super) fn cluster(cluster: &Cluster) -> Reply {
    indented(
        200,
        &json!({ "id": cluster.pd.cluster_id, "max_peer_count": cluster.pd.view.max_replicas }),
    )
}

pub(super) fn cluster_status(cluster: &Cluster) -> Reply {
    let bootstrapped = calendar::rfc3339(cluster.pd.bootstrapped_ms, 232_863);
    indented(
        200,
        &json!({ "raft_bootstrap_time": bootstrapped, "is_initialized": true, "replication_status": "" }),
    )
}

/// The configuration of a member that leads, or a part of it.
pub(super) fn config(cluster: &Cluster, leader: Option<&Member>, part: &[&str]) -> Reply {
    let whole = leader.map_or(Value::Null, |leader| whole_config(cluster, leader));
    let field = |name: &str| whole.get(name).cloned().unwrap_or(Value::Null);
    match part {
        [] => indented(200, &whole),
        ["schedule"] => indented(200, &field("schedule")),
        ["replicate"] => indented(200, &field("replication")),
        ["pd-server"] => indented(200, &field("pd-server")),
        ["replication-mode"] => indented(200, &field("replication-mode")),
        ["cluster-version"] => indented(200, &field("cluster-version")),
        ["rules"] => indented(200, &json!([default_rule(cluster.pd.view.max_replicas)])),
        _ => Reply::text(404, PLAIN, "404 page not found\n"),
    }
}

fn default_rule(replicas: usize) -> Value {
    json!({
        "group_id": "pd", "id": "default", "start_key": "", "end_key": "", "role": "voter",
        "is_witness": false, "count": replicas, "location_labels": ["host"],
    })
}

fn whole_config(cluster: &Cluster, leader: &Member) -> Value {
    let group = cluster
        .pd
        .members
        .iter()
        .filter(|member| leader.stray.is_none() || member.index == leader.index);
    let initial: Vec<String> = group
        .map(|member| format!("{}={}", member.name, member.peer_url()))
        .collect();
    let text = include_str!("../templates/pd_config.json")
        .replace("@NAME@", &leader.name)
        .replace("@CLIENT_URL@", &leader.client_url())
        .replace("@PEER_URL@", &leader.peer_url())
        .replace("@INITIAL_CLUSTER@", &initial.join(","))
        .replace("@STORE_LIMIT@", &store_limits(cluster).to_string());
    let mut config = serde_json::from_str(&text).unwrap_or(Value::Null);
    cluster.pd.settings.patch(&mut config);
    config
}

/// Default limits, in peers a minute.
pub(super) fn store_limits(cluster: &Cluster) -> Value {
    let limit = |id: &crate::model::ids::StoreId| {
        (id.to_string(), json!({ "add-peer": 15, "remove-peer": 15 }))
    };
    Value::Object(cluster.stores.keys().map(limit).collect::<Map<_, _>>())
}

/// All schedulers, or those of a status: none is ever paused or disabled here.
pub(super) fn schedulers(cluster: &Cluster, query: &Query) -> Reply {
    if query.has("status") {
        let paused = query.all("status").iter().any(|status| status == "paused");
        let names: Vec<&str> = cluster
            .pd
            .settings
            .paused(cluster.now_ms)
            .filter(|_| paused)
            .collect();
        return indented(200, &names);
    }
    let mut names = vec![
        BALANCE_LEADER,
        BALANCE_HOT,
        EVICT_SLOW_STORE,
        BALANCE_REGION,
    ];
    names.extend(
        cluster
            .pd
            .evicting
            .keys()
            .copied()
            .filter(|name| *name != EVICT_SLOW_STORE),
    );
    indented(200, &names)
}

/// Why a balance scheduler does or does not act.
pub(super) fn diagnostic(cluster: &Cluster, name: &str) -> Reply {
    let running = cluster.pd.operators.count(name) > 0;
    let (status, summary) = match name {
        BALANCE_LEADER if running => ("scheduling", String::new()),
        BALANCE_LEADER | BALANCE_REGION => (
            "normal",
            format!(
                "{} store(s) StoreScoreDisallowed; ",
                cluster.pd.view.stores.len()
            ),
        ),
        _ => return error(400, &format!("scheduler {name} is not supported")),
    };
    let timestamp = cluster.now_ms / 1_000;
    indented(
        200,
        &json!({ "name": name, "status": status, "summary": summary, "timestamp": timestamp }),
    )
}

pub(super) fn operators(cluster: &Cluster) -> Reply {
    let running: Vec<String> = cluster
        .pd
        .operators
        .running
        .values()
        .map(|operator| cluster.describe(operator))
        .collect();
    indented(200, &running)
}

/// Settings of one scheduler, or of all.
pub(super) fn scheduler_config(cluster: &Cluster, rest: &[&str]) -> Reply {
    let evicting = |name: &str| cluster.pd.evicting.get(name);
    match rest {
        [] => {
            let names = cluster
                .pd
                .evicting
                .keys()
                .map(|name| ((*name).to_owned(), json!({})));
            indented(200, &Value::Object(names.collect()))
        }
        [name @ EVICT_LEADER, "list"] => match evicting(name) {
            Some(stores) => {
                let ranges = |id: &crate::model::ids::StoreId| {
                    (id.to_string(), json!([{ "start-key": "", "end-key": "" }]))
                };
                let ranges: Map<_, _> = stores.iter().map(ranges).collect();
                indented(200, &json!({ "batch": 3, "store-id-ranges": ranges }))
            }
            None => Reply::text(404, PLAIN, "404 page not found\n"),
        },
        [name @ EVICT_SLOW_STORE, "list"] => {
            let stores: Vec<u64> = evicting(name)
                .into_iter()
                .flatten()
                .map(|id| id.0)
                .collect();
            indented(
                200,
                &json!({ "recovery-duration": 1_800, "evict-stores": stores }),
            )
        }
        [BALANCE_LEADER, "list"] => indented(
            200,
            &json!({ "ranges": [{ "start-key": "", "end-key": "" }], "batch": 4 }),
        ),
        _ => Reply::text(404, PLAIN, "404 page not found\n"),
    }
}

/// Operators that ended within the last ten minutes.
pub(super) fn operator_records(cluster: &Cluster, query: &Query) -> Reply {
    let from_s = query
        .number("from")
        .and_then(|from| u64::try_from(from).ok())
        .unwrap_or(0);
    let records: Vec<&str> = cluster
        .pd
        .operators
        .records_since(from_s.saturating_mul(1_000))
        .map(|record| record.text.as_str())
        .collect();
    indented(200, &records)
}

/// The operator of one region.
pub(super) fn operator_of(cluster: &Cluster, region: &str) -> Reply {
    let id = region.parse().ok().map(crate::model::ids::RegionId);
    match id.and_then(|id| cluster.pd.operators.running.get(&id)) {
        Some(operator) => indented(
            200,
            &format!("status: RUNNING, operator: {}", cluster.describe(operator)),
        ),
        None => error(500, "[PD:scheduler:ErrOperatorNotFound]operator not found"),
    }
}

/// Whether a checker is paused: none ever is.
pub(super) fn checker(_: &Cluster, name: &str) -> Reply {
    match name {
        "learner" | "replica" | "rule" | "split" | "merge" | "joint-state" => {
            indented(200, &json!({ "paused": false }))
        }
        _ => error(404, "checker not found"),
    }
}

/// GC does not advance in a cluster without TiDB; services may hold it back all the same.
pub(super) fn safepoint(cluster: &Cluster) -> Reply {
    let service = |(name, at_ms): (&String, &u64)| json!({ "service_id": name, "expired_at": u64::from(u32::MAX) << 20, "safe_point": at_ms << 18 });
    let services: Vec<Value> = cluster.pd.safepoints.iter().map(service).collect();
    let point = cluster
        .pd
        .safepoints
        .values()
        .min()
        .map_or(0, |at_ms| at_ms << 18);
    indented(
        200,
        &json!({ "service_gc_safe_points": services, "gc_safe_point": point }),
    )
}

pub(super) fn min_resolved_ts(cluster: &Cluster) -> Reply {
    // Stores report once a second; the oldest report is decisive.
    let locked = cluster
        .stores
        .values()
        .filter_map(|store| store.locked_since_ms)
        .min();
    let resolved = locked
        .unwrap_or(cluster.now_ms)
        .min(cluster.now_ms.saturating_sub(1_500))
        << 18;
    let body = json!({
        "is_real_time": true, "min_resolved_ts": resolved, "persist_interval": "1s", "stores_min_resolved_ts": null,
    });
    indented(200, &body)
}

pub(super) fn replication_mode() -> Reply {
    let body = "{\n  \"mode\": \"majority\",\n  \"dr-auto-sync\": {\n    \"label_key\": \"\",\n    \"state\": \"\",\n    \"acid_consistent\": false\n  }\n}\n";
    Reply::text(200, JSON, body)
}
