//! The one way out: every request of a plugin passes through [`Egress::send`].

use super::budget::TickBudget;
use super::header::{HeaderFault, check_headers};
use super::path::check_path;
use super::{EgressPolicy, Origin, TargetPolicy};
use crate::model::Timestamp;
use crate::ports::{Clock, Http, HttpError, HttpRequest, HttpResponse, Method};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

type Headers = Vec<(String, String)>;

/// A request as a plugin makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRequest {
    /// Name of a granted or discovered target.
    pub target: String,
    /// GET or HEAD.
    pub method: Method,
    /// Path and query.
    pub path_and_query: String,
    /// Headers that the plugin sets.
    pub headers: Vec<(String, String)>,
    /// Shorter than the target's own limit, if given.
    pub timeout: Option<Duration>,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// No such target.
    UnknownTarget,
    /// The path is not in origin form, or ambiguous.
    Path,
    /// A header is not allowed.
    Header,
    /// The budget of the tick is spent.
    Budget,
    /// The discovered target lies outside what is granted.
    Discovery,
    /// The port refused the address.
    Address,
    /// The server wanted to redirect.
    Redirect,
}

impl RefusalReason {
    /// One word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTarget => "unknown-target",
            Self::Path => "path",
            Self::Header => "header",
            Self::Budget => "budget",
            Self::Discovery => "discovery",
            Self::Address => "address",
            Self::Redirect => "redirect",
        }
    }
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
    all_lanes: Semaphore,
}

#[derive(Default)]
struct State {
    discovered: BTreeMap<String, TargetPolicy>,
    lanes: BTreeMap<String, Arc<Semaphore>>,
    budget: TickBudget,
    counters: EgressCounters,
}

impl Egress {
    /// The way out under this policy.
    #[must_use]
    pub fn new(policy: EgressPolicy, http: Arc<dyn Http>, clock: Arc<dyn Clock>) -> Self {
        let all_lanes = Semaphore::new(policy.limits.in_flight_max.max(1));
        Self { policy, http, clock, state: Mutex::default(), all_lanes }
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

    /// A new tick begins: budgets are full again, and nothing may take longer than until `deadline`.
    pub fn begin_tick(&self, deadline: Timestamp) {
        self.state().budget = TickBudget::until(deadline);
    }

    /// Adds a target that the observed system named, or moves it.
    ///
    /// # Errors
    /// The name is granted already, the origin is malformed or outside what is granted, or there
    /// are too many.
    pub fn discover(&self, name: &str, origin: &str) -> Result<(), HttpError> {
        let result = self.check_discovery(name, origin);
        let mut state = self.state();
        match result {
            Ok(target) => {
                state.discovered.insert(name.to_owned(), target);
                Ok(())
            }
            Err(why) => Err(state.refuse(RefusalReason::Discovery, HttpError::Denied(why))),
        }
    }

    /// Sends one request, after every check, inside every limit.
    ///
    /// # Errors
    /// A refusal, or what the port says.
    pub async fn send(&self, request: TargetRequest) -> Result<HttpResponse, HttpError> {
        let admitted = self.admit(&request).map_err(|(reason, error)| self.state().refuse(reason, error));
        let (target, headers) = admitted?;
        let lane = self.lane(&request.target);
        // Neither is ever closed, and whoever holds a lane is bounded by the deadline.
        let _lane = lane.acquire().await.map_err(|closed| HttpError::Connect(closed.to_string()))?;
        let _any_lane = self.all_lanes.acquire().await.map_err(|closed| HttpError::Connect(closed.to_string()))?;
        let timeout = self.timeout(&target, request.timeout);
        if timeout.is_zero() {
            return Err(HttpError::Timeout);
        }
        self.state().counters.sent += 1;
        let outgoing = HttpRequest {
            origin: target.origin.to_string(),
            method: request.method,
            path_and_query: request.path_and_query,
            headers,
            timeout,
            body_bytes_max: target.body_bytes_max,
        };
        self.account(self.http.send(outgoing).await)
    }

    /// The target and the headers to send, if everything about the request is allowed.
    fn admit(&self, request: &TargetRequest) -> Result<(TargetPolicy, Headers), (RefusalReason, HttpError)> {
        let unknown = || (RefusalReason::UnknownTarget, HttpError::UnknownTarget(request.target.clone()));
        let target = self.target(&request.target).ok_or_else(unknown)?;
        check_path(&request.path_and_query)
            .map_err(|fault| (RefusalReason::Path, HttpError::Denied(fault.to_string())))?;
        let headers = target_headers(&target, &request.headers)
            .map_err(|fault| (RefusalReason::Header, HttpError::Denied(fault.to_string())))?;
        let mut state = self.state();
        if state.budget.take(&self.policy.limits) {
            return Ok((target, headers));
        }
        let wait = state.budget.remaining(self.clock.now()).unwrap_or_default();
        Err((RefusalReason::Budget, HttpError::RateLimited(wait)))
    }

    fn target(&self, name: &str) -> Option<TargetPolicy> {
        self.policy.targets.get(name).cloned().or_else(|| self.state().discovered.get(name).cloned())
    }

    fn check_discovery(&self, name: &str, origin: &str) -> Result<TargetPolicy, String> {
        if self.policy.targets.contains_key(name) {
            return Err(format!("the target {name:?} is granted by the configuration and cannot be moved"));
        }
        let origin: Origin = origin.parse()?;
        self.policy.addresses.permit_discovery(&origin)?;
        let state = self.state();
        let limit = self.policy.limits.discovered_max;
        if !state.discovered.contains_key(name) && state.discovered.len() >= limit {
            return Err(format!("more than {limit} discovered targets"));
        }
        Ok(TargetPolicy::new(origin, &self.policy.limits))
    }

    fn lane(&self, target: &str) -> Arc<Semaphore> {
        let permits = self.policy.limits.in_flight_per_target_max.max(1);
        let mut state = self.state();
        let lane = state.lanes.entry(target.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(permits)));
        Arc::clone(lane)
    }

