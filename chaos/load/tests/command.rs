//! The command as a person starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use serde_json::Value;
use std::process::{Command, Output};

fn ran(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_operator-load"))
        .env_remove("TIKV_PD_ENDPOINTS")
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_cluster_that_is_not_there_is_an_error_that_names_it() {
    for mode in ["raw", "txn"] {
        // Port 1 is nobody's.
        let output = ran(&[
            "--pd",
            "127.0.0.1:1",
            "--mode",
            mode,
            "--connect-timeout",
            "3s",
            "--timeout",
            "1s",
        ]);
        assert_eq!(output.status.code(), Some(69), "{}", complaint(&output));
        assert!(
            complaint(&output).contains("127.0.0.1:1"),
            "{}",
            complaint(&output)
        );
    }
}

#[test]
fn a_cluster_must_be_named() {
    let output = ran(&[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        complaint(&output).contains("TIKV_PD_ENDPOINTS"),
        "{}",
        complaint(&output)
    );
}

#[test]
fn the_report_is_json_on_the_screen_and_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let output = ran(&[
        "--backend",
        "memory",
        "--operations",
        "500",
        "--json",
        "--report",
        file.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(shown, written);
    assert_eq!(shown["operations"], 500);
    let wrong = ran(&[
        "--backend",
        "memory",
        "--operations",
        "1",
        "--report",
        "/nowhere/report.json",
    ]);
    assert_eq!(wrong.status.code(), Some(74));
}
