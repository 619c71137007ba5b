//! Polls PD: sends all due requests in one round to the first member that can respond.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{HttpError, Request, Response, World};

use crate::nodes::ProbeRow;
use crate::response::{self, ResponseError};
use crate::schedule::Endpoint;

/// PD writes the caller into its audit log, which separates our load from that of others.
const CALLER: (&str, &str) = ("X-Caller-ID", "operator");
/// Members tried per tick; a cluster has three or five.
const MEMBERS_TRIED: usize = 4;

/// The responses of PD.
#[derive(Debug, Default)]
pub(crate) struct PdResponses {
    /// The member that responded, or the last one tried.
    pub(crate) target: String,
    pub(crate) results: BTreeMap<Endpoint, Result<Response, HttpError>>,
    pub(crate) rows: Vec<ProbeRow>,
    /// Members that were skipped, with the reasons.
    pub(crate) skipped: Vec<(String, String)>,
}

/// A request with its full path and its timeout.
pub(crate) struct EndpointRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) path_and_query: String,
    pub(crate) timeout_ms: u64,
}

/// A request to PD with the caller's name.
pub(crate) fn request(target: &str, path_and_query: &str, timeout_ms: u64) -> Request {
    Request::get(target, path_and_query)
        .header(CALLER.0, CALLER.1)
        .timeout(Duration::from_millis(timeout_ms))
}

/// How long the first request may take where another member could be asked instead.
const FIRST_MS: u64 = 1_000;

/// Polls the members in turn until one responds that `accept` accepts.
pub(crate) fn poll(
    world: &mut dyn World,
    members: &[String],
    endpoints: &[EndpointRequest],
    accept: impl Fn(&str, &PdResponses) -> Result<(), String>,
) -> PdResponses {
    let mut reported = PdResponses::default();
    for (attempt, member) in members.iter().take(MEMBERS_TRIED).enumerate() {
        let others = members.len() > attempt + 1;
        let mut responses = poll_one(world, member, endpoints, others);
        responses.skipped = std::mem::take(&mut reported.skipped);
        responses
            .rows
            .splice(0..0, std::mem::take(&mut reported.rows));
        let verdict = usable(&responses).and_then(|()| accept(member, &responses));
        let Err(reason) = verdict else {
            return responses;
        };
        let has_no_leader = reason == ResponseError::NoLeader.text();
        responses.skipped.push((member.clone(), reason));
        // Report the failure of the first member, which is the one that the user configured first,
        // unless it did not respond and another one reports that there is no leader, which is more
        // informative.
        if attempt == 0 || (has_no_leader && is_silent(&reported)) {
            reported = responses;
        } else {
            reported.skipped = responses.skipped;
            reported.rows = responses.rows;
        }
    }
    reported
}

/// Sends the requests to one member. If others could be asked, one request goes first: a member that hangs must not
/// use up the time in which another one could respond to all of them.
fn poll_one(
    world: &mut dyn World,
    member: &str,
    endpoints: &[EndpointRequest],
    others: bool,
) -> PdResponses {
    let of = |endpoint: &EndpointRequest, timeout_ms: u64| {
        request(member, &endpoint.path_and_query, timeout_ms)
    };
    let is_quick = |endpoint: &&EndpointRequest| endpoint.endpoint != Endpoint::Health;
    let first = endpoints.iter().find(is_quick).filter(|_| others);
    let mut sent_first = first.map(|first| {
        let quick = of(first, first.timeout_ms.min(FIRST_MS));
        let result = world.send_all(&[quick]).pop().unwrap_or_else(not_asked);
        (first.endpoint, result)
    });
    let hangs = matches!(&sent_first, Some((_, Err(_))));
    let asked_first = first.map(|first| first.endpoint);
    let rest: Vec<Request> = endpoints
        .iter()
        .filter(|endpoint| asked_first != Some(endpoint.endpoint) && !hangs)
        .map(|endpoint| of(endpoint, endpoint.timeout_ms))
        .collect();
    let mut answers = world.send_all(&rest).into_iter();
    let results: Vec<Result<Response, HttpError>> = endpoints
        .iter()
        .map(
            |endpoint| match sent_first.take_if(|(first, _)| *first == endpoint.endpoint) {
                Some((_, result)) => result,
                None => answers.next().unwrap_or_else(not_asked),
            },
        )
        .collect();
    let mut responses = PdResponses {
        target: member.to_owned(),
        ..PdResponses::default()
    };
    for (endpoint, result) in endpoints.iter().zip(results) {
        responses
            .rows
            .push(ProbeRow::new(member, "", &endpoint.path_and_query, &result));
        responses.results.insert(endpoint.endpoint, result);
    }
    responses
}

fn not_asked() -> Result<Response, HttpError> {
    let why = "the member did not respond to the first request of this tick";
    Err(HttpError::NotSent(why.to_owned()))
}

/// Whether the responses of the member are usable, or another member should be tried. A member
/// without a leader responds for itself, but cannot forward requests to the leader.
fn usable(responses: &PdResponses) -> Result<(), String> {
    let failures: Vec<Option<ResponseError>> = responses
        .results
        .values()
        .map(|result| response::body(result).err())
        .collect();
    if failures.contains(&Some(ResponseError::NoLeader)) {
        return Err(ResponseError::NoLeader.text());
    }
    let silent: Vec<&ResponseError> = failures
        .iter()
        .flatten()
        .filter(|why| why.is_worth_another_member())
        .collect();
    match silent.last() {
        Some(why) if silent.len() == failures.len() => Err(why.text()),
        _ => Ok(()),
    }
}

fn is_silent(responses: &PdResponses) -> bool {
    responses
        .results
        .values()
        .all(|result| matches!(response::body(result), Err(ResponseError::Unreachable(_))))
}

/// The body of the response to one request.
pub(crate) fn body_of(responses: &PdResponses, endpoint: Endpoint) -> Result<&[u8], ResponseError> {
    responses.results.get(&endpoint).map_or_else(
        || Err(ResponseError::Unreachable("no response".to_owned())),
        response::body,
    )
}
