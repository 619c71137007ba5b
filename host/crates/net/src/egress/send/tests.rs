//! Against a port that remembers what it was asked to send.

use super::*;
use crate::egress::{DiscoveryPolicy, DiscoveryRule, EgressLimits, Rate};
use crate::ports::BoxFuture;

/// Answers every request and remembers it; its clock stands still.
#[derive(Default)]
struct Fake {
    requests: Mutex<Vec<HttpRequest>>,
    answer: Option<HttpError>,
}

impl Http for Fake {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.requests.lock().push(request);
        let response = HttpResponse {
            status: 200,
            headers: vec![],
            body: vec![0; 10],
            truncated: true,
            elapsed: Duration::ZERO,
            server_date: None,
        };
        Box::pin(std::future::ready(
            self.answer.clone().map_or(Ok(response), Err),
        ))
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
    let fake = Arc::new(Fake {
        answer,
        ..Fake::default()
    });
    let mut target = TargetPolicy::new("http://127.0.0.1:2379".parse().unwrap(), &limits);
    target.grant.headers_added = vec![("x-caller-id".to_owned(), "operator".to_owned())];
    let targets = BTreeMap::from([("head".to_owned(), target)]);
    let policy = EgressPolicy::new(targets, DiscoveryPolicy::default(), limits);
    (
        Egress::new(
            policy,
            Arc::clone(&fake) as Arc<dyn Http>,
            Arc::clone(&fake) as Arc<dyn Clock>,
        ),
        fake,
    )
}

