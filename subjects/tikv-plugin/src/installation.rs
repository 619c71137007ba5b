//! Deployment mistakes: polls each configured PD address by itself and probes the addresses that
//! stores advertise to clients and other stores.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operator_plugin::{HttpError, Request, Response, TableData, World, table};

use crate::members::MemberView;
use crate::pd;
use crate::response;
use crate::schedule::is_due;
use crate::shapes::{Members, StoreItem, Stores};
use crate::stores::living;

/// Store addresses probed per round; a larger cluster takes several rounds.
const ADDRESSES_PER_ROUND: usize = 32;

/// The responses of the configured PD addresses and the probe outcomes of the store addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installation {
    polled_ms: Option<u64>,
    endpoints: Vec<Endpoint>,
    /// Probe outcome by store.
    addresses: BTreeMap<String, &'static str>,
    /// The store after which the next round continues.
    tried_up_to: u64,
}

/// One configured PD address.
#[derive(Debug, Clone, PartialEq)]
struct Endpoint {
    target: String,
    outcome: &'static str,
    failure: String,
    view: MemberView,
    /// Members that this address lists.
    members: Option<BTreeSet<String>>,
}

impl Installation {
    /// Polls all addresses again when the period has passed.
    pub(crate) fn poll(
        &mut self,
        world: &mut dyn World,
        targets: &[String],
        stores: Option<&Stores>,
        (period_ms, timeout_ms): (u64, u64),
        now_ms: u64,
    ) {
        if !is_due(self.polled_ms, period_ms, now_ms) {
            return;
        }
        self.polled_ms = Some(now_ms);
        let tried = self.addresses_to_try(stores);
        let mut requests: Vec<Request> = targets
            .iter()
            .map(|target| endpoint_request(target, timeout_ms))
            .collect();
        for item in &tried {
            let _ = world.discover(
                &address_target(item),
                &format!("http://{}", item.store.address),
            );
            requests.push(
                Request::get(address_target(item), "/").timeout(Duration::from_millis(timeout_ms)),
            );
        }
        let mut results = world.send_all(&requests).into_iter();
        self.endpoints = targets
            .iter()
            .zip(results.by_ref())
            .map(|(target, result)| endpoint(target, &result))
            .collect();
        for (item, result) in tried.iter().zip(results) {
            self.addresses
                .insert(item.store.id.to_string(), listener(&result));
        }
    }

    /// The `pd_endpoints` table.
    pub(crate) fn endpoints_table(&self) -> Option<TableData> {
        let rows = || self.endpoints.iter();
        let names = |endpoint: &Endpoint| {
            let members = endpoint.members.as_ref()?;
            Some(members.iter().cloned().collect::<Vec<String>>().join(","))
        };
        (!self.endpoints.is_empty()).then(|| {
            table("pd_endpoints")
                .texts("target", rows().map(|endpoint| endpoint.target.clone()))
                .texts(
                    "outcome",
                    rows().map(|endpoint| endpoint.outcome.to_owned()),
                )
                .texts("answer", rows().map(|endpoint| endpoint.failure.clone()))
                .texts(
                    "cluster_seen",
                    rows().map(|endpoint| endpoint.view.cluster.clone()),
                )
                .texts(
                    "leader_seen",
                    rows().map(|endpoint| endpoint.view.leader.clone()),
                )
                .texts("members_seen", rows().map(names))
        })
    }

    /// Adds the probe outcomes of the store addresses to the table of stores; null if not probed
    /// yet.
    pub(crate) fn with_address_probes(&self, stores: TableData) -> TableData {
        let ids: Vec<operator_plugin::Scalar> = (0..stores.rows())
            .map(|row| stores.scalar(row, "store"))
            .collect();
        let outcome = |id: &operator_plugin::Scalar| match id {
            operator_plugin::Scalar::Text(id) => {
                self.addresses.get(id).map(|outcome| (*outcome).to_owned())
            }
            _ => None,
        };
        stores.texts("address_probe", ids.iter().map(outcome))
    }

    fn addresses_to_try<'stores>(
        &mut self,
        stores: Option<&'stores Stores>,
    ) -> Vec<&'stores StoreItem> {
        let Some(stores) = stores else {
            return Vec::new();
        };
        let living: Vec<&StoreItem> = living(stores)
            .into_iter()
            .filter(|item| item.store.address.contains(':'))
            .collect();
        self.addresses
            .retain(|id, _| living.iter().any(|item| item.store.id.to_string() == *id));
        let after = living
            .iter()
            .filter(|item| item.store.id > self.tried_up_to);
        let tried: Vec<&StoreItem> = after
            .chain(living.iter())
            .take(living.len().min(ADDRESSES_PER_ROUND))
            .copied()
            .collect();
        self.tried_up_to = tried.last().map(|item| item.store.id).unwrap_or_default();
        tried
    }
}

