//! The four faults of the demo, end to end in virtual time.

use crate::schema::assert_valid;
use crate::support::{Ran, operator, plugins, ran};
use serde_json::Value;
use std::path::Path;

fn play(scenario: &str, seed: &str, plugins: &Path, data: &Path) -> Ran {
    let mut command = operator();
    command.args(["demo", scenario, "--json", "--fast", "--seed", seed]);
    command
        .arg("--plugins")
        .arg(plugins)
        .arg("--data")
        .arg(data);
    Ran::from(command.output().expect("the program starts"))
}

/// Plays a scenario and looks at everything that it leaves behind.
fn check(scenario: &str) {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let played = play(scenario, "42", &plugins, directory.path());
    let mut lines = played.lines();
    let score = lines.pop().expect("the last line is the score");
    lines
        .iter()
        .for_each(|event| assert_valid("run-event.json", event));
    assert_eq!(score["event"], "score", "{played:?}");
    assert_eq!(score["false_tickets"], 0, "{score}");
    assert_eq!(score["component_right"], true, "{score}");
    assert!(
        score["explanation_score"]
            .as_u64()
            .is_some_and(|points| points > 0),
        "{score}"
    );
    assert_ne!(score["action"][1], "harmful", "{score}");
    assert_eq!(played.code, 0, "{score}");
    what_is_left(directory.path(), score["ticket"].as_str().unwrap());
}

/// The log holds, and the ticket can be read again in every form.
fn what_is_left(data: &Path, id: &str) {
    let data = data.display().to_string();
    let verified = ran(&["log", "verify", "--json", "--data", &data]);
    assert_eq!(
        (verified.code, verified.json()["holds"].as_bool()),
        (0, Some(true)),
        "{verified:?}"
    );
    ran(&["log", "export", "--data", &data])
        .lines()
        .iter()
        .for_each(|record| assert_valid("log-record.json", record));
    let ticket = ran(&["tickets", "show", id, "--json", "--data", &data]).json();
    assert_valid("ticket.json", &ticket);
    let list = ran(&["tickets", "list", "--json", "--data", &data]).json();
    assert_valid("tickets-list.json", &list);
    assert!(list.as_array().unwrap().iter().any(|line| line["id"] == id));
    let page = ran(&["tickets", "show", id, "--data", &data]);
    assert!(
        page.stdout
            .contains(ticket["decision"]["option"].as_str().unwrap())
            || page.stdout.contains("recommended")
    );
}

#[test]
fn a_dead_node_is_found_and_named() {
    check("node-death");
}

#[test]
fn a_hot_spot_is_found_and_named() {
    check("hot-region");
}

/// With these seeds PD's list leaves the region out between two of its reports, some seconds before the demo ends.
#[test]
fn a_hot_spot_stays_the_cause_while_the_list_leaves_it_out() {
    let Some(plugins) = plugins() else { return };
    for seed in ["4", "5"] {
        let directory = tempfile::tempdir().unwrap();
        let score: Value = play("hot-region", seed, &plugins, directory.path())
            .lines()
            .pop()
            .expect("a score");
        assert_eq!(
            (&score["component_right"], &score["mechanism_right"]),
            (&true.into(), &true.into()),
            "{score}"
        );
        assert_eq!(score["abstained"], false, "{score}");
    }
}

#[test]
fn a_disk_that_fills_up_is_found_and_named() {
    check("disk-pressure");
}

#[test]
fn a_slow_node_is_found_and_the_ticket_says_what_told_its_causes_apart_or_that_nothing_did() {
    let Some(plugins) = plugins() else { return };
    for variant in ["slow-disk", "cpu-starvation"] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = operator();
        command.args([
            "demo",
            "ambiguous-slowness",
            "--variant",
            variant,
            "--json",
            "--fast",
        ]);
        command
            .arg("--plugins")
            .arg(&plugins)
            .arg("--data")
            .arg(directory.path());
        let score: Value = Ran::from(command.output().unwrap())
            .lines()
            .pop()
            .expect("a score");
        assert_eq!(score["component_right"], true, "{score}");
        let honest = score["told_apart"] == true || score["abstained"] == true;
        assert!(honest, "{score}");
        assert!(
            score["abstained"] == true || score["mechanism_right"] == true,
            "sure and wrong: {score}"
        );
    }
}

#[test]
fn nothing_is_ticketed_where_nothing_is_wrong() {
    let Some(plugins) = plugins() else { return };
    for (scenario, seed) in [
        ("healthy", "42"),
        ("load-surge", "42"),
        ("fresh-cluster", "202"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let score: Value = play(scenario, seed, &plugins, directory.path())
            .lines()
            .pop()
            .expect("a score");
        assert_eq!(
            (&score["ticket"], &score["false_tickets"]),
            (&Value::Null, &Value::from(0)),
            "{score}"
        );
    }
}

#[test]
fn the_same_seed_writes_the_same_decision_log_to_the_byte() {
    let Some(plugins) = plugins() else { return };
    let logs: Vec<Vec<u8>> = (0..2)
        .map(|_| {
            let directory = tempfile::tempdir().unwrap();
            play("node-death", "42", &plugins, directory.path());
            std::fs::read(directory.path().join("journal.jsonl")).unwrap()
        })
        .collect();
    assert!(logs[0].len() > 1_000, "the log tells something");
    assert!(logs[0] == logs[1], "the logs differ");
}
