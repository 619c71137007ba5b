//! Recordings: made by the demo, decided again, asked new questions, cut and damaged.

use crate::support::{Ran, operator, plugins, ran};
use std::path::Path;

/// Records a scenario to its end.
fn record(plugins: &Path, directory: &Path, scenario: &str) -> String {
    let file = directory.join("incident.zst").display().to_string();
    let mut command = operator();
    command.args(["demo", scenario, "--json", "--fast", "--record", &file]);
    command
        .arg("--plugins")
        .arg(plugins)
        .arg("--data")
        .arg(directory.join("data"));
    let played = Ran::from(command.output().expect("the program starts"));
    assert_eq!(played.code, 0, "{}", played.stderr);
    file
}

#[test]
fn a_recorded_incident_is_decided_again_byte_for_byte_three_times() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = record(&plugins, directory.path(), "node-death");
    let replays: Vec<_> = (0..3).map(|_| ran(&["replay", &file, "--json"])).collect();
    for replayed in &replays {
        assert_eq!(replayed.code, 0, "{replayed:?}");
        let json = replayed.json();
        assert_eq!(json["identical"], true, "{json}");
        assert!(
            json["ticks"].as_u64().unwrap() > 100 && json["records"].as_u64().unwrap() > 10,
            "{json}"
        );
    }
    assert!(
        replays
            .iter()
            .all(|replayed| replayed.stdout == replays[0].stdout),
        "{replays:?}"
    );
    what_is_in_it(&file, replays[0].json()["ticks"].as_u64().unwrap());
    other_code(&plugins, &file);
    a_cut_file_is_a_prefix(&file, directory.path());
    a_damaged_file_is_refused(&file, directory.path());
}

fn what_is_in_it(file: &str, ticks: u64) {
    let info = ran(&["recording", "info", file, "--json"]);
    assert_eq!(info.code, 0, "{info:?}");
    let json = info.json();
    assert_eq!(
        (json["ticks"].as_u64(), json["whole"].as_bool()),
        (Some(ticks), Some(true)),
        "{json}"
    );
    assert_eq!(
        json["embedded"].as_array().unwrap().len(),
        json["modules"].as_array().unwrap().len() + 1
    );
    let series = ran(&["replay", file, "--series", "up_to_nobody", "--json"]);
    assert_eq!(series.code, 2, "{series:?}");
    assert!(series.stderr.contains("did you mean"), "{series:?}");
}

/// The same code in its own place changes nothing; the same checks as additional ones answer.
fn other_code(plugins: &Path, file: &str) {
    let subject = crate::support::subject(plugins);
    let again = ran(&["replay", file, "--against", &subject, "--json"]);
    let json = again.json();
    assert_eq!(
        (again.code, json["ticks_different"].as_u64()),
        (0, Some(0)),
        "{again:?}"
    );
    assert_eq!(json["unanswered"], 0, "{json}");
    let module = std::fs::read_dir(plugins.join("invariants"))
        .unwrap()
        .find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|extension| extension == "wasm")
                .then(|| path.display().to_string())
        });
    let module = module.expect("there are modules");
    let again = ran(&["replay", file, "--against", &module, "--json"]);
    assert_eq!(
        (again.code, again.json()["ticks_different"].as_u64()),
        (0, Some(0)),
        "{again:?}"
    );
    let asked = ran(&["replay", file, "--check", &module, "--json"]);
    assert_eq!(asked.code, 0, "{asked:?}");
}

fn a_cut_file_is_a_prefix(file: &str, directory: &Path) {
    let whole = std::fs::read(file).unwrap();
    let cut = directory.join("cut.zst");
    std::fs::write(&cut, &whole[..whole.len() * 2 / 3]).unwrap();
    let replayed = ran(&["replay", &cut.display().to_string(), "--json"]);
    let json = replayed.json();
    assert_eq!(
        (replayed.code, json["identical"].as_bool()),
        (0, Some(true)),
        "{replayed:?}"
    );
    assert!(json["ticks"].as_u64().unwrap() > 0, "{json}");
    assert!(
        json["ending"]
            .as_str()
            .unwrap()
            .starts_with("cut off at line "),
        "{json}"
    );
}

fn a_damaged_file_is_refused(file: &str, directory: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0x5a);
    let damaged = directory.join("damaged.zst");
    std::fs::write(&damaged, bytes).unwrap();
    let replayed = ran(&["replay", &damaged.display().to_string()]);
    assert_eq!(replayed.code, 65, "{replayed:?}");
    assert!(
        replayed.stderr.contains("is damaged at line "),
        "{replayed:?}"
    );
}

/// Every record of the log, and so every hash in it, comes out again although the directory had a past.
#[test]
fn a_recording_that_begins_in_the_middle_of_a_log_is_decided_again_too() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let served = crate::support::Served::scenario("node-death", 3_000, 20.0);
    let data = directory.path().join("data").display().to_string();
    let file = directory.path().join("second.zst").display().to_string();
    let run = |record: Option<&str>| {
        let mut command = operator();
        command.args([
            "run",
            "--json",
            "--for",
            "2s",
            "--tick-interval-ms",
            "100",
            "--data",
            &data,
        ]);
        command.args(["--plugin", &crate::support::subject(&plugins)]);
        for target in &served.targets {
            command.args(["--target", target]);
        }
        if let Some(file) = record {
            command.args(["--record", file]);
        }
        Ran::from(command.output().expect("the program starts"))
    };
    assert_eq!(run(None).code, 0);
    let second = run(Some(&file));
    assert_eq!(second.code, 0, "{second:?}");
    let replayed = ran(&["replay", &file, "--json"]);
    assert_eq!(
        (replayed.code, replayed.json()["identical"].as_bool()),
        (0, Some(true)),
        "{replayed:?}"
    );
    assert_eq!(
        run(Some(&file)).code,
        78,
        "an existing file is never written over"
    );
}
