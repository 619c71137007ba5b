//! kill -9 in the middle of a run: no ticket lost, none doubled.

use crate::running::Running;
use crate::support::{Served, plugins, ran};
use std::collections::BTreeSet;

/// Kills of one story. Each comes at another event, so at another point of a tick.
const KILL_AT: [&str; 6] = [
    "started",
    "tick",
    "verdict-changed",
    "incident-opened",
    "ticket-opened",
    "tick",
];

#[test]
fn killed_again_and_again_there_is_one_ticket_and_the_log_holds() {
    let Some(plugins) = plugins() else { return };
    // A node dies 10 s after the start; four seconds of the system pass in one.
    let (served, directory) = (
        Served::scenario("node-death", 10_000, 4.0),
        tempfile::tempdir().unwrap(),
    );
    let data = directory.path().display().to_string();
    let mut opened = BTreeSet::new();
    for event in KILL_AT {
        let mut running = Running::start(&plugins, &served, directory.path(), &["--for", "20s"]);
        let last = running.until(event);
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        opened.extend(
            last.filter(|last| last["event"] == "ticket-opened")
                .map(|last| last["ticket"].to_string()),
        );
        let listed = ran(&["tickets", "list", "--json", "--data", &data]);
        assert_eq!(listed.code, 0, "{}", listed.stderr);
    }
    let mut running = Running::start(&plugins, &served, directory.path(), &["--for", "5s"]);
    running.until("stopped").expect("it runs to its end");
    running.child.wait().unwrap();

    let verified = ran(&["log", "verify", "--data", &data]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let list = ran(&["tickets", "list", "--json", "--data", &data]).json();
    let tickets = list.as_array().unwrap();
    let keys: BTreeSet<String> = tickets
        .iter()
        .map(|ticket| ticket["key"].to_string())
        .collect();
    assert_eq!(keys.len(), tickets.len(), "a ticket is doubled: {list}");
    let ids: BTreeSet<String> = tickets
        .iter()
        .map(|ticket| ticket["id"].to_string())
        .collect();
    assert!(
        opened.is_subset(&ids),
        "a ticket is lost: {opened:?}, {ids:?}"
    );
    assert!(!tickets.is_empty(), "nothing was found");
}
