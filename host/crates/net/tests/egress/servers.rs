//! Servers that want to exhaust, confuse or hold us: each ends as a typed answer inside of the limits.

mod malformed;

use crate::support::{Script, Server, Setup, get};
use operator_net::egress::TargetRequest;
use operator_net::ports::{HttpError, HttpResponse, Method};
use std::time::Duration;

type Answer = Result<HttpResponse, HttpError>;

/// Bytes of a body that are taken in, set in the support.
const BODY_BYTES_MAX: usize = 4_096;

/// How long a request may take here; no vector depends on it being exact.
const TIMEOUT: Duration = Duration::from_millis(250);

struct Vector {
    label: &'static str,
    script: Script,
    expected: fn(&Answer) -> bool,
}

fn vector(label: &'static str, script: Script, expected: fn(&Answer) -> bool) -> Vector {
    Vector {
        label,
        script,
        expected,
    }
}

fn says(text: &str) -> Script {
    Script::Answer(text.as_bytes().to_vec())
}

fn hangs(text: &str) -> Script {
    Script::Hang(text.as_bytes().to_vec())
}

fn endless(first: &str, then: &str) -> Script {
    Script::Endless(
        first.as_bytes().to_vec(),
        then.repeat(4_096 / then.len().max(1) + 1).into_bytes(),
    )
}

fn drips(text: &str) -> Script {
    Script::Drip(text.as_bytes().to_vec(), Duration::from_millis(5))
}

fn timeout(answer: &Answer) -> bool {
    matches!(answer, Err(HttpError::Timeout))
}

fn protocol(answer: &Answer) -> bool {
    matches!(answer, Err(HttpError::Protocol(_)))
}

fn lost(answer: &Answer) -> bool {
    matches!(answer, Err(HttpError::Connect(_)))
}

/// Any error: which of them depends on where the client notices.
fn failed(answer: &Answer) -> bool {
    answer.is_err()
}

fn cut(answer: &Answer) -> bool {
    matches!(answer, Ok(response) if response.truncated && response.body.len() == BODY_BYTES_MAX)
}

fn ok_body(answer: &Answer) -> bool {
    matches!(answer, Ok(response) if response.body == b"ok" && !response.truncated)
}

