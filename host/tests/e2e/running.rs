//! The daemon as a process: events, signals, its end.

use crate::schema::assert_valid;
use crate::support::{Ran, Served, operator, plugins, ran, subject};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running operator and its events.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) events: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(plugins: &Path, served: &Served, data: &Path, more: &[&str]) -> Self {
        let mut command = operator();
        command
            .args([
                "run",
                "--json",
                "--plugin",
                &subject(plugins),
                "--tick-interval-ms",
                "200",
            ])
            .args(more);
        command.arg("--data").arg(data).args(
            served
                .targets
                .iter()
                .flat_map(|target| ["--target", target]),
        );
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    /// Reads events until one has this name; `None` at the end.
    pub(crate) fn until(&mut self, name: &str) -> Option<serde_json::Value> {
        for line in self.events.by_ref() {
            let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            assert_valid("run-event.json", &event);
            if event["event"] == name {
                return Some(event);
            }
        }
        None
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn a_run_tells_its_story_in_the_documented_events_and_ends_on_time() {
    let Some(plugins) = plugins() else { return };
    let (served, directory) = (
        Served::scenario("healthy", 0, 1.0),
        tempfile::tempdir().unwrap(),
    );
    let mut running = Running::start(&plugins, &served, directory.path(), &["--for", "2s"]);
    let started = running.until("started").expect("it starts");
    assert!(
        started["checks"]
            .as_array()
            .is_some_and(|checks| checks.len() >= 12),
        "{started}"
    );
    assert!(started["limits"]["plugins"].is_object(), "{started}");
    let stopped = running.until("stopped").expect("it stops");
    assert!(
        stopped["ticks"].as_u64().is_some_and(|ticks| ticks >= 1),
        "{stopped}"
    );
    assert!(running.child.wait().unwrap().success());
}

#[test]
fn a_signal_drains_and_the_log_says_so() {
    let Some(plugins) = plugins() else { return };
    let (served, directory) = (
        Served::scenario("healthy", 0, 1.0),
        tempfile::tempdir().unwrap(),
    );
    for name in ["TERM", "INT"] {
        let mut running = Running::start(&plugins, &served, directory.path(), &[]);
        running.until("tick").expect("it ticks");
        running.signal(name);
        let stopped = running.until("stopped").expect("it says that it stops");
        assert_eq!(stopped["reason"], format!("stopped by SIG{name}"));
        assert!(running.child.wait().unwrap().success());
    }
    let data = directory.path().display().to_string();
    let last = ran(&["log", "show", "--last", "1", "--json", "--data", &data]).json();
    assert_eq!(last["kind"], "stopped");
    assert_eq!(ran(&["log", "verify", "--data", &data]).code, 0);
}

#[test]
fn a_second_operator_on_the_same_directory_is_turned_away_and_the_first_goes_on() {
    let Some(plugins) = plugins() else { return };
    let (served, directory) = (
        Served::scenario("healthy", 0, 1.0),
        tempfile::tempdir().unwrap(),
    );
    let mut first = Running::start(&plugins, &served, directory.path(), &[]);
    first.until("tick").expect("it ticks");
    let second = Running::start(&plugins, &served, directory.path(), &[]);
    let second = Ran::from(second.child.wait_with_output().unwrap());
    assert_eq!(second.code, 69);
    assert!(
        second.stderr.contains(&first.child.id().to_string()),
        "{}",
        second.stderr
    );
    // The directory can be read meanwhile.
    let data = directory.path().display().to_string();
    assert_eq!(ran(&["tickets", "list", "--json", "--data", &data]).code, 0);
    assert_eq!(ran(&["log", "verify", "--data", &data]).code, 0);
    first.until("tick").expect("it goes on");
    first.signal("TERM");
    assert!(first.until("stopped").is_some());
}

#[test]
fn check_answers_for_a_healthy_system_in_the_documented_form() {
    let Some(plugins) = plugins() else { return };
    let served = Served::scenario("healthy", 0, 1.0);
    let checked = ran(&[
        "check",
        "--json",
        "--plugin",
        &subject(&plugins),
        "--target",
        &served.targets[0],
    ]);
    let report = checked.json();
    assert_valid("check.json", &report);
    let failing: Vec<&serde_json::Value> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verdict| verdict["status"] == "fail")
        .collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert!([0, 2].contains(&checked.code), "{}", checked.stderr);
}