/// Asks for the member's own view: without the header a follower forwards the request to its
/// leader.
fn endpoint_request(target: &str, timeout_ms: u64) -> Request {
    pd::request(target, "/pd/api/v1/members", timeout_ms).header("PD-Allow-follower-handle", "true")
}

fn address_target(item: &StoreItem) -> String {
    format!("store-{}-address", item.store.id)
}

fn endpoint(target: &str, result: &Result<Response, HttpError>) -> Endpoint {
    let listed = response::body(result).and_then(response::read::<Members>);
    let view = listed.as_ref().map(MemberView::of).unwrap_or_default();
    let members = listed.as_ref().ok().map(|listed| {
        listed
            .members
            .iter()
            .map(|member| member.name.clone())
            .collect()
    });
    let outcome = match (&listed, result) {
        (Ok(_), _) => "ok",
        (Err(_), Ok(_)) => "error",
        (Err(_), Err(error)) => failure(error),
    };
    let failure_text = listed.err().map(|why| why.text()).unwrap_or_default();
    Endpoint {
        target: target.to_owned(),
        outcome,
        failure: failure_text,
        view,
        members,
    }
}

/// The outcome name of a failed request. DNS failures are separate because their remedy differs.
fn failure(error: &HttpError) -> &'static str {
    match error {
        HttpError::Refused => "refused",
        HttpError::Timeout => "timeout",
        HttpError::Dns(_) => "dns",
        HttpError::Denied(_)
        | HttpError::UnknownTarget(_)
        | HttpError::RateLimited(_)
        | HttpError::NotSent(_) => "denied",
        HttpError::Connect(why) if is_unroutable(why) => "timeout",
        HttpError::Connect(_)
        | HttpError::Tls(_)
        | HttpError::Protocol(_)
        | HttpError::Redirected(_)
        | HttpError::Other(_) => "error",
    }
}

/// Probes a gRPC address: it accepts the connection but does not speak HTTP, which counts as `ok`.
fn listener(result: &Result<Response, HttpError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => match failure(error) {
            "error" => "ok",
            failure => failure,
        },
    }
}

fn is_unroutable(why: &str) -> bool {
    let why = why.to_lowercase();
    why.contains("unreachable") || why.contains("no route")
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    fn responds(body: &str) -> Result<Response, HttpError> {
        let body = body.as_bytes().to_vec();
        Ok(Response {
            status: 200,
            headers: vec![],
            body,
            truncated: false,
            elapsed: 1_000_000,
            server_date: None,
        })
    }

    #[test]
    fn a_member_that_formed_its_own_cluster_reports_it() {
        let alone =
            r#"{"header":{"cluster_id":9},"members":[{"name":"pd-2"}],"leader":{"name":"pd-2"}}"#;
        let found = Installation {
            endpoints: vec![endpoint("pd-3", &responds(alone))],
            ..Installation::default()
        };
        let table = found.endpoints_table().unwrap();
        assert_eq!(table.scalar(0, "outcome"), Scalar::Text("ok".to_owned()));
        assert_eq!(
            table.scalar(0, "cluster_seen"),
            Scalar::Text("9".to_owned())
        );
        assert_eq!(
            table.scalar(0, "members_seen"),
            Scalar::Text("pd-2".to_owned())
        );
    }

    #[test]
    fn a_failing_address_reports_the_kind_of_failure() {
        let of = |error: HttpError| endpoint("pd", &Err(error)).outcome;
        assert_eq!(of(HttpError::Refused), "refused");
        assert_eq!(of(HttpError::Dns("x".to_owned())), "dns");
        assert_eq!(
            of(HttpError::Connect(
                "No route to host (os error 113)".to_owned()
            )),
            "timeout"
        );
        assert_eq!(of(HttpError::Denied("x".to_owned())), "denied");
    }

    #[test]
    fn a_port_without_http_has_a_listener_and_a_closed_port_has_none() {
        assert_eq!(
            listener(&Err(HttpError::Protocol(
                "invalid HTTP version parsed".to_owned()
            ))),
            "ok"
        );
        assert_eq!(
            listener(&Err(HttpError::Connect(
                "connection reset by peer".to_owned()
            ))),
            "ok"
        );
        assert_eq!(listener(&Err(HttpError::Refused)), "refused");
        assert_eq!(listener(&Err(HttpError::Timeout)), "timeout");
    }

    #[test]
    fn many_stores_are_probed_in_several_rounds() {
        let store = |id: u64| format!(r#"{{"store":{{"id":{id},"address":"s{id}:20160"}}}}"#);
        let text = (1..=40).map(store).collect::<Vec<_>>().join(",");
        let stores: Stores = serde_json::from_str(&format!(r#"{{"stores":[{text}]}}"#)).unwrap();
        let mut installation = Installation::default();
        let mut round = || {
            installation
                .addresses_to_try(Some(&stores))
                .iter()
                .map(|item| item.store.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (round().len(), round().first().copied()),
            (ADDRESSES_PER_ROUND, Some(33))
        );
    }
}
