//! What an observer of the cluster sees: one node for each origin.
//!
//! What is shown has the shape of recordings of real clusters; `tests/faithful.rs` compares them. What differs:
//! - PD and the stores call themselves 8.5.0, while the recorded stores were a development build of 9.0;
//! - metrics are a selection: those that speak for something the model has, of series only those that can move;
//! - PD has no dashboard, no trend, no history of hot regions, and no write calls (405);
//! - logs hold what the modelled events write, without the chatter of start-up and housekeeping.

mod pd_http;
mod pd_metrics;
mod status_server;
mod tikv_metrics;

use crate::model::cluster::Cluster;
use crate::model::ids::StoreId;
use crate::model::rng::Rng;
use operator_world::Answer;

/// Something that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// A PD member, by index.
    Member(usize),
    /// A store's status server.
    Store(StoreId),
    /// A store's door for data.
    Data(StoreId),
}

impl Node {
    /// Whether its process accepts connections now.
    pub(crate) fn listens(self, cluster: &Cluster) -> bool {
        match self {
            Self::Member(index) => cluster
                .pd
                .members
                .get(index)
                .is_some_and(|member| member.alive),
            Self::Store(id) | Self::Data(id) => cluster
                .stores
                .get(&id)
                .is_some_and(|store| store.serves() || store.is_silent()),
        }
    }

    /// Whether connections are accepted there, but get no response.
    fn is_silent(self, cluster: &Cluster) -> bool {
        match self {
            Self::Member(index) => cluster
                .pd
                .members
                .get(index)
                .is_some_and(|member| member.frozen),
            Self::Store(id) | Self::Data(id) => cluster
                .stores
                .get(&id)
                .is_some_and(crate::model::store::Store::is_silent),
        }
    }

    /// Whether noise drops a response in this second. The seed decides, not the observer: observing changes
    /// nothing.
    fn is_missed(self, cluster: &Cluster) -> bool {
        let number = match self {
            Self::Member(index) => {
                crate::model::number::whole(crate::model::number::real_len(index))
            }
            Self::Store(id) | Self::Data(id) => 1_000 + id.0,
        };
        let share = cluster.config.noise.missing_scrapes;
        let draw =
            || Rng::seeded(cluster.config.seed ^ ((cluster.now_ms / 1_000) << 20) ^ number).unit();
        share > 0.0 && draw() < share
    }

    /// Its own time: its clock, and how much that wanders at this moment.
    fn clock_ms(self, cluster: &Cluster) -> u64 {
        let now_ms = cluster.now_ms;
        let (own_ms, phase) = match self {
            Self::Member(index) => {
                let own = cluster
                    .pd
                    .members
                    .get(index)
                    .map(|member| member.clock_ms(now_ms));
                (
                    own,
                    crate::model::number::whole(crate::model::number::real_len(index)) * 7,
                )
            }
            Self::Store(id) | Self::Data(id) => (
                cluster.stores.get(&id).map(|store| store.clock_ms(now_ms)),
                id.0 * 11,
            ),
        };
        // A clock that is pulled right again and again goes to and fro within about a minute.
        let most_ms = cluster.clock_jitter_ms;
        let period_ms = 60_000 + phase * 1_000;
        let along = now_ms % period_ms;
        let wander_ms = along.min(period_ms - along) * 4 * most_ms / period_ms;
        (own_ms.unwrap_or(now_ms) + wander_ms).saturating_sub(most_ms)
    }
}

/// The node at an origin.
pub(crate) fn find(cluster: &Cluster, origin: &str) -> Option<Node> {
    let address = origin.strip_prefix("http://")?;
    let member = cluster
        .pd
        .members
        .iter()
        .find(|member| member.client_url() == origin);
    let store = || {
        cluster
            .stores
            .values()
            .find(|store| store.status_address() == address)
    };
    let data = || {
        cluster
            .stores
            .values()
            .find(|store| store.address() == address)
    };
    member
        .map(|member| Node::Member(member.index))
        .or_else(|| store().map(|store| Node::Store(store.id)))
        .or_else(|| data().map(|store| Node::Data(store.id)))
}

/// Every origin, sorted.
pub(crate) fn origins(cluster: &Cluster) -> Vec<String> {
    let members = cluster
        .pd
        .members
        .iter()
        .map(crate::model::pd::Member::client_url);
    let stores = cluster
        .stores
        .values()
        .map(|store| format!("http://{}", store.status_address()));
    let data = cluster
        .stores
        .values()
        .map(|store| format!("http://{}", store.address()));
    let mut origins: Vec<String> = members.chain(stores).chain(data).collect();
    origins.sort();
    origins
}

/// Answers a request. Looking changes nothing.
pub(crate) fn answer(
    cluster: &Cluster,
    origin: &str,
    method: &str,
    path_and_query: &str,
) -> Answer {
    let Some(node) = find(cluster, origin).filter(|node| node.listens(cluster)) else {
        return Answer::Refused;
    };
    if node.is_silent(cluster) {
        return Answer::Timeout;
    }
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    if path == "/metrics" && node.is_missed(cluster) {
        return Answer::Timeout;
    }
    let reply = match node {
        _ if method != "GET" => {
            Reply::text(405, "text/plain; charset=utf-8", "Method Not Allowed\n")
        }
        Node::Member(index) => pd_http::answer(cluster, index, path, query),
        Node::Store(id) => status_server::answer(cluster, id, path),
        // It speaks only gRPC: an HTTP client learns that a process listens, and no more.
        Node::Data(_) => Reply::text(400, "text/plain", "this port speaks gRPC\n"),
    };
    Answer::Response {
        status: reply.status,
        content_type: reply.content_type.to_owned(),
        body: reply.body,
        server_date_ms: node.clock_ms(cluster),
    }
}

/// An answer without what all answers share.
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Reply {
    fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type,
            body: body.into().into_bytes(),
        }
    }
}
