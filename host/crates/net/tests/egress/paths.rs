//! Paths that could leave their target, or mean something else to the server than to the rules.

use crate::support::{Server, Setup, get, ok};
use operator_net::ports::HttpError;

/// What is sent byte by byte as it is.
const FINE: [&str; 36] = [
    "/",
    "/metrics",
    "/a/b/c",
    "/a/",
    "/a/...",
    "/a/.hidden",
    "/a/b..c",
    "/a/..b",
    "/a/-._~",
    "/a/!$&'()*+,;=:@",
    "/a;x=1;y=2",
    "/a@b",
    "/a:80",
    "/http:/x",
    "/a%20b",
    "/a%41",
    "/a%C3%A4",
    "/a%2Fb",
    "/a%2fb%3Fc%23d",
    "/a%ff%fe",
    "/?",
    "/?x",
    "/a?x=1&y=2",
    "/a?x=//b//c",
    "/a?x=../../b",
    "/a?x=http://host/",
    "/a?x=%00",
    "/a?x=%0d%0a",
    "/a?x=%252e",
    "/a?x?y?z",
    "/a?x=1;y=2",
    "/a?x=@b:80",
    "/a?x=%5C",
    "/a?x[0]=1",
    "/a/%F0%9F%98%80",
    "/a?x=%27",
];

/// Not in origin form, or cut differently by different servers.
const REFUSED: [&str; 40] = [
    "",
    " ",
    "metrics",
    "*",
    "?x=1",
    "//host/x",
    "///host/x",
    "/\\host/x",
    "\\\\host\\x",
    "http://host/x",
    "https://host/x",
    "HTTP://HOST/x",
    "//user@host/x",
    "@host/x",
    ":80/x",
    ":@host/x",
    ".host/x",
    "#x",
    "/a//b",
    "/a/b//",
    "/a#b",
    "/a?x#y",
    "/a\\b",
    "/a|b",
    "/a^b",
    "/a`b",
    "/a<b>",
    "/a\"b",
    "/a{b}",
    "/a b",
    "/a?x y",
    "/a?x='y'",
    "/ä",
    "/a?x=ä",
    "/\u{ff0e}\u{ff0e}/",
    "/\u{202e}a",
    "/a\u{feff}",
    "/a%",
    "/a%2",
    "/a?x=%zz",
];

/// Segments that some server takes for `.` or `..`.
const DOTS: [&str; 30] = [
    ".",
    "..",
    "%2e",
    "%2E%2e",
    ".%2e",
    "%2e.",
    "..;",
    "..;x=1",
    ".;",
    "%2e%2e;",
    "..%3b",
    "..%20",
    "%20..",
    "..%2f",
    "%2f..",
    "..%2F..",
    "..%5c",
    "..%5C..",
    "%5c..%5c",
    "%252e%252e",
    "%25252e",
    "..%252f",
    "%c0%ae%c0%ae",
    "%c0%af",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae",
    "%c1%9c",
    "%ef%bc%8e%ef%bc%8e",
    "%e2%80%a5",
    "..%00",
];

/// Where they stand.
const PLACES: [&str; 3] = ["/X", "/a/X/b", "/a/X"];

/// Bytes that end a line or a word.
const CONTROL: [&str; 12] = [
    "\r", "\n", "\r\n", "\0", "\t", "\x0b", "\x0c", "\x1b", "\x7f", "\u{85}", "\u{2028}", "\u{a0}",
];

fn refused() -> Vec<String> {
    let dots = DOTS
        .iter()
        .flat_map(|dots| PLACES.iter().map(|place| place.replace('X', dots)));
    let control = CONTROL.iter().flat_map(|byte| {
        [
            format!("/a{byte}"),
            format!("/a{byte}Host: b"),
            format!("/a?x={byte}"),
        ]
    });
    let escaped = (0..32_u8)
        .chain([127])
        .map(|byte| format!("/a%{byte:02x}b"));
    let long = [
        "/".to_owned() + &"a".repeat(8_190),
        "/?".to_owned() + &"%41".repeat(2_800),
    ];
    REFUSED
        .iter()
        .map(|path| (*path).to_owned())
        .chain(dots)
        .chain(control)
        .chain(escaped)
        .chain(long)
        .collect()
}

pub(crate) fn labels() -> Vec<String> {
    let mut labels: Vec<String> = refused()
        .iter()
        .map(|path| format!("refused {}", path.escape_debug()))
        .collect();
    labels.extend(FINE.iter().map(|path| format!("fine {path}")));
    labels.iter_mut().for_each(|label| label.truncate(80));
    labels
}

#[tokio::test]
async fn a_path_that_means_more_than_one_thing_is_never_sent() {
    let server = Server::on("127.0.0.1", ok()).await;
    let egress = Setup::granting(&server.origin()).egress();
    for path in refused() {
        let error = egress.send(get("it", &path)).await.unwrap_err();
        assert!(matches!(error, HttpError::Denied(_)), "{path:?}: {error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_path_that_passes_arrives_byte_by_byte() {
    let server = Server::on("127.0.0.1", ok()).await;
    let egress = Setup::granting(&server.origin()).egress();
    for path in FINE {
        let sent = egress.send(get("it", path)).await;
        // Brackets are escaped by nobody and understood by few.
        if path.contains('[') {
            assert!(sent.is_err(), "{path}");
            continue;
        }
        sent.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let head = server.heads().remove(0);
        assert_eq!(head.lines().next().unwrap(), format!("GET {path} HTTP/1.1"));
        assert_eq!(head.matches("\r\n\r\n").count(), 1);
    }
}
