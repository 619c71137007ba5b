//! Asking a running operator to swap, and the swap of the demo.

use crate::running::Running;
use crate::support::{Ran, Served, operator, plugins, ran};
use serde_json::Value;

#[test]
fn a_running_operator_swaps_a_module_and_goes_back_when_asked() {
    let Some(plugins) = plugins() else { return };
    let (served, directory) = (
        Served::scenario("healthy", 0, 1.0),
        tempfile::tempdir().unwrap(),
    );
    let mut running = Running::start(&plugins, &served, directory.path(), &[]);
    running.until("tick").expect("it ticks");
    let data = directory.path().display().to_string();
    let file = plugins
        .join("invariants/store-health.wasm")
        .display()
        .to_string();
    let config = r#"{"heartbeat_lag_max_s": 600}"#;
    let swapped = ran(&[
        "plugin",
        "swap",
        "store-health",
        &file,
        "--config",
        config,
        "--data",
        &data,
        "--json",
    ]);
    assert_eq!(
        (swapped.code, &swapped.json()["answer"]),
        (0, &Value::from("done")),
        "{swapped:?}"
    );
    let event = running.until("plugin-swapped").expect("it is told");
    assert_eq!(
        (&event["plugin"], &event["from"]),
        (&Value::from("store-health"), &event["to"]),
        "{event}"
    );
    assert!(event["pause_us"].is_u64(), "{event}");
    let back = ran(&["plugin", "rollback", "store-health", "--data", &data]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(
        running.until("plugin-rolled-back").expect("it is told")["reason"]
            .as_str()
            .unwrap()
            .contains("a user requested the previous version")
    );
    what_cannot_be_followed(&data, directory.path(), &file);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert_eq!(ran(&["log", "verify", "--data", &data]).code, 0);
    let nobody = ran(&["plugin", "rollback", "store-health", "--data", &data]);
    assert_eq!(nobody.code, 69, "{nobody:?}");
    assert!(
        nobody.stderr.contains("no operator is running"),
        "{nobody:?}"
    );
}

fn what_cannot_be_followed(data: &str, directory: &std::path::Path, file: &str) {
    let swap = |name: &str, file: &str, more: &[&str]| {
        let arguments: Vec<&str> = [&["plugin", "swap", name, file, "--data", data], more].concat();
        ran(&arguments)
    };
    let said = |ran: &Ran, code: i32, part: &str| {
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(
            ran.stderr.contains(part),
            "{part:?} is not in {}",
            ran.stderr
        );
    };
    said(
        &swap("store-helth", file, &[]),
        64,
        "did you mean store-health?",
    );
    said(&swap("store-health", "gone.wasm", &[]), 1, "gone.wasm");
    said(
        &swap("store-health", file, &["--config", r#"{"nonsense": 1}"#]),
        1,
        "heartbeat_lag_max_s",
    );
    said(
        &swap("store-health", file, &["--config", "[]"]),
        64,
        "not a JSON object",
    );
    let text = directory.join("text.part");
    std::fs::write(&text, "hello").unwrap();
    said(
        &swap("store-health", &text.display().to_string(), &[]),
        1,
        "not WebAssembly",
    );
}

#[test]
fn the_demo_shows_what_a_swap_in_the_middle_of_an_incident_changes() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut command = operator();
    command.args(["demo", "--swap", "--json", "--fast"]);
    command
        .arg("--plugins")
        .arg(&plugins)
        .arg("--data")
        .arg(directory.path());
    let played = Ran::from(command.output().expect("the program starts"));
    let lines = played.lines();
    let shown = lines
        .iter()
        .find(|line| line["event"] == "swap-shown")
        .expect("the swap is shown");
    let changed: Vec<_> = shown["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verdict| verdict[1] != verdict[2])
        .collect();
    assert_eq!(changed.len(), 1, "{shown}");
    assert_eq!(
        changed[0],
        &serde_json::json!(["store-heartbeat", "fail", "pass"]),
        "{shown}"
    );
    assert_eq!(shown["module"], "store-health");
    assert!(
        lines
            .iter()
            .any(|line| line["event"] == "plugin-swapped" && line["tick"] == shown["tick"]),
        "{shown}"
    );
}
