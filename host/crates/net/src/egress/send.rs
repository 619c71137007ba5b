//! The one way out: every request of a plugin passes through [`Egress::send`].

use super::audit::AuditTrail;
use super::budget::{TickBudget, TokenBucket};
use super::header::{HeaderFault, check_headers, retain_shown};
use super::path::check_path;
use super::targets::DiscoveredTargets;
use super::{Audit, AuditEntry, EgressPolicy, Grant, Origin, RefusalReason, TargetPolicy};
use crate::ports::{Clock, Http, HttpError, HttpRequest, HttpResponse, Method, PostBody};
use operator_model::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

type Headers = Vec<(String, String)>;

/// A request as a plugin makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRequest {
    /// Name of a granted or discovered target.
    pub target: String,
    /// GET, HEAD, or POST where it is granted.
    pub method: Method,
    /// The body; only POST has one.
    pub body: Option<PostBody>,
    /// Path and query.
    pub path_and_query: String,
    /// Headers that the plugin sets.
    pub headers: Vec<(String, String)>,
    /// Shorter than the target's own limit, if given.
    pub timeout: Option<Duration>,
}

/// What happened to the requests so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressCounters {
    /// Requests that were sent.
    pub sent: u64,
    /// Bytes of bodies that came back.
    pub bytes: u64,
    /// Bodies that were cut at their limit.
    pub truncated: u64,
    /// Requests and discoveries that were refused.
    pub refused: BTreeMap<RefusalReason, u64>,
}

/// The way from one plugin to the network.
pub struct Egress {
    policy: EgressPolicy,
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    in_flight_total: Semaphore,
    audit: AuditTrail,
}

#[derive(Default)]
struct State {
    discovered: DiscoveredTargets,
    /// By origin, so that more names for one server do not mean more traffic to it.
    in_flight: BTreeMap<Origin, Arc<Semaphore>>,
    buckets: BTreeMap<Origin, TokenBucket>,
    budget: TickBudget,
    counters: EgressCounters,
}

/// A refusal before anything was sent.
type Refused = (RefusalReason, HttpError);

impl Egress {
    /// The way out under this policy.
    #[must_use]
    pub fn new(policy: EgressPolicy, http: Arc<dyn Http>, clock: Arc<dyn Clock>) -> Self {
        let in_flight_total = Semaphore::new(policy.limits.in_flight_max.max(1));
        Self {
            policy,
            http,
            clock,
            state: Mutex::default(),
            in_flight_total,
            audit: AuditTrail::default(),
        }
    }

