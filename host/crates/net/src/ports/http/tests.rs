//! Against a server on loopback that answers whatever the case wants.

use super::*;
use crate::egress::DiscoveryPolicy;
use operator_model::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
    fn sleep(&self, _duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A server that reads a request and writes `answer`; then it closes, or waits for ever.
async fn server(answer: Vec<u8>, closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 8_192];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                if !closes {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    origin
}

fn http(origin: &str, settings: OriginSettings) -> ReqwestHttp {
    let origin: Origin = origin.parse().unwrap();
    let addresses =
        AddressPolicy::new(BTreeSet::from([origin.clone()]), DiscoveryPolicy::default());
    ReqwestHttp::new(
        Arc::new(StandingClock),
        Arc::new(addresses),
        BTreeMap::from([("it".to_owned(), settings)]),
    )
}

fn get(origin: &str) -> HttpRequest {
    HttpRequest {
        origin: origin.to_owned(),
        method: Method::Get,
        body: None,
        path_and_query: "/x?y=1".to_owned(),
        headers: vec![("accept".to_owned(), "text/plain".to_owned())],
        timeout: Duration::from_secs(20),
        body_bytes_max: 16,
        credentials: Some("it".to_owned()),
    }
}

async fn ask(answer: &str) -> Result<HttpResponse, HttpError> {
    let origin = server(answer.as_bytes().to_vec(), true).await;
    http(&origin, OriginSettings::default())
        .send(get(&origin))
        .await
}

#[tokio::test]
async fn an_answer_comes_with_its_date_and_without_hidden_headers() {
    let answer = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a=b\r\nX-Own: 1\r\n\
                  Content-Length: 2\r\n\r\nok";
    let response = ask(answer).await.unwrap();
    assert_eq!(
        (
            response.status,
            response.body.as_slice(),
            response.truncated
        ),
        (200, b"ok".as_slice(), false)
    );
    assert_eq!(response.server_date, Some(Timestamp(784_111_777_000)));
    let names: Vec<&str> = response
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(
        names.contains(&"x-own") && !names.contains(&"set-cookie"),
        "{names:?}"
    );
}

#[tokio::test]
async fn error_answers_are_answers_and_not_errors() {
    let response = ask("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait")
        .await
        .unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (503, b"wait".as_slice())
    );
    assert_eq!(ask("HTTP/1.1 304 Same\r\n\r\n").await.unwrap().status, 304);
}

#[tokio::test]
async fn a_body_is_cut_at_the_limit() {
    let response = ask(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000)))
        .await
        .unwrap();
    assert_eq!((response.body.len(), response.truncated), (16, true));
}

#[tokio::test]
async fn a_redirect_is_reported_and_never_followed() {
    let error = ask("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/secret\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(
        error,
        Err(HttpError::Redirected(
            "http://169.254.169.254/secret".to_owned()
        ))
    );
}

#[tokio::test]
async fn only_a_refused_connection_is_called_refused() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let origin = format!("http://{unused}");
    let error = http(&origin, OriginSettings::default())
        .send(get(&origin))
        .await;
    assert_eq!(error, Err(HttpError::Refused));
    assert!(
        matches!(ask("").await, Err(HttpError::Connect(_))),
        "closed without an answer"
    );
    let cut = ask("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").await;
    assert!(matches!(cut, Err(HttpError::Connect(_))), "{cut:?}");
    let nonsense = ask("SSH-2.0-server\r\n").await;
    assert!(
        matches!(nonsense, Err(HttpError::Protocol(_))),
        "{nonsense:?}"
    );
}

#[tokio::test]
async fn too_many_headers_are_a_protocol_error() {
    let many = "X: y\r\n".repeat(65);
    assert!(matches!(
        ask(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await,
        Err(HttpError::Protocol(_))
    ));
    let large = format!("X: {}\r\n", "y".repeat(33_000));
    assert!(matches!(
        ask(&format!("HTTP/1.1 200 OK\r\n{large}\r\n")).await,
        Err(HttpError::Protocol(_))
    ));
}

#[tokio::test]
async fn a_server_that_never_ends_meets_the_deadline() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"] {
        let origin = server(answer.as_bytes().to_vec(), false).await;
        let request = HttpRequest {
            timeout: Duration::from_millis(100),
            ..get(&origin)
        };
        assert_eq!(
            http(&origin, OriginSettings::default()).send(request).await,
            Err(HttpError::Timeout)
        );
    }
}

#[tokio::test]
async fn a_credential_that_the_server_echoes_is_not_passed_on() {
    let origin = server(
        b"HTTP/1.1 200 OK\r\nX-Echo: s3cret\r\nContent-Length: 6\r\n\r\ns3cret".to_vec(),
        true,
    )
    .await;
    let settings = OriginSettings::default().with_bearer("s3cret");
    let response = http(&origin, settings).send(get(&origin)).await.unwrap();
    assert_eq!(response.body, b"***");
    assert!(
        response
            .headers
            .contains(&("x-echo".to_owned(), "***".to_owned()))
    );
}

#[tokio::test]
async fn an_address_outside_the_policy_is_not_connected_to() {
    let origin = server(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), true).await;
    let elsewhere = http("http://10.0.0.1:80", OriginSettings::default());
    assert!(matches!(
        elsewhere.send(get(&origin)).await,
        Err(HttpError::Denied(_))
    ));
    let by_name = origin.replace("127.0.0.1", "localhost");
    assert!(matches!(
        elsewhere.send(get(&by_name)).await,
        Err(HttpError::Denied(_))
    ));
}

#[tokio::test]
async fn a_granted_name_is_resolved_checked_and_pinned() {
    let origin = server(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
        true,
    )
    .await;
    let by_name = origin.replace("127.0.0.1", "localhost");
    let response = http(&by_name, OriginSettings::default())
        .send(get(&by_name))
        .await
        .unwrap();
    assert_eq!(response.body, b"ok");
    // A label of more than 63 characters: no resolver can know it, and none is asked.
    let nowhere = format!("http://{}.invalid:80", "x".repeat(64));
    let error = http(&nowhere, OriginSettings::default())
        .send(get(&nowhere))
        .await;
    assert!(matches!(error, Err(HttpError::Dns(_))), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_error() {
    let origin = server(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), true)
        .await
        .replace("http://", "https://");
    let settings = OriginSettings {
        ca_pem: Some(Vec::new()),
        ..OriginSettings::default()
    };
    let error = http(&origin, settings).send(get(&origin)).await;
    assert!(matches!(error, Err(HttpError::Tls(_))), "{error:?}");
}
