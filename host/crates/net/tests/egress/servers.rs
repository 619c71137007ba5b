//! Servers that want to exhaust, confuse or hold us: each ends as a typed answer inside of the limits.

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
        lengths(),
        encoded(),
        nonsense(),
        smuggling(),
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

fn lengths() -> Vec<Vector> {
    let of = |length: &str| {
        says(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nok"
        ))
    };
    vec![
        vector("a length above the body", of("9"), lost),
        vector(
            "a length below the body",
            of("1"),
            |answer| matches!(answer, Ok(response) if response.body == b"o"),
        ),
        vector(
            "a length of zero before a body",
            of("0"),
            |answer| matches!(answer, Ok(response) if response.body.is_empty()),
        ),
        vector("a negative length", of("-1"), failed),
        vector("a signed length", of("+2"), failed),
        vector("a length in hexadecimal", of("0x2"), failed),
        vector("a length with a fraction", of("2.0"), failed),
        vector("a length with an exponent", of("2e0"), failed),
        vector("a length above 64 bits", of("18446744073709551618"), failed),
        vector("the largest length", of("18446744073709551615"), failed),
        vector("an empty length", of(""), failed),
        vector("a length of words", of("two"), failed),
        vector("two equal lengths in one", of("2, 2"), bounded),
        vector("two different lengths in one", of("2, 1"), failed),
        vector(
            "two different lengths",
            says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\nok"),
            failed,
        ),
        vector(
            "two equal lengths",
            says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
            bounded,
        ),
        vector(
            "a length and chunks",
            says(
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            bounded,
        ),
    ]
}

fn encoded() -> Vec<Vector> {
    // 10 MB of zeros, by gzip and by its inventors' other formats: what matters is that nobody unpacks it.
    let bomb = |coding: &str| {
        Script::Answer(
            [
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nConnection: close\r\n\r\n"
                )
                .into_bytes(),
                vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
            ]
            .concat(),
        )
    };
    let transfer = |coding: &str| {
        says(&format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        ))
    };
    vec![
        vector("gzip", bomb("gzip"), protocol),
        vector("GZIP", bomb("GZIP"), protocol),
        vector("x-gzip", bomb("x-gzip"), protocol),
        vector("deflate", bomb("deflate"), protocol),
        vector("br", bomb("br"), protocol),
        vector("zstd", bomb("zstd"), protocol),
        vector("compress", bomb("compress"), protocol),
        vector("gzip in gzip", bomb("gzip, gzip"), protocol),
        vector("identity and gzip", bomb("identity, gzip"), protocol),
        vector("an unknown coding", bomb("rot13"), protocol),
        vector("a tab before gzip", bomb("\tgzip"), protocol),
        vector(
            "identity",
            says("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"),
            ok_body,
        ),
        vector(
            "gzip as a transfer coding",
            transfer("gzip, chunked"),
            failed,
        ),
        vector("gzip behind chunked", transfer("chunked, gzip"), failed),
        vector("chunked twice", transfer("chunked, chunked"), bounded),
        vector("chunked", transfer("chunked"), ok_body),
        vector("Chunked", transfer("Chunked"), ok_body),
    ]
}

fn nonsense() -> Vec<Vector> {
    vec![
        vector("SSH", says("SSH-2.0-OpenSSH\r\n"), protocol),
        vector("HTTP/0.9", says("<html>"), failed),
        vector(
            "HTTP/2 preface",
            says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            failed,
        ),
        vector("HTTP/3.0", says("HTTP/3.0 200 OK\r\n\r\n"), failed),
        vector("TLS", Script::Answer(vec![0x15, 3, 1, 0, 2, 2, 40]), failed),
        vector("binary", Script::Answer((0..=255).collect()), failed),
        vector("no status", says("HTTP/1.1 OK\r\n\r\n"), failed),
        vector("status 99", says("HTTP/1.1 99 X\r\n\r\n"), failed),
        vector("status 1000", says("HTTP/1.1 1000 X\r\n\r\n"), failed),
        vector("status -1", says("HTTP/1.1 -1 X\r\n\r\n"), failed),
        vector(
            "status 101",
            says(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nrest",
            ),
            bounded,
        ),
        vector(
            "status 999",
            says("HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nok"),
            bounded,
        ),
        vector(
            "a header without a colon",
            says("HTTP/1.1 200 OK\r\nX\r\n\r\n"),
            failed,
        ),
        vector(
            "a blank before the colon",
            says("HTTP/1.1 200 OK\r\nX : y\r\n\r\n"),
            failed,
        ),
        vector(
            "a header name with a line feed",
            says("HTTP/1.1 200 OK\r\nX\nY: z\r\n\r\n"),
            bounded,
        ),
        vector(
            "a header value with a zero",
            says("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"),
            failed,
        ),
        vector(
            "a folded header",
            says("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
            bounded,
        ),
        vector(
            "a header value in Latin-1",
            Script::Answer(b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 2\r\n\r\nok".to_vec()),
            ok_body,
        ),
        vector(
            "bare line feeds",
            says("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
            bounded,
        ),
        vector(
            "a wrong date",
            says(
                "HTTP/1.1 200 OK\r\nDate: 99 Foo 99999 25:61:61 GMT\r\nContent-Length: 2\r\n\r\nok",
            ),
            ok_body,
        ),
    ]
}

fn smuggling() -> Vec<Vector> {
    vec![
        vector(
            "a second answer behind the first",
            says(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            ),
            ok_body,
        ),
        vector(
            "a second answer behind chunks",
            says(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil",
            ),
            ok_body,
        ),
        vector(
            "a chunk size with a sign",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n"),
            failed,
        ),
        vector(
            "a chunk size with a prefix",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n"),
            failed,
        ),
        vector(
            "a chunk size above 64 bits",
            says(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n",
            ),
            failed,
        ),
        vector(
            "a chunk without its line feed",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok0\r\n\r\n"),
            failed,
        ),
        vector(
            "an unknown transfer coding",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nConnection: close\r\n\r\nok"),
            failed,
        ),
        vector(
            "a transfer coding in HTTP/1.0",
            says("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            bounded,
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
