//! Rules of methods, paths and names: what is not written is not asked.

use crate::support::{Server, Setup, get, grant, ok};
use operator_net::egress::{DiscoveryRule, PathRule, TargetRequest};
use operator_net::ports::{HttpError, Method, PostBody};

/// Rules, a path, and whether it may be asked.
const PATHS: [(&[&str], &str, bool); 44] = [
    (&["/metrics"], "/metrics", true),
    (&["/metrics"], "/metrics?x=/admin", true),
    (&["/metrics"], "/%6detrics", true),
    (&["/metrics"], "/metric%73?x", true),
    (&["/metrics"], "/", false),
    (&["/metrics"], "/metrics/", false),
    (&["/metrics"], "/metrics/x", false),
    (&["/metrics"], "/metricsx", false),
    (&["/metrics"], "/metrics%20", false),
    (&["/metrics"], "/metrics;x=1", false),
    (&["/metrics"], "/metrics%2f", false),
    (&["/metrics"], "/metrics%3fx", false),
    (&["/metrics"], "/Metrics", false),
    (&["/metrics"], "/METRICS", false),
    (&["/metrics"], "/x/metrics", false),
    (&["/metrics"], "/x?/metrics", false),
    (&["/metrics"], "/admin?path=/metrics", false),
    (&["/metrics"], "/m%65trics.json", false),
    (&["/a/*/c"], "/a/b/c", true),
    (&["/a/*/c"], "/a/%62/c", true),
    (&["/a/*/c"], "/a/b;x/c", true),
    (&["/a/*/c"], "/a/c", false),
    (&["/a/*/c"], "/a/b/b/c", false),
    (&["/a/*/c"], "/a/b%2fb/c", false),
    (&["/a/*/c"], "/a%2fb%2fc", false),
    (&["/a/*/c"], "/a/b/c/d", false),
    (&["/a/*/c"], "/a/*/d", false),
    (&["/a/v*"], "/a/v1", true),
    (&["/a/v*"], "/a/v", true),
    (&["/a/v*"], "/a/v1/x", false),
    (&["/a/v*"], "/a/xv1", false),
    (&["/a/*-b-*"], "/a/x-b-y", true),
    (&["/a/*-b-*"], "/a/x-c-y", false),
    (&["/api/**"], "/api/x", true),
    (&["/api/**"], "/api/x/y/z?q", true),
    (&["/api/**"], "/api", false),
    (&["/api/**"], "/apix/y", false),
    (&["/api/**"], "/x/api/y", false),
    (&["/api/**"], "/%61pi/x", true),
    (&["/a", "/b/**"], "/a", true),
    (&["/a", "/b/**"], "/b/c", true),
    (&["/a", "/b/**"], "/c", false),
    (&["/**"], "/anything/at/all?x", true),
    (&[], "/anything", true),
];

/// Names of targets that are not granted. `it` is.
const NAMES: [&str; 32] = [
    "",
    " ",
    "IT",
    "It",
    "it ",
    " it",
    "it.",
    "it/",
    "/it",
    "it\0",
    "it\n",
    "it:80",
    "it@it",
    "it#",
    "it?",
    "it/../it",
    "../it",
    "i\u{200b}t",
    "\u{456}t",
    "i\u{ff54}",
    "*",
    "**",
    "%69t",
    "http://it",
    "http://127.0.0.1",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "//it",
    "it,it",
    "it\u{202e}",
    "targets.it",
];

pub(crate) fn labels() -> Vec<String> {
    let paths = PATHS
        .iter()
        .map(|(rules, path, _)| format!("{rules:?} {path}"));
    let names = NAMES
        .iter()
        .map(|name| format!("name {}", name.escape_debug()));
    let rest = [
        "HEAD where only GET",
        "GET where only HEAD",
        "alias of a restricted target",
        "name without a rule",
    ];
    paths.chain(names).chain(rest.map(str::to_owned)).collect()
}

#[tokio::test]
async fn only_paths_that_a_rule_names_are_asked() {
    let server = Server::on("127.0.0.1", ok()).await;
    for (rules, path, permitted) in PATHS {
        let rules: Vec<PathRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let egress = Setup::granting(&server.origin())
            .with_grant(|grant| grant.paths = rules.clone())
            .egress();
        let before = server.connections();
        let result = egress.send(get("it", path)).await;
        let connected = server.connections() - before;
        assert_eq!(
            (result.is_ok(), connected),
            (permitted, usize::from(permitted)),
            "{rules:?} {path}: {result:?}"
        );
    }
}

