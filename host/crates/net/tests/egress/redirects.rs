//! Answers that want us elsewhere.

use crate::support::{Server, Setup, answer, get, ok};
use operator_net::egress::TargetRequest;
use operator_net::ports::{HttpError, Method};

const STATUSES: [&str; 10] = [
    "300 Multiple Choices",
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "305 Use Proxy",
    "306 Switch Proxy",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
    "310 Unknown",
    "399 Unknown",
];

/// `ELSEWHERE` is a server on this machine that must not be asked.
const LOCATIONS: [&str; 9] = [
    "Location: http://ELSEWHERE/\r\n",
    "Location: //ELSEWHERE/\r\n",
    "location: HTTP://ELSEWHERE\r\n",
    "Location: http://it@ELSEWHERE/\r\n",
    "Location: /elsewhere\r\n",
    "Location: http://169.254.169.254/latest/meta-data/\r\n",
    "Location: file:///etc/passwd\r\n",
    "Location: http://ELSEWHERE/\r\nLocation: http://ELSEWHERE/2\r\n",
    "",
];

/// Answers that are no redirects, with headers or bodies that some clients follow.
const TEMPTING: [(&str, &str, &str); 12] = [
    ("200 OK", "Refresh: 0; url=http://ELSEWHERE/\r\n", ""),
    ("200 OK", "Location: http://ELSEWHERE/\r\n", ""),
    ("200 OK", "Content-Location: http://ELSEWHERE/\r\n", ""),
    ("200 OK", "Alt-Svc: h2=\"ELSEWHERE\"\r\n", ""),
    ("200 OK", "Alternates: {\"http://ELSEWHERE/\" 1.0}\r\n", ""),
    ("200 OK", "Link: <http://ELSEWHERE/>; rel=preload\r\n", ""),
    (
        "200 OK",
        "",
        "<meta http-equiv=refresh content='0;url=http://ELSEWHERE/'>",
    ),
    ("201 Created", "Location: http://ELSEWHERE/\r\n", ""),
    (
        "401 Unauthorized",
        "WWW-Authenticate: Basic realm=\"http://ELSEWHERE/\"\r\n",
        "",
    ),
    (
        "407 Proxy Authentication Required",
        "Proxy-Authenticate: Basic\r\n",
        "",
    ),
    (
        "421 Misdirected Request",
        "Location: http://ELSEWHERE/\r\n",
        "",
    ),
    (
        "503 Service Unavailable",
        "Retry-After: 0\r\nLocation: http://ELSEWHERE/\r\n",
        "",
    ),
];

pub(crate) fn labels() -> Vec<String> {
    let redirects = STATUSES.iter().flat_map(|status| {
        LOCATIONS
            .iter()
            .map(move |location| format!("{status} {}", location.escape_debug()))
    });
    let tempting = TEMPTING
        .iter()
        .map(|(status, headers, body)| format!("{status} {} {body}", headers.escape_debug()));
    redirects.chain(tempting).collect()
}

#[tokio::test]
async fn no_redirect_is_followed_and_each_is_reported() {
    let (server, elsewhere) = (
        Server::on("127.0.0.1", ok()).await,
        Server::on("127.0.0.1", ok()).await,
    );
    let egress = Setup::granting(&server.origin()).egress();
    for status in STATUSES {
        for location in LOCATIONS {
            server.play(answer(
                status,
                &location.replace("ELSEWHERE", &elsewhere.address.to_string()),
                "",
            ));
            for method in [Method::Get, Method::Head] {
                let before = server.connections();
                let result = egress
                    .send(TargetRequest {
                        method,
                        ..get("it", "/")
                    })
                    .await;
                assert!(
                    matches!(result, Err(HttpError::Redirected(_))),
                    "{status} {location}: {result:?}"
                );
                assert_eq!(
                    server.connections() - before,
                    1,
                    "asked once: {status} {location}"
                );
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn other_answers_lead_nowhere_either() {
    let (server, elsewhere) = (
        Server::on("127.0.0.1", ok()).await,
        Server::on("127.0.0.1", ok()).await,
    );
    let egress = Setup::granting(&server.origin()).egress();
    for (status, headers, body) in TEMPTING {
        let place = elsewhere.address.to_string();
        server.play(answer(
            status,
            &headers.replace("ELSEWHERE", &place),
            &body.replace("ELSEWHERE", &place),
        ));
        let before = server.connections();
        let response = egress.send(get("it", "/")).await.unwrap();
        assert!(status.starts_with(&response.status.to_string()), "{status}");
        assert_eq!(server.connections() - before, 1, "asked once: {status}");
        let shown: Vec<&str> = response
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            !shown
                .iter()
                .any(|name| ["location", "www-authenticate", "proxy-authenticate"].contains(name))
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}