    fn timeout(&self, target: &TargetPolicy, asked: Option<Duration>) -> Duration {
        let own = Duration::from_millis(target.request_ms_max);
        let remaining = self.state().budget.remaining(self.clock.now());
        [asked, remaining].into_iter().flatten().fold(own, Duration::min)
    }

    fn account(&self, result: Result<HttpResponse, HttpError>) -> Result<HttpResponse, HttpError> {
        let mut state = self.state();
        match result {
            Ok(response) => {
                state.budget.spend_bytes(response.body.len());
                let bytes = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
                state.counters.bytes = state.counters.bytes.saturating_add(bytes);
                state.counters.truncated += u64::from(response.truncated);
                Ok(response)
            }
            Err(error @ HttpError::Denied(_)) => Err(state.refuse(RefusalReason::Address, error)),
            Err(error @ HttpError::Redirected(_)) => Err(state.refuse(RefusalReason::Redirect, error)),
            Err(error) => Err(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse(&mut self, reason: RefusalReason, error: HttpError) -> HttpError {
        tracing::debug!(reason = reason.as_str(), %error, "request refused");
        *self.counters.refused.entry(reason).or_default() += 1;
        error
    }
}

/// The plugin's headers, checked, and those of the configuration, which win.
fn target_headers(target: &TargetPolicy, asked: &[(String, String)]) -> Result<Headers, HeaderFault> {
    let mut headers = check_headers(asked, &target.headers_allowed)?;
    headers.retain(|(name, _)| !target.headers_added.iter().any(|(added, _)| added.eq_ignore_ascii_case(name)));
    headers.extend(target.headers_added.iter().cloned());
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{DiscoveryPolicy, EgressLimits};
    use crate::ports::BoxFuture;

    /// Answers every request and remembers it; its clock stands still.
    #[derive(Default)]
    struct Fake {
        requests: Mutex<Vec<HttpRequest>>,
        answer: Option<HttpError>,
    }

    impl Http for Fake {
        fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
            self.requests.lock().unwrap().push(request);
            let response = HttpResponse {
                status: 200,
                headers: vec![],
                body: vec![0; 10],
                truncated: true,
                elapsed: Duration::ZERO,
                server_date: None,
            };
            Box::pin(std::future::ready(self.answer.clone().map_or(Ok(response), Err)))
        }
    }

    impl Clock for Fake {
        fn now(&self) -> Timestamp {
            Timestamp(1_000)
        }
        fn sleep(&self, _duration: Duration) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    fn egress(limits: EgressLimits, answer: Option<HttpError>) -> (Egress, Arc<Fake>) {
        let fake = Arc::new(Fake { answer, ..Fake::default() });
        let target = TargetPolicy {
            headers_added: vec![("x-caller-id".to_owned(), "operator".to_owned())],
            ..TargetPolicy::new("http://127.0.0.1:2379".parse().unwrap(), &limits)
        };
        let targets = BTreeMap::from([("head".to_owned(), target)]);
        let policy = EgressPolicy::new(targets, DiscoveryPolicy::default(), limits);
        (Egress::new(policy, Arc::clone(&fake) as Arc<dyn Http>, Arc::clone(&fake) as Arc<dyn Clock>), fake)
    }

    fn get(target: &str, path: &str) -> TargetRequest {
        TargetRequest {
            target: target.to_owned(),
            method: Method::Get,
            path_and_query: path.to_owned(),
            headers: vec![("X-Caller-Id".to_owned(), "plugin".to_owned())],
            timeout: None,
        }
    }

    #[tokio::test]
    async fn a_granted_request_carries_the_configured_header_and_limits() {
        let (egress, fake) = egress(EgressLimits::default(), None);
        egress.begin_tick(Timestamp(1_400));
        egress.send(get("head", "/metrics?x=1")).await.unwrap();
        let sent = fake.requests.lock().unwrap().remove(0);
        assert_eq!((sent.origin.as_str(), sent.path_and_query.as_str()), ("http://127.0.0.1:2379", "/metrics?x=1"));
        assert_eq!(sent.headers, [("x-caller-id".to_owned(), "operator".to_owned())]);
        assert_eq!(sent.timeout, Duration::from_millis(400), "no longer than the tick");
        let counters = egress.counters();
        assert_eq!((counters.sent, counters.bytes, counters.truncated), (1, 10, 1));
    }

    #[tokio::test]
    async fn what_is_refused_is_never_sent_and_is_counted_by_reason() {
        let (egress, fake) = egress(EgressLimits::default(), None);
        assert!(matches!(egress.send(get("tail", "/")).await, Err(HttpError::UnknownTarget(_))));
        assert!(matches!(egress.send(get("head", "//tail/")).await, Err(HttpError::Denied(_))));
        let with_cookie = TargetRequest { headers: vec![("cookie".into(), "a=b".into())], ..get("head", "/") };
        assert!(matches!(egress.send(with_cookie).await, Err(HttpError::Denied(_))));
        assert!(fake.requests.lock().unwrap().is_empty());
        let refused = egress.counters().refused;
        let reasons = [RefusalReason::UnknownTarget, RefusalReason::Path, RefusalReason::Header];
        assert_eq!(refused, reasons.into_iter().map(|reason| (reason, 1)).collect());
    }

    #[tokio::test]
    async fn a_spent_budget_limits_the_rate_until_the_next_tick() {
        let (egress, _) = egress(EgressLimits { requests_per_tick_max: 1, ..EgressLimits::default() }, None);
        egress.begin_tick(Timestamp(1_500));
        egress.send(get("head", "/")).await.unwrap();
        let limited = egress.send(get("head", "/")).await;
        assert_eq!(limited, Err(HttpError::RateLimited(Duration::from_millis(500))));
        egress.begin_tick(Timestamp(2_500));
        assert!(egress.send(get("head", "/")).await.is_ok());
    }

    #[tokio::test]
    async fn bytes_are_a_budget_too() {
        let (egress, _) = egress(EgressLimits { bytes_per_tick_max: 10, ..EgressLimits::default() }, None);
        egress.send(get("head", "/")).await.unwrap();
        assert!(matches!(egress.send(get("head", "/")).await, Err(HttpError::RateLimited(_))));
    }

    #[tokio::test]
    async fn after_the_deadline_nothing_is_sent() {
        let (egress, fake) = egress(EgressLimits::default(), None);
        egress.begin_tick(Timestamp(900));
        assert_eq!(egress.send(get("head", "/")).await, Err(HttpError::Timeout));
        assert!(fake.requests.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_discovered_target_can_be_asked_and_moved_but_not_outside() {
        let (egress, fake) = egress(EgressLimits::default(), None);
        egress.discover("tail", "http://127.0.0.1:20180").unwrap();
        egress.discover("tail", "http://127.0.0.1:20181").unwrap();
        egress.send(get("tail", "/")).await.unwrap();
        assert_eq!(fake.requests.lock().unwrap()[0].origin, "http://127.0.0.1:20181");
        for (name, origin) in [("tail", "http://10.0.0.1:20180"), ("head", "http://127.0.0.1:1"), ("x", "nonsense")] {
            assert!(matches!(egress.discover(name, origin), Err(HttpError::Denied(_))), "{name}");
        }
        assert_eq!(egress.counters().refused.get(&RefusalReason::Discovery), Some(&3));
        assert_eq!(egress.targets(), ["head"], "only what the configuration grants");
    }

    #[tokio::test]
    async fn the_number_of_discovered_targets_is_bounded() {
        let (egress, _) = egress(EgressLimits { discovered_max: 1, ..EgressLimits::default() }, None);
        egress.discover("a", "http://127.0.0.1:20180").unwrap();
        assert!(egress.discover("b", "http://127.0.0.1:20181").is_err());
    }

    #[tokio::test]
    async fn redirects_and_addresses_that_the_port_refuses_are_counted() {
        let (egress, _) = egress(EgressLimits::default(), Some(HttpError::Redirected("http://x".to_owned())));
        assert!(egress.send(get("head", "/")).await.is_err());
        assert_eq!(egress.counters().refused.get(&RefusalReason::Redirect), Some(&1));
    }
}
