//! Request headers that carry an identity, move a request elsewhere, or smuggle a second one.

use crate::support::{Server, Setup, get, ok};
use operator_net::egress::TargetRequest;
use operator_net::ports::HttpError;

/// Refused even where the configuration allows `*`.
const FORBIDDEN: [&str; 52] = [
    "Accept-Encoding",
    "Access-Control-Request-Method",
    "Alt-Used",
    "Authorization",
    "Client-IP",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Cookie",
    "Early-Data",
    "Expect",
    "Forwarded",
    "From",
    "HTTP2-Settings",
    "Host",
    "If-Range",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Proxy-Status",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "True-Client-IP",
    "Upgrade",
    "Via",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Envoy-Original-Path",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Original-Host",
    "X-Original-Method",
    "X-Original-URL",
    "X-Real-IP",
    "X-Rewrite-URL",
];

/// Not header names at all.
const NO_NAMES: [&str; 22] = [
    "",
    " ",
    "accept ",
    " accept",
    "accept:",
    "accept\r\n",
    "accept\r\nhost",
    "accept\n",
    "accept\0",
    "accept\t",
    "accept: x\r\nhost",
    "acc ept",
    "accept\u{a0}",
    "\u{ff48}ost",
    "ho\u{17f}t",
    "host\u{200b}",
    ":authority",
    ":path",
    "accept(",
    "accept\"",
    "accept,host",
    "accept;x",
];

/// Values that end the line, or that servers read differently.
const BAD_VALUES: [&str; 20] = [
    "\r",
    "\n",
    "\r\n",
    "a\r\nHost: b",
    "a\nHost: b",
    "a\rHost: b",
    "a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
    "a\r\n Host: b",
    "a\r\n\tb",
    "a\0",
    "a\x0b",
    "a\x0c",
    "a\x1b[2J",
    "a\x7f",
    "a\u{85}Host: b",
    "a\u{2028}Host: b",
    "\u{560a}Host: b",
    "ä",
    "\u{202e}a",
    "\u{1f600}",
];

/// Names on the list of what the target allows, in any case.
const FINE: [(&str, &str); 6] = [
    ("accept", "text/plain;q=0.5, */*"),
    ("ACCEPT", "application/json"),
    ("If-None-Match", "\"a:b\""),
    ("X-Caller-Id", "a; b=c, d"),
    ("Vendor-Allow-Follower-Handle", "true"),
    ("content-type", ""),
];

/// Not on the default list, though harmless.
const UNLISTED: [&str; 6] = [
    "X-Api-Key",
    "Accept-Language",
    "DNT",
    "User-Agent",
    "X-Allow-Follower-Handle-2",
    "Date",
];

pub(crate) fn labels() -> Vec<String> {
    let named = |kind: &str, names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{kind} {}", name.escape_debug()))
            .collect()
    };
    let upper: Vec<String> = FORBIDDEN
        .iter()
        .map(|name| format!("forbidden {}", name.to_uppercase()))
        .collect();
    let fine: Vec<&str> = FINE.iter().map(|(name, _)| *name).collect();
    let mut all = [
        named("forbidden", &FORBIDDEN),
        upper,
        named("no name", &NO_NAMES),
        named("value", &BAD_VALUES),
        named("fine", &fine),
        named("unlisted", &UNLISTED),
        named("bounds", &["17 headers", "1025 bytes"]),
    ]
    .concat();
    all.sort();
    all.dedup();
    all
}

fn with(headers: &[(&str, &str)]) -> TargetRequest {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    TargetRequest {
        headers,
        ..get("it", "/")
    }
}

#[tokio::test]
async fn headers_that_are_never_allowed_are_never_sent_whatever_is_configured() {
    let server = Server::on("127.0.0.1", ok()).await;
    let allowed = FORBIDDEN
        .iter()
        .map(|name| (*name).to_owned())
        .chain(["*".to_owned()])
        .collect();
    let egress = Setup::granting(&server.origin())
        .with_grant(|grant| grant.headers_allowed = allowed)
        .egress();
    let shouted: Vec<String> = FORBIDDEN.iter().map(|name| name.to_uppercase()).collect();
    let names = FORBIDDEN
        .iter()
        .copied()
        .chain(shouted.iter().map(String::as_str))
        .chain(NO_NAMES);
    for name in names {
        let error = egress.send(with(&[(name, "x")])).await.unwrap_err();
        assert!(matches!(error, HttpError::Denied(_)), "{name:?}: {error:?}");
    }
    for value in BAD_VALUES {
        let error = egress.send(with(&[("accept", value)])).await.unwrap_err();
        assert!(
            matches!(error, HttpError::Denied(_)),
            "{value:?}: {error:?}"
        );
    }
    let long = "x".repeat(1_025);
    assert!(egress.send(with(&[("accept", &long)])).await.is_err());
    assert!(egress.send(with(&[("accept", "x"); 17])).await.is_err());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn allowed_headers_arrive_and_nothing_but_the_clients_own_beside_them() {
    let server = Server::on("127.0.0.1", ok()).await;
    let egress = Setup::granting(&server.origin()).egress();
    for name in UNLISTED {
        assert!(egress.send(with(&[(name, "x")])).await.is_err(), "{name}");
    }
    for (name, value) in FINE {
        egress.send(with(&[(name, value)])).await.unwrap();
        let head = server.heads().remove(0);
        let lines: Vec<String> = head
            .lines()
            .skip(1)
            .filter(|line| !line.is_empty())
            .map(str::to_lowercase)
            .collect();
        assert!(
            lines.contains(&format!("{name}: {value}").to_lowercase()),
            "{name}: {lines:?}"
        );
        let own = [
            "accept:",
            "accept-encoding: identity",
            "host:",
            "user-agent: operator/",
        ];
        let others: Vec<&String> = lines
            .iter()
            .filter(|line| {
                !line.starts_with(&name.to_lowercase())
                    && !own.iter().any(|own| line.starts_with(own))
            })
            .collect();
        assert!(others.is_empty(), "{others:?}");
    }
}
