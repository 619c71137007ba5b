//! The same subject in three languages observes the same page over real HTTP.

use crate::support::{plugins, ran};
use operator_authoring::Language;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

const PAGE: &str = r#"{"service": "shop-cache", "nodes": [
    {"name": "a", "up": true, "free_bytes": 5, "total_bytes": 100, "objects": 3},
    {"name": "münchen", "up": false, "free_bytes": 60, "total_bytes": 100, "objects": 9007199254740991},
    {"name": "c", "total_bytes": 100}]}"#;

/// Serves one answer to everybody for as long as the test program runs.
fn serve(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    format!("health=http://{address}")
}

/// One look through the subject of a language, judged by the Rust check; nothing where it is not built.
fn look(plugins: &Path, language: Language, target: &str) -> Option<(i32, Value)> {
    let languages = plugins.join("languages");
    let subject = languages.join(format!("health-{}.wasm", language.name()));
    if !subject.is_file() {
        eprintln!("\n!!! SKIPPED: {} is not built\n", subject.display());
        return None;
    }
    let check = languages.join("headroom-rust.wasm");
    let (subject, check) = (subject.to_str()?, check.to_str()?);
    let looked = ran(&[
        "--json",
        "check",
        "--plugin",
        subject,
        "--invariants",
        check,
        "--target",
        target,
    ]);
    assert!(!looked.stdout.is_empty(), "{language:?}: {}", looked.stderr);
    Some((looked.code, looked.json()))
}

#[test]
fn a_health_page_is_seen_alike_by_rust_python_and_javascript() {
    let Some(plugins) = plugins() else { return };
    let target = serve("200 OK", PAGE);
    let mut snapshots = Vec::new();
    for language in [Language::Rust, Language::Python, Language::JavaScript] {
        let Some((code, seen)) = look(&plugins, language, &target) else {
            continue;
        };
        assert_eq!(
            (code, &seen["cluster"]),
            (1, &"shop-cache".into()),
            "{language:?}: {seen}"
        );
        assert_eq!(
            seen["verdicts"][0]["violations"][0]["entity"], "node/a",
            "{language:?}: {seen}"
        );
        snapshots.push((language, seen["snapshot"].clone()));
    }
    assert!(
        snapshots.windows(2).all(|pair| pair[0].1 == pair[1].1),
        "the frozen snapshots differ: {snapshots:?}"
    );
}

#[test]
fn a_page_that_fails_is_a_blind_spot_in_every_language() {
    let Some(plugins) = plugins() else { return };
    for (target, reason) in [
        (serve("503 Busy", ""), "503"),
        (serve("200 OK", "<html>"), "the page is not"),
    ] {
        for language in [Language::Rust, Language::Python, Language::JavaScript] {
            let Some((code, seen)) = look(&plugins, language, &target) else {
                continue;
            };
            let blind = seen["blind"].to_string();
            assert!(
                code == 2 && blind.contains("http:health/health.json") && blind.contains(reason),
                "{language:?}: {seen}"
            );
        }
    }
}
