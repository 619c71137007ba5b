//! Responses whose lengths, encodings or syntax are wrong.

use super::*;

pub(super) fn lengths() -> Vec<Vector> {
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

pub(super) fn encoded() -> Vec<Vector> {
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

pub(super) fn nonsense() -> Vec<Vector> {
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

pub(super) fn smuggling() -> Vec<Vector> {
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