fn get(target: &str, path: &str) -> TargetRequest {
    TargetRequest {
        target: target.to_owned(),
        method: Method::Get,
        body: None,
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
    let sent = fake.requests.lock().remove(0);
    assert_eq!(
        (sent.origin.as_str(), sent.path_and_query.as_str()),
        ("http://127.0.0.1:2379", "/metrics?x=1")
    );
    assert_eq!(
        sent.headers,
        [("x-caller-id".to_owned(), "operator".to_owned())]
    );
    assert_eq!(
        sent.timeout,
        Duration::from_millis(400),
        "no longer than the tick"
    );
    let counters = egress.counters();
    assert_eq!(
        (counters.sent, counters.bytes, counters.truncated),
        (1, 10, 1)
    );
}

#[tokio::test]
async fn what_is_refused_is_never_sent_and_is_counted_by_reason() {
    let (egress, fake) = egress(EgressLimits::default(), None);
    assert!(matches!(
        egress.send(get("tail", "/")).await,
        Err(HttpError::UnknownTarget(_))
    ));
    assert!(matches!(
        egress.send(get("head", "//tail/")).await,
        Err(HttpError::Denied(_))
    ));
    let with_cookie = TargetRequest {
        headers: vec![("cookie".into(), "a=b".into())],
        ..get("head", "/")
    };
    assert!(matches!(
        egress.send(with_cookie).await,
        Err(HttpError::Denied(_))
    ));
    assert!(fake.requests.lock().is_empty());
    let refused = egress.counters().refused;
    let reasons = [
        RefusalReason::UnknownTarget,
        RefusalReason::Path,
        RefusalReason::Header,
    ];
    assert_eq!(
        refused,
        reasons.into_iter().map(|reason| (reason, 1)).collect()
    );
}

#[tokio::test]
async fn a_spent_budget_limits_the_rate_until_the_next_tick() {
    let (egress, _) = egress(
        EgressLimits {
            requests_per_tick_max: 1,
            ..EgressLimits::default()
        },
        None,
    );
    egress.begin_tick(Timestamp(1_500));
    egress.send(get("head", "/")).await.unwrap();
    let limited = egress.send(get("head", "/")).await;
    assert_eq!(
        limited,
        Err(HttpError::RateLimited(Duration::from_millis(500)))
    );
    egress.begin_tick(Timestamp(2_500));
    assert!(egress.send(get("head", "/")).await.is_ok());
}

#[tokio::test]
async fn bytes_are_a_budget_too() {
    let (egress, _) = egress(
        EgressLimits {
            bytes_per_tick_max: 10,
            ..EgressLimits::default()
        },
        None,
    );
    egress.send(get("head", "/")).await.unwrap();
    assert!(matches!(
        egress.send(get("head", "/")).await,
        Err(HttpError::RateLimited(_))
    ));
}

#[tokio::test]
async fn after_the_deadline_nothing_is_sent() {
    let (egress, fake) = egress(EgressLimits::default(), None);
    egress.begin_tick(Timestamp(900));
    let error = egress.send(get("head", "/")).await;
    assert!(matches!(error, Err(HttpError::NotSent(_))), "{error:?}");
    assert!(fake.requests.lock().is_empty());
}

#[tokio::test]
async fn a_discovered_target_can_be_asked_and_moved_but_not_outside() {
    let (egress, fake) = egress(EgressLimits::default(), None);
    egress.discover("tail", "http://127.0.0.1:20180").unwrap();
    egress.discover("tail", "http://127.0.0.1:20181").unwrap();
    egress.send(get("tail", "/")).await.unwrap();
    assert_eq!(fake.requests.lock()[0].origin, "http://127.0.0.1:20181");
    for (name, origin) in [
        ("tail", "http://10.0.0.1:20180"),
        ("head", "http://127.0.0.1:1"),
        ("x", "nonsense"),
    ] {
        assert!(
            matches!(egress.discover(name, origin), Err(HttpError::Denied(_))),
            "{name}"
        );
    }
    assert_eq!(
        egress.counters().refused.get(&RefusalReason::Discovery),
        Some(&3)
    );
    assert_eq!(
        egress.targets(),
        ["head"],
        "only what the configuration grants"
    );
}

#[tokio::test]
async fn the_number_of_discovered_targets_is_bounded() {
    let (egress, _) = egress(
        EgressLimits {
            discovered_max: 1,
            ..EgressLimits::default()
        },
        None,
    );
    egress.discover("a", "http://127.0.0.1:20180").unwrap();
    assert!(egress.discover("b", "http://127.0.0.1:20181").is_err());
}

#[tokio::test]
async fn redirects_and_addresses_that_the_port_refuses_are_counted() {
    let (egress, _) = egress(
        EgressLimits::default(),
        Some(HttpError::Redirected("http://x".to_owned())),
    );
    assert!(egress.send(get("head", "/")).await.is_err());
    assert_eq!(
        egress.counters().refused.get(&RefusalReason::Redirect),
        Some(&1)
    );
}

/// A policy with one target, changed by the case.
fn egress_with(change: impl FnOnce(&mut Grant)) -> (Egress, Arc<Fake>) {
    let limits = EgressLimits::default();
    let mut target = TargetPolicy::new("http://127.0.0.1:2379".parse().unwrap(), &limits);
    change(&mut target.grant);
    let policy = EgressPolicy::new(
        BTreeMap::from([("head".to_owned(), target)]),
        DiscoveryPolicy::default(),
        limits,
    );
    let fake = Arc::new(Fake::default());
    (
        Egress::new(
            policy,
            Arc::clone(&fake) as Arc<dyn Http>,
            Arc::clone(&fake) as Arc<dyn Clock>,
        ),
        fake,
    )
}

#[tokio::test]
async fn only_granted_methods_and_paths_are_asked_also_under_another_name() {
    let (egress, fake) = egress_with(|grant| {
        grant.methods = vec![Method::Get];
        grant.paths = vec!["/metrics".parse().unwrap()];
    });
    egress.discover("alias", "http://127.0.0.1:2379").unwrap();
    for name in ["head", "alias"] {
        assert!(egress.send(get(name, "/metrics?all=1")).await.is_ok());
        assert!(matches!(
            egress.send(get(name, "/admin")).await,
            Err(HttpError::Denied(_))
        ));
        let head = TargetRequest {
            method: Method::Head,
            ..get(name, "/metrics")
        };
        assert!(matches!(egress.send(head).await, Err(HttpError::Denied(_))));
    }
    assert_eq!(fake.requests.lock().len(), 2);
    let refused = egress.counters().refused;
    assert_eq!(
        (
            refused[&RefusalReason::Path],
            refused[&RefusalReason::Method]
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn one_origin_has_one_bucket_whatever_it_is_called() {
    let rate = Rate {
        requests_per_second_max: 1,
        requests_burst_max: 2,
    };
    let (egress, _) = egress_with(|grant| grant.rate = rate);
    egress.discover("alias", "http://127.0.0.1:2379").unwrap();
    assert!(
        egress.send(get("head", "/")).await.is_ok() && egress.send(get("alias", "/")).await.is_ok()
    );
    assert_eq!(
        egress.send(get("alias", "/")).await,
        Err(HttpError::RateLimited(Duration::from_secs(1)))
    );
    assert_eq!(
        egress.counters().refused.get(&RefusalReason::Rate),
        Some(&1)
    );
}

#[tokio::test]
async fn with_rules_a_discovered_target_gets_what_its_rule_says_and_others_nothing() {
    let limits = EgressLimits::default();
    let paths = vec!["/status".parse().unwrap()];
    let grant = Grant {
        paths,
        credentials: Some("discovered.tails".to_owned()),
        ..Grant::new(&limits)
    };
    let rule = DiscoveryRule {
        name: "tails".to_owned(),
        targets: "tail-*".to_owned(),
        ports: None,
        grant,
    };
    let target = TargetPolicy::new("http://127.0.0.1:2379".parse().unwrap(), &limits);
    let targets = BTreeMap::from([("head".to_owned(), target)]);
    let policy =
        EgressPolicy::new(targets, DiscoveryPolicy::default(), limits).with_rules(vec![rule]);
    let fake = Arc::new(Fake::default());
    let egress = Egress::new(
        policy,
        Arc::clone(&fake) as Arc<dyn Http>,
        Arc::clone(&fake) as Arc<dyn Clock>,
    );
    egress.discover("tail-1", "http://127.0.0.1:20180").unwrap();
    assert!(
        egress.discover("other", "http://127.0.0.1:20180").is_err(),
        "no rule fits"
    );
    egress.send(get("tail-1", "/status")).await.unwrap();
    assert!(egress.send(get("tail-1", "/config")).await.is_err());
    assert_eq!(
        fake.requests.lock()[0].credentials.as_deref(),
        Some("discovered.tails")
    );
}