/// A question in a body, as etcd wants it.
fn post(path: &str, content_type: &str, bytes: usize) -> TargetRequest {
    TargetRequest {
        method: Method::Post,
        body: Some(PostBody {
            content_type: content_type.to_owned(),
            bytes: vec![b' '; bytes],
        }),
        ..get("it", path)
    }
}

#[tokio::test]
async fn a_post_goes_only_to_paths_that_are_marked_as_read_only() {
    let server = Server::on("127.0.0.1", ok()).await;
    let status = "/v3/maintenance/status";
    let egress = Setup::granting(&server.origin())
        .with_grant(|grant| grant.read_only_posts = vec![status.parse().unwrap()])
        .egress();
    assert!(
        egress
            .send(post(status, "application/json", 2))
            .await
            .is_ok()
    );
    let before = server.connections();
    let refused = [
        post("/v3/kv/put", "application/json", 2),
        post(&format!("{status}/../kv/put"), "application/json", 2),
        post(status, "application/json\r\nX-Other: 1", 2),
        post(status, "", 2),
        post(status, "application/json", (64 << 10) + 1),
        TargetRequest {
            body: None,
            ..post(status, "application/json", 2)
        },
        TargetRequest {
            method: Method::Get,
            ..post(status, "application/json", 2)
        },
    ];
    for request in refused {
        let error = egress.send(request.clone()).await;
        assert!(
            matches!(error, Err(HttpError::Denied(_))),
            "{request:?}: {error:?}"
        );
    }
    assert_eq!(server.connections(), before, "nothing was sent");
}

#[tokio::test]
async fn without_a_marked_path_there_is_no_post() {
    let server = Server::on("127.0.0.1", ok()).await;
    let egress = Setup::granting(&server.origin()).egress();
    let error = egress.send(post("/", "application/json", 2)).await;
    assert!(matches!(error, Err(HttpError::Denied(_))), "{error:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn only_granted_methods_are_used() {
    let server = Server::on("127.0.0.1", ok()).await;
    for (granted, other) in [(Method::Get, Method::Head), (Method::Head, Method::Get)] {
        let egress = Setup::granting(&server.origin())
            .with_grant(|grant| grant.methods = vec![granted])
            .egress();
        let before = server.connections();
        let error = egress
            .send(TargetRequest {
                method: other,
                ..get("it", "/")
            })
            .await;
        assert!(matches!(error, Err(HttpError::Denied(_))), "{error:?}");
        assert_eq!(server.connections(), before);
        assert!(
            egress
                .send(TargetRequest {
                    method: granted,
                    ..get("it", "/")
                })
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn names_that_are_not_granted_are_unknown_however_they_look() {
    let server = Server::on("127.0.0.1", ok()).await;
    let egress = Setup::granting(&server.origin()).egress();
    for name in NAMES {
        let error = egress.send(get(name, "/")).await;
        assert!(
            matches!(error, Err(HttpError::UnknownTarget(_))),
            "{name:?}: {error:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_second_name_for_a_restricted_target_does_not_loosen_its_rules() {
    let server = Server::on("127.0.0.1", ok()).await;
    let port = server.address.port();
    let only_metrics = vec!["/metrics".parse().unwrap()];
    let egress = Setup::granting(&server.origin())
        .with_grant(|grant| grant.paths = only_metrics)
        .egress();
    for alias in ["127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost"] {
        let result = match egress.discover("alias", &format!("http://{alias}:{port}")) {
            Ok(()) => egress.send(get("alias", "/admin")).await,
            Err(error) => Err(error),
        };
        assert!(
            matches!(result, Err(HttpError::Denied(_))),
            "{alias}: {result:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn where_there_are_rules_a_discovered_name_needs_one() {
    let server = Server::on("127.0.0.1", ok()).await;
    let mut setup = Setup::granting("http://127.0.0.1:1");
    let rule = DiscoveryRule {
        name: "stores".to_owned(),
        targets: "store-*".to_owned(),
        ports: None,
        grant: grant(),
    };
    setup.rules = vec![rule];
    let egress = setup.egress();
    for name in ["store", "xstore-1", "STORE-1", "other"] {
        assert!(
            matches!(
                egress.discover(name, &server.origin()),
                Err(HttpError::Denied(_))
            ),
            "{name}"
        );
    }
    egress.discover("store-1", &server.origin()).unwrap();
    assert!(egress.send(get("store-1", "/")).await.is_ok());
}
