//! Names whose addresses change: between the check and the connection, between two requests, and all at once.

use crate::support::{FakeNames, Server, Setup, get, ok};
use operator_net::ports::HttpError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where the target is.
const GOOD: &str = "127.0.1.1";

/// What a resolver in the hands of an attacker says instead. The first stands for any neighbour, and a server is there.
const BAD: [&str; 18] = [
    "127.0.2.2",
    "::ffff:127.0.2.2",
    "::127.0.2.2",
    "64:ff9b::127.0.2.2",
    "2002:7f00:202::1",
    "::1",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "100.100.100.200",
    "fd00:ec2::254",
    "fe80::1",
    "224.0.0.1",
    "255.255.255.255",
];

/// How the bad address is mixed in.
const MIXES: [&str; 3] = ["alone", "before the good one", "behind the good one"];

pub(crate) fn labels() -> Vec<String> {
    let mixed = BAD
        .iter()
        .flat_map(|bad| MIXES.iter().map(move |mix| format!("{bad} {mix}")));
    let rest = [
        "within the time of a pin nobody is asked",
        "a name that never was here leads here",
        "localhost where only a network is granted",
        "a resolver that changes the port",
        "a resolver that gives nothing",
    ];
    mixed.chain(rest.map(str::to_owned)).collect()
}

fn addresses(bad: &str, mix: &str) -> Vec<std::net::IpAddr> {
    let (good, bad) = (GOOD.parse().unwrap(), bad.parse().unwrap());
    match mix {
        "alone" => vec![bad],
        "before the good one" => vec![bad, good],
        _ => vec![good, bad],
    }
}

/// The target, a server beside it on the same port, and the way out: `it` must be in 127.0.1.0/24.
async fn scene() -> (Server, Server, Setup, Arc<FakeNames>) {
    let target = Server::on(GOOD, ok()).await;
    let port = target.address.port();
    let beside = Server::at(SocketAddr::new(BAD[0].parse().unwrap(), port), ok())
        .await
        .unwrap();
    let names = Arc::new(FakeNames::default());
    let networks = vec!["127.0.1.0/24".parse().unwrap()];
    let mut setup = Setup::granting(&format!("http://it.example:{port}"))
        .with_grant(|grant| grant.networks = networks);
    setup.names = Some(Arc::clone(&names));
    (target, beside, setup, names)
}

#[tokio::test]
async fn a_name_that_is_rebound_never_leads_elsewhere() {
    let (target, beside, setup, names) = scene().await;
    let egress = setup.egress();
    for bad in BAD {
        for mix in MIXES {
            for (resolved, expected) in [
                (vec![GOOD.parse().unwrap()], true),
                (addresses(bad, mix), mix != "alone"),
            ] {
                *names.answers.lock().unwrap() = resolved;
                // Later than any pin.
                setup.clock.0.fetch_add(60_000, Ordering::SeqCst);
                let before = target.connections();
                let result = egress.send(get("it", "/")).await;
                assert_eq!(result.is_ok(), expected, "{bad} {mix}: {result:?}");
                assert_eq!(
                    target.connections() - before,
                    usize::from(expected),
                    "{bad} {mix}"
                );
                assert_eq!(beside.connections(), 0, "{bad} {mix}");
            }
        }
    }
}

#[tokio::test]
async fn within_the_time_of_a_pin_the_resolver_is_not_asked_again() {
    let (target, beside, setup, names) = scene().await;
    let egress = setup.egress();
    *names.answers.lock().unwrap() = vec![GOOD.parse().unwrap()];
    egress.send(get("it", "/")).await.unwrap();
    *names.answers.lock().unwrap() = vec![BAD[0].parse().unwrap()];
    for _ in 0..5 {
        egress.send(get("it", "/")).await.unwrap();
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    assert_eq!((target.connections(), beside.connections()), (6, 0));
}

#[tokio::test]
async fn a_name_that_was_elsewhere_cannot_become_this_machine() {
    let here = Server::on("127.0.0.1", ok()).await;
    let names = Arc::new(FakeNames::default());
    let mut setup = Setup::granting(&format!("http://it.example:{}", here.address.port()))
        .with_grant(|grant| grant.request_ms_max = 50);
    setup.names = Some(Arc::clone(&names));
    let egress = setup.egress();
    // Documentation addresses: there is no answer, but the name is known to be out in the world.
    *names.answers.lock().unwrap() = vec!["192.0.2.1".parse().unwrap()];
    assert!(egress.send(get("it", "/")).await.is_err());
    for rebound in ["127.0.0.1", "::1", "10.0.0.1"] {
        *names.answers.lock().unwrap() = vec![rebound.parse().unwrap()];
        setup.clock.0.fetch_add(60_000, Ordering::SeqCst);
        let error = egress.send(get("it", "/")).await;
        assert!(
            matches!(error, Err(HttpError::Denied(_))),
            "{rebound}: {error:?}"
        );
    }
    assert_eq!(here.connections(), 0);
}

#[tokio::test]
async fn the_systems_resolver_is_checked_as_well() {
    let here = Server::on("127.0.0.1", ok()).await;
    let networks = vec!["10.0.0.0/8".parse().unwrap()];
    let setup = Setup::granting(&format!("http://localhost:{}", here.address.port()))
        .with_grant(|grant| grant.networks = networks);
    let error = setup.egress().send(get("it", "/")).await;
    assert!(matches!(error, Err(HttpError::Denied(_))), "{error:?}");
    assert_eq!(here.connections(), 0);
}

#[tokio::test]
async fn a_resolver_without_an_answer_is_a_dns_error() {
    let (target, _, setup, _) = scene().await;
    let error = setup.egress().send(get("it", "/")).await;
    assert!(matches!(error, Err(HttpError::Dns(_))), "{error:?}");
    assert_eq!(target.connections(), 0);
}
