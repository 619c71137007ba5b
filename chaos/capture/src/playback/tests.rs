use super::*;
use crate::LoadError;
use std::path::PathBuf;

const PD: &str = "http://127.0.0.1:2379";
const STORE: &str = "http://127.0.0.1:20180";

/// A cluster of two servers; the store dies at 2 s and is back at 4 s.
const SMALL: &str = r#"{"kind":"log","t":0.0,"source":"pd1","line":"before"}
{"t":0.0,"unix_ms":1000000,"url":"http://127.0.0.1:2379/pd/api/v1/stores?state=0&b=1","status":200,"content_type":"application/json","body":"zero"}
{"t":0.1,"unix_ms":1000100,"url":"http://127.0.0.1:20180/config","status":200,"content_type":null,"body":"{}"}
{"t":1.0,"unix_ms":1001000,"url":"http://127.0.0.1:2379/pd/api/v1/stores?state=0&b=1","status":500,"content_type":"text/plain","body":"one"}
{"t":2.0,"unix_ms":1002000,"url":"http://127.0.0.1:20180/metrics","error":"URLError(ConnectionRefusedError(111, 'Connection refused'))","body":null}
{"kind":"note","t":2.0,"text":"a later recorder may write this"}
{"kind":"log","t":2.5,"source":"pd1","line":"after"}
{"t":3.0,"unix_ms":1003000,"url":"http://127.0.0.1:2379/pd/api/v1/stores?state=0&b=1","status":500,"content_type":"text/plain","same":true}
{"t":4.0,"unix_ms":1004000,"url":"http://127.0.0.1:20180/metrics","status":200,"content_type":"text/plain","body":"up 1\n"}
"#;

fn load(text: &str) -> Result<Capture, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.jsonl");
    std::fs::write(&path, text).unwrap();
    Capture::load(&path)
}

fn playback() -> Playback {
    Playback::new(Arc::new(load(SMALL).unwrap()))
}

fn at(elapsed_ms: u64) -> Playback {
    let mut playback = playback();
    playback.advance_to(1_000_000 + elapsed_ms);
    playback
}

fn body(answer: Answer) -> String {
    match answer {
        Answer::Response { status, body, .. } => {
            format!("{status} {}", String::from_utf8(body).unwrap())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_newest_answer_holds_and_same_means_the_last_body() {
    let stores = "/pd/api/v1/stores?state=0&b=1";
    assert_eq!(body(at(999).request(PD, "GET", stores)), "200 zero");
    assert_eq!(body(at(1_000).request(PD, "GET", stores)), "500 one");
    assert_eq!(body(at(3_500).request(PD, "GET", stores)), "500 one");
}

#[test]
fn parameters_may_have_another_order_but_not_other_values() {
    assert_eq!(
        body(at(0).request(PD, "GET", "/pd/api/v1/stores?b=1&state=0")),
        "200 zero"
    );
    assert_eq!(
        body(at(0).request(PD, "GET", "/pd/api/v1/stores?b=2&state=0")),
        "404 not recorded\n"
    );
    assert_eq!(
        body(at(0).request(PD, "GET", "/pd/api/v1/stores")),
        "404 not recorded\n"
    );
}

#[test]
fn a_dead_node_refuses_every_url_and_is_back_with_its_next_answer() {
    assert!(at(1_999).listens(STORE));
    assert_eq!(body(at(1_999).request(STORE, "GET", "/config")), "200 {}");
    assert!(!at(2_000).listens(STORE));
    assert_eq!(at(2_000).request(STORE, "GET", "/config"), Answer::Refused);
    assert_eq!(
        at(2_000).request(STORE, "GET", "/never/asked"),
        Answer::Refused
    );
    assert_eq!(body(at(4_000).request(STORE, "GET", "/config")), "200 {}");
    assert!(at(2_000).listens(PD));
    assert_eq!(
        at(0).request("http://127.0.0.1:9", "GET", "/"),
        Answer::Refused
    );
}

#[test]
fn the_date_is_that_of_the_recording_and_stops_with_it() {
    let date = |elapsed_ms| match at(elapsed_ms).request(PD, "GET", "/x") {
        Answer::Response { server_date_ms, .. } => server_date_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(date(1_234), 1_001_234);
    assert_eq!(date(99_000), 1_004_000);
    assert!(!at(3_999).has_ended());
    assert!(at(4_000).has_ended());
}

#[test]
fn log_lines_appear_when_they_were_written_and_the_oldest_are_dropped_first() {
    let mut playback = playback();
    assert_eq!(playback.log_sources(), ["pd1"]);
    assert_eq!(playback.read_log("pd1", 10), (vec!["before".to_owned()], 0));
    assert_eq!(playback.read_log("pd1", 10), (vec![], 0));
    playback.advance_to(1_002_500);
    assert_eq!(playback.read_log("pd1", 10), (vec!["after".to_owned()], 0));
    assert_eq!(at(3_000).read_log("pd1", 1), (vec!["after".to_owned()], 1));
    assert_eq!(at(3_000).read_log("unknown", 1), (vec![], 0));
}

#[test]
fn the_target_is_the_pd_member() {
    assert_eq!(
        playback().targets(),
        BTreeMap::from([("pd".to_owned(), PD.to_owned())])
    );
    assert_eq!(playback().origins(), [STORE, PD]);
}

#[test]
fn a_write_is_refused_and_head_has_no_body() {
    assert_eq!(
        body(at(0).request(STORE, "POST", "/config")),
        "405 a capture is read-only\n"
    );
    assert_eq!(body(at(0).request(STORE, "HEAD", "/config")), "200 ");
}

#[test]
fn a_wrong_file_is_named_with_the_line_and_the_reason() {
    let missing = Capture::load(&PathBuf::from("no/such.jsonl.gz"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no/such.jsonl.gz"), "{missing}");
    for (text, expected) in [
        ("", "not a capture"),
        (
            "{\"kind\":\"log\",\"t\":0,\"source\":\"a\",\"line\":\"b\"}\n",
            "not a capture",
        ),
        ("# A page of text\n", "line 1: no JSON object of a capture"),
        ("{}\n", "line 1: field `t` is missing"),
        (
            "\n{\"t\":0,\"unix_ms\":1,\"url\":\"x\",\"status\":200,\"body\":\"\"}\n",
            "line 2: `x` is not an http URL",
        ),
        (
            "{\"t\":0,\"unix_ms\":1,\"url\":\"http://h:1/\",\"status\":200,\"same\":true}\n",
            "line 1: `same` is set, but the URL has no earlier body",
        ),
        (
            "{\"t\":0,\"unix_ms\":1,\"url\":\"http://h:1/\"}\n",
            "line 1: neither `status` nor `error`",
        ),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_compressed_capture_plays_the_same_and_a_truncated_one_is_named() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(SMALL.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let path = folder.path().join("whole");
    std::fs::write(&path, &bytes).unwrap();
    let mut whole = Playback::new(Arc::new(Capture::load(&path).unwrap()));
    assert_eq!(body(whole.request(STORE, "GET", "/config")), "200 {}");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Capture::load(&path).unwrap_err().to_string();
    assert!(error.contains("cut off"), "{error}");
}