    /// Names of the granted targets, sorted.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        self.policy.targets.keys().cloned().collect()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> EgressCounters {
        self.state().counters.clone()
    }

    /// Where every request is written down. What happened before is written first.
    pub fn audit_to(&self, audit: Arc<dyn Audit>) {
        self.audit.attach(audit);
    }

    /// A new tick begins: budgets are full again, and nothing may take longer than until
    /// `deadline`.
    pub fn begin_tick(&self, deadline: Timestamp) {
        self.state().budget = TickBudget::until(deadline);
    }

    /// Adds a target that the observed system named, or moves it.
    ///
    /// # Errors
    /// The name is granted already, the origin is malformed or outside what is granted, or there
    /// are too many.
    pub fn discover(&self, name: &str, origin: &str) -> Result<(), HttpError> {
        let added = self.state().discovered.add(&self.policy, name, origin);
        added.map_err(|why| {
            let error = self.refuse(RefusalReason::Discovery, HttpError::Denied(why));
            self.audit.record(
                self.clock.now(),
                AuditEntry::refused_discovery(name, origin, &error),
            );
            error
        })
    }

    /// Sends one request, after every check, inside every limit.
    ///
    /// # Errors
    /// A refusal, or the error of the port.
    pub async fn send(&self, request: TargetRequest) -> Result<HttpResponse, HttpError> {
        let begun_at = self.clock.now();
        let mut entry = AuditEntry::of(&request);
        let result = self.exchange(request, &mut entry).await;
        let now = self.clock.now();
        self.audit
            .record(now, entry.ended(&result, now.since_ms(begun_at)));
        result
    }

    async fn exchange(
        &self,
        request: TargetRequest,
        entry: &mut AuditEntry,
    ) -> Result<HttpResponse, HttpError> {
        let admitted = self.admit(&request).map_err(|(reason, error)| {
            entry.refuse(reason);
            self.refuse(reason, error)
        });
        let (TargetPolicy { origin, grant }, headers) = admitted?;
        entry.origin = Some(origin.to_string());
        let origin_limit = self.in_flight_limit(&origin);
        // Neither is ever closed, and every holder of a permit is bounded by the deadline.
        let _origin_permit = origin_limit
            .acquire()
            .await
            .map_err(|closed| HttpError::Connect(closed.to_string()))?;
        let _total_permit = self
            .in_flight_total
            .acquire()
            .await
            .map_err(|closed| HttpError::Connect(closed.to_string()))?;
        let timeout = self.timeout(&grant, request.timeout);
        if timeout.is_zero() {
            let why = "the deadline of the tick had passed";
            return Err(HttpError::NotSent(why.to_owned()));
        }
        self.state().counters.sent += 1;
        let outgoing = HttpRequest {
            origin: origin.to_string(),
            method: request.method,
            body: request.body,
            path_and_query: request.path_and_query,
            headers,
            timeout,
            body_bytes_max: grant.body_bytes_max,
            credentials: grant.credentials.clone(),
        };
        let mut response = self.account(self.http.send(outgoing).await, entry)?;
        retain_shown(&mut response.headers, &grant.headers_shown);
        Ok(response)
    }

    /// The target and the headers to send, if everything about the request is allowed.
    fn admit(&self, request: &TargetRequest) -> Result<(TargetPolicy, Headers), Refused> {
        let unknown = || {
            (
                RefusalReason::UnknownTarget,
                HttpError::UnknownTarget(request.target.clone()),
            )
        };
        let target = self.target(&request.target).ok_or_else(unknown)?;
        check_path(&request.path_and_query)
            .map_err(|fault| (RefusalReason::Path, HttpError::Denied(fault.to_string())))?;
        let permitted = target.grant.permit(request.method, &request.path_and_query);
        permitted.map_err(|(reason, why)| (reason, HttpError::Denied(why)))?;
        check_body(request)?;
        let headers = target_headers(&target.grant, &request.headers)
            .map_err(|fault| (RefusalReason::Header, HttpError::Denied(fault.to_string())))?;
        self.spend(&target)?;
        Ok((target, headers))
    }

    /// Takes one request out of the budget of the tick and out of the bucket of the origin.
    fn spend(&self, target: &TargetPolicy) -> Result<(), Refused> {
        let now = self.clock.now();
        let mut state = self.state();
        let rate = target.grant.rate;
        let bucket = state
            .buckets
            .entry(target.origin.clone())
            .or_insert_with(|| TokenBucket::full(rate, now));
        bucket
            .take(rate, now)
            .map_err(|wait| (RefusalReason::Rate, HttpError::RateLimited(wait)))?;
        if state.budget.take(&self.policy.limits) {
            return Ok(());
        }
        let wait = state.budget.remaining(now).unwrap_or_default();
        Err((RefusalReason::Budget, HttpError::RateLimited(wait)))
    }

    fn target(&self, name: &str) -> Option<TargetPolicy> {
        self.policy
            .targets
            .get(name)
            .cloned()
            .or_else(|| self.state().discovered.get(name).cloned())
    }

    fn in_flight_limit(&self, origin: &Origin) -> Arc<Semaphore> {
        let permits = self.policy.limits.in_flight_per_target_max.max(1);
        let mut state = self.state();
        let limit = state
            .in_flight
            .entry(origin.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(permits)));
        Arc::clone(limit)
    }

    fn timeout(&self, grant: &Grant, asked: Option<Duration>) -> Duration {
        let own = Duration::from_millis(grant.request_ms_max);
        let remaining = self.state().budget.remaining(self.clock.now());
        [asked, remaining]
            .into_iter()
            .flatten()
            .fold(own, Duration::min)
    }

    fn account(
        &self,
        result: Result<HttpResponse, HttpError>,
        entry: &mut AuditEntry,
    ) -> Result<HttpResponse, HttpError> {
        let reason = match &result {
            Ok(response) => {
                let mut state = self.state();
                state.budget.spend_bytes(response.body.len());
                let bytes = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
                state.counters.bytes = state.counters.bytes.saturating_add(bytes);
                state.counters.truncated += u64::from(response.truncated);
                return result;
            }
            Err(HttpError::Denied(_)) => RefusalReason::Address,
            Err(HttpError::Redirected(_)) => RefusalReason::Redirect,
            Err(_) => return result,
        };
        entry.refuse(reason);
        result.map_err(|error| self.refuse(reason, error))
    }

    fn refuse(&self, reason: RefusalReason, error: HttpError) -> HttpError {
        tracing::debug!(reason = reason.as_str(), %error, "request refused");
        *self.state().counters.refused.entry(reason).or_default() += 1;
        error
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Bytes of the body of one POST request. A question is small.
const POST_BYTES_MAX: usize = 64 << 10;

/// A body stands beside POST and nowhere else, and its type is a plain word.
fn check_body(request: &TargetRequest) -> Result<(), Refused> {
    let refused = |why: &str| Err((RefusalReason::Body, HttpError::Denied(why.to_owned())));
    let body = match (request.method, &request.body) {
        (Method::Post, Some(body)) => body,
        (Method::Post, None) => return refused("a POST request without a body"),
        (_, Some(_)) => return refused("only a POST request has a body"),
        (_, None) => return Ok(()),
    };
    if body.bytes.len() > POST_BYTES_MAX {
        let bytes = body.bytes.len();
        return refused(&format!(
            "the body has {bytes} bytes, the limit is {POST_BYTES_MAX}"
        ));
    }
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "/+-.;= ".contains(one);
    if body.content_type.is_empty() || !body.content_type.chars().all(is_plain) {
        return refused("the content type has characters that such a header cannot have");
    }
    Ok(())
}

/// The plugin's headers, checked, and those of the configuration, which win.
fn target_headers(grant: &Grant, asked: &[(String, String)]) -> Result<Headers, HeaderFault> {
    let mut headers = check_headers(asked, &grant.headers_allowed)?;
    headers.retain(|(name, _)| {
        !grant
            .headers_added
            .iter()
            .any(|(added, _)| added.eq_ignore_ascii_case(name))
    });
    headers.extend(grant.headers_added.iter().cloned());
    Ok(headers)
}

#[cfg(test)]
mod tests;