/// No more than the limits of headers and of the body.
fn bounded(answer: &Answer) -> bool {
    match answer {
        Ok(response) => {
            let headers: usize = response
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum();
            response.body.len() <= BODY_BYTES_MAX && headers <= 32 << 10
        }
        Err(_) => true,
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

fn vectors() -> Vec<Vector> {
    [
        slow(),
        large(),
        malformed::lengths(),
        malformed::encoded(),
        malformed::nonsense(),
        malformed::smuggling(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn slow() -> Vec<Vector> {
    vec![
        vector("says nothing", hangs(""), timeout),
        vector("half a status line", hangs("HTTP/1.1 2"), timeout),
        vector("a status line only", hangs("HTTP/1.1 200 OK\r\n"), timeout),
        vector(
            "headers that never end",
            hangs("HTTP/1.1 200 OK\r\nX: y\r\n"),
            timeout,
        ),
        vector(
            "a promised body that never comes",
            hangs("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            timeout,
        ),
        vector(
            "half of a promised body",
            hangs("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            timeout,
        ),
        vector(
            "a chunk that never comes",
            hangs("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            timeout,
        ),
        vector(
            "half a chunk",
            hangs("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            timeout,
        ),
        vector(
            "no last chunk",
            hangs("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
            timeout,
        ),
        vector(
            "trailers that never end",
            hangs("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n"),
            bounded,
        ),
        vector(
            "a status line by the byte",
            drips("HTTP/1.1 200 OK"),
            failed,
        ),
        vector(
            "a header by the byte",
            drips(
                "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
            timeout,
        ),
        vector(
            "a body by the byte",
            drips(
                "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
            timeout,
        ),
        vector(
            "continue and then nothing",
            hangs("HTTP/1.1 100 Continue\r\n\r\n"),
            timeout,
        ),
        vector("closes at once", Script::Slam, lost),
        vector("closes after the request", says(""), lost),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of replies")]
fn large() -> Vec<Vector> {
    let headers = |count: usize| format!("{HEAD}{}\r\n", "X-Filler: y\r\n".repeat(count));
    let wide = |bytes: usize| format!("{HEAD}X: {}\r\n\r\n", "y".repeat(bytes));
    vec![
        vector(
            "an endless body until it closes",
            endless("HTTP/1.1 200 OK\r\n\r\n", "x"),
            cut,
        ),
        vector(
            "an endless chunked body",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "1\r\nx\r\n",
            ),
            cut,
        ),
        vector(
            "one endless chunk",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
                "x",
            ),
            cut,
        ),
        vector(
            "an endless chunk extension",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
                "y",
            ),
            failed,
        ),
        vector(
            "endless chunk extensions",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "1;x=yyyyyyyyyyyyyyyy\r\nz\r\n",
            ),
            bounded,
        ),
        vector(
            "an endless chunk size",
            endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
            failed,
        ),
        vector(
            "endless trailers",
            endless(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                "X: y\r\n",
            ),
            bounded,
        ),
        vector("endless headers", endless(HEAD, "X: y\r\n"), failed),
        vector(
            "one endless header",
            endless("HTTP/1.1 200 OK\r\nX: ", "y"),
            failed,
        ),
        vector("one endless header name", endless(HEAD, "x"), failed),
        vector("an endless reason", endless("HTTP/1.1 200 ", "O"), failed),
        vector("an endless status", endless("HTTP/1.1 ", "2"), failed),
        vector(
            "endless line feeds before the status",
            endless("", "\r\n"),
            failed,
        ),
        vector(
            "endless interim answers",
            endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
            failed,
        ),
        vector(
            "endless early hints",
            endless("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
            failed,
        ),
        vector("endless zero bytes", endless("", "\0"), failed),
        vector("65 headers", says(&headers(65)), failed),
        vector("10,000 headers", says(&headers(10_000)), failed),
        vector("33 KB in one header", says(&wide(33 << 10)), failed),
        vector("1 MB in one header", says(&wide(1 << 20)), failed),
        vector(
            "a body one byte above the limit",
            says(&format!(
                "{HEAD}Content-Length: 4097\r\n\r\n{}",
                "x".repeat(4_097)
            )),
            cut,
        ),
        vector(
            "a body at the limit",
            says(&format!(
                "{HEAD}Content-Length: 4096\r\n\r\n{}",
                "x".repeat(4_096)
            )),
            |answer| matches!(answer, Ok(response) if response.body.len() == BODY_BYTES_MAX && !response.truncated),
        ),
    ]
}

pub(crate) fn labels() -> Vec<String> {
    vectors()
        .into_iter()
        .map(|vector| vector.label.to_owned())
        .collect()
}

#[tokio::test]
async fn every_server_ends_as_a_typed_answer_inside_of_the_limits() {
    for Vector {
        label,
        script,
        expected,
    } in vectors()
    {
        let server = Server::on("127.0.0.1", script).await;
        let egress = Setup::granting(&server.origin()).egress();
        let request = TargetRequest {
            timeout: Some(TIMEOUT),
            ..get("it", "/")
        };
        let answer = egress.send(request).await;
        assert!(expected(&answer), "{label}: {answer:?}");
        assert!(bounded(&answer), "{label}");
        assert_eq!(server.connections(), 1, "{label}: asked once");
    }
}

#[tokio::test]
async fn a_body_behind_head_is_not_taken_for_the_next_answer() {
    let script = says(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevilHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    );
    let server = Server::on("127.0.0.1", script).await;
    let egress = Setup::granting(&server.origin()).egress();
    for _ in 0..3 {
        let head = TargetRequest {
            method: Method::Head,
            ..get("it", "/")
        };
        assert!(matches!(egress.send(head).await, Ok(response) if response.body.is_empty()));
    }
    assert_eq!(
        server.connections(),
        3,
        "a connection with bytes left over is not used again"
    );
}
