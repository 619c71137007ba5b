//! PD's HTTP API (`pd: server/api/router.go`), with its habits: proxies, bare-string errors, region lists that call
//! themselves octet streams, zero fields that are left out.

mod cluster_answers;
mod hot_answers;
mod json;
mod region_answers;
mod shapes;
mod store_answers;

pub(super) use cluster_answers::VERSION as PD_VERSION;
pub(super) use json::hex;

use super::{Reply, pd_metrics};
use crate::model::cluster::Cluster;
use crate::model::pd::{Member, Stray};
use json::Query;

const JSON: &str = "application/json; charset=UTF-8";
const OCTETS: &str = "application/octet-stream";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers a GET that reached a member.
pub(super) fn answer(cluster: &Cluster, member: usize, path: &str, query: &str) -> Reply {
    if path == "/metrics" {
        let content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=values";
        return Reply {
            status: 200,
            content_type,
            body: pd_metrics::render(cluster, member),
        };
    }
    let Some(path) = path.strip_prefix("/pd/api/v1") else {
        // Version 8.5 has no readiness probes, and its v2 router responds with 404 in plain text.
        return Reply::text(404, "text/plain", "404 page not found");
    };
    if let Some((asked, stray)) = cluster
        .pd
        .members
        .get(member)
        .and_then(|asked| Some((asked, asked.stray?)))
    {
        return stray_answer(cluster, asked, stray, path);
    }
    let query = Query::parse(query);
    match local(cluster, member, path) {
        Some(reply) => reply,
        // A follower waits for a leader before it gives up.
        None if cluster.pd.leader.is_none()
            || cluster
                .pd
                .members
                .get(member)
                .is_none_or(|asked| asked.isolated) =>
        {
            Reply::text(
                503,
                PLAIN,
                "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n",
            )
        }
        None if !cluster.pd.bootstrapped() && needs_bootstrap(path) => not_bootstrapped(),
        None => led(cluster, path, &query),
    }
}

fn not_bootstrapped() -> Reply {
    json::error(
        500,
        "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first",
    )
}

/// A member with a cluster of its own forwards no request.
fn stray_answer(cluster: &Cluster, asked: &Member, stray: Stray, path: &str) -> Reply {
    cluster_answers::of_stray(cluster, asked, stray, path)
        .or_else(|| local(cluster, asked.index, path))
        .unwrap_or_else(not_bootstrapped)
}

/// Everything below PD's cluster router needs a cluster; members and the configuration are there before.
fn needs_bootstrap(path: &str) -> bool {
    let first = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    !matches!(first, "members" | "leader" | "config" | "cluster" | "gc") || path == "/config/rules"
}

/// What the asked member answers itself.
fn local(cluster: &Cluster, member: usize, path: &str) -> Option<Reply> {
    match path {
        "/ping" => Some(Reply::text(200, "", "")),
        "/health" => Some(cluster_answers::health(cluster)),
        "/status" => Some(cluster_answers::status(cluster, member)),
        "/version" => Some(cluster_answers::version()),
        _ => None,
    }
}

/// What the leader answers, for itself or through a follower.
fn led(cluster: &Cluster, path: &str, query: &Query) -> Reply {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["members"] => cluster_answers::members(cluster),
        ["leader"] => cluster_answers::leader(cluster),
        ["cluster"] => cluster_answers::cluster(cluster),
        ["cluster", "status"] => cluster_answers::cluster_status(cluster),
        ["config", rest @ ..] => {
            let leader = cluster
                .pd
                .leader
                .and_then(|index| cluster.pd.members.get(index));
            cluster_answers::config(cluster, leader, rest)
        }
        ["stores"] => store_answers::stores(cluster),
        ["stores", "check"] => store_answers::check(cluster, query),
        ["stores", "limit"] => store_answers::limits(cluster),
        ["store", id] => store_answers::store(cluster, id),
        ["labels"] => store_answers::labels(cluster),
        ["region", "id", id] => region_answers::by_id(cluster, id),
        ["regions", rest @ ..] => region_answers::regions(cluster, rest, query),
        ["hotspot", "regions", "write"] => hot_answers::writes(cluster),
        ["hotspot", "regions", "read"] => hot_answers::reads(cluster),
        ["hotspot", "stores"] => hot_answers::stores(cluster),
        ["stats", "region"] => region_answers::statistics(cluster, query),
        ["schedulers"] => cluster_answers::schedulers(cluster, query),
        ["schedulers", "diagnostic", name] => cluster_answers::diagnostic(cluster, name),
        ["scheduler-config", rest @ ..] => cluster_answers::scheduler_config(cluster, rest),
        ["operators"] => cluster_answers::operators(cluster),
        ["operators", "records"] => cluster_answers::operator_records(cluster, query),
        ["operators", region] => cluster_answers::operator_of(cluster, region),
        ["checker", name] => cluster_answers::checker(cluster, name),
        ["gc", "safepoint"] => cluster_answers::safepoint(cluster),
        ["min-resolved-ts"] => cluster_answers::min_resolved_ts(cluster),
        ["replication_mode", "status"] => cluster_answers::replication_mode(),
        _ => Reply::text(404, PLAIN, "404 page not found\n"),
    }
}
