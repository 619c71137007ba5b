//! What people add: verdicts on tickets, silences, and other readings of a ticket.

use crate::running::Running;
use crate::support::{Ran, Served, operator, plugins, ran};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

/// A data directory with a ticket.
fn after_a_demo(plugins: &Path, directory: &Path) -> String {
    let mut command = operator();
    command.args(["demo", "node-death", "--fast", "--json", "--plugins"]);
    command.arg(plugins).arg("--data").arg(directory);
    let played = Ran::from(command.output().expect("the program starts"));
    assert_eq!(played.code, 0, "{played:?}");
    directory.display().to_string()
}

#[test]
fn a_ticket_is_judged_reviewed_and_exported() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let data = after_a_demo(&plugins, directory.path());
    let tickets = |arguments: &[&str]| ran(&[&["tickets"], arguments, &["--data", &data]].concat());

    let judged = tickets(&[
        "verdict", "T-1", "right", "--by", "eve", "--remark", "as said",
    ]);
    assert!(
        judged
            .stdout
            .contains("T-1: right, recorded in the decision log"),
        "{judged:?}"
    );
    let refused = tickets(&["verdict", "T-1", "right", "--cause", "x"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    assert_eq!(tickets(&["verdict", "T-9", "right"]).code, 1);

    let shown = tickets(&["show", "T-1"]);
    assert!(
        shown.stdout.contains("VERDICTS") && shown.stdout.contains("eve"),
        "{shown:?}"
    );
    let review = tickets(&["review", "T-1"]);
    assert!(review.stdout.contains("as said"), "{review:?}");
    let page = tickets(&["show", "T-1", "--format", "html"]);
    assert!(page.stdout.starts_with("<!DOCTYPE html>"), "{page:?}");
    assert!(page.stdout.contains("<svg") && !page.stdout.contains("<script"));
    let markdown = tickets(&["show", "T-1", "--format", "markdown"]);
    assert!(markdown.stdout.starts_with("# "), "{markdown:?}");
    assert_eq!(ran(&["log", "verify", "--data", &data]).code, 0);
}

#[test]
fn a_running_operator_takes_notes_and_loses_none_when_it_stops() {
    let Some(plugins) = plugins() else { return };
    let served = Served::scenario("healthy", 0, 1.0);
    let directory = tempfile::tempdir().unwrap();
    let mut running = Running::start(&plugins, &served, directory.path(), &[]);
    running.until("tick").expect("it ticks");
    let data = directory.path().display().to_string();
    let silence = |arguments: &[&str]| ran(&[&["silence"], arguments, &["--data", &data]].concat());
    let add = [
        "add",
        "--entity",
        "node/1",
        "--for",
        "2h",
        "--reason",
        "maintenance",
        "--by",
        "eve",
    ];
    let added = silence(&add);
    assert!(
        added.stdout.contains("accepted by the running operator"),
        "{added:?}"
    );
    let id = running.child.id().to_string();
    let signalled = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(signalled.unwrap().success());
    running.child.wait().unwrap();
    let listed = silence(&["list", "--json"]).json();
    assert_eq!(listed[0]["by"], "eve", "{listed}");
    let lifted = silence(&["lift", "s-1", "--by", "bob"]);
    assert!(
        lifted.stdout.contains("recorded in the decision log"),
        "{lifted:?}"
    );
    assert_eq!(
        silence(&["list", "--json"]).json(),
        Value::Array(Vec::new())
    );
    assert_eq!(silence(&["lift", "S-1"]).code, 1, "it is over");
    assert_eq!(
        silence(&add.map(|word| if word == "2h" { "0s" } else { word })).code,
        64
    );
}

#[test]
fn an_agent_reads_tickets_over_stdio_and_http_needs_a_token() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let data = after_a_demo(&plugins, directory.path());
    let mut command = operator();
    command.args(["mcp", "--data", &data]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |message: &str, is_answered: bool| -> Value {
        writeln!(input, "{message}").unwrap();
        let mut line = String::new();
        if is_answered {
            output.read_line(&mut line).unwrap();
        }
        serde_json::from_str(&line).unwrap_or_default()
    };
    let hello = ask(
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#,
        true,
    );
    assert!(
        hello["result"]["capabilities"]["tools"].is_object(),
        "{hello}"
    );
    ask(
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        false,
    );
    let answer = ask(
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ticket","arguments":{"ticket":"T-1"}}}"#,
        true,
    );
    assert!(
        answer.to_string().contains("store-process-dead"),
        "{answer}"
    );
    drop(input);
    child.wait().unwrap();
    let open = ran(&["mcp", "--data", &data, "--http", "0.0.0.0:0"]);
    assert_eq!(open.code, 64, "{open:?}");
}
