//! Bad input: one clear message, the documented exit code, nothing lost.

use crate::support::{Served, plugins, ran, subject};
use operator_world::{Answer, World};
use std::collections::BTreeMap;
use std::path::Path;

/// Runs and compares the exit code and a part of the message.
fn check(arguments: &[&str], code: i32, said: &[&str]) {
    let ran = ran(arguments);
    assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    for part in said {
        assert!(
            ran.stderr.contains(part),
            "{arguments:?}: {part:?} is not in {}",
            ran.stderr
        );
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn a_wrong_command_line_is_64() {
    check(&["frobnicate"], 64, &["frobnicate"]);
    check(&["run", "--for", "60"], 64, &["--for", "such as 90s"]);
    check(&["run", "--record"], 64, &["--record"]);
    check(&["demo", "--record", "x"], 64, &["one scenario"]);
    check(
        &["demo", "node-deth"],
        64,
        &["node-deth", "did you mean node-death?"],
    );
    check(&["--log-level", "a=b=c", "doctor"], 64, &["--log-level"]);
    check(
        &["demo", "node-death", "--target", "docker"],
        64,
        &["--project NAME"],
    );
    check(
        &[
            "demo",
            "node-death",
            "--target",
            "docker",
            "--project",
            "p",
            "--swap",
        ],
        64,
        &["on the simulator"],
    );
}

#[test]
fn a_demo_on_containers_that_are_not_there_is_69_and_says_where_it_looked() {
    let Some(plugins) = plugins() else { return };
    let (nowhere, plugins) = ("unix:///nowhere/docker.sock", plugins.display().to_string());
    let arguments = [
        "demo",
        "node-death",
        "--target",
        "docker",
        "--project",
        "p",
        "--docker-host",
        nowhere,
    ];
    check(
        &[&arguments[..], &["--plugins", &plugins]].concat(),
        69,
        &[nowhere],
    );
}

#[test]
fn a_plugin_that_is_none_is_78_and_the_message_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let core_module = write(directory.path(), "core.wasm", b"\0asm\x01\0\0\0");
    let empty_component = write(directory.path(), "empty.wasm", b"\0asm\x0d\0\x01\0");
    let text = write(directory.path(), "text.wasm", b"hello");
    let nothing = directory.path().join("nothing.wasm").display().to_string();
    for command in [&["plugin", "inspect"][..], &["check", "--plugin"]] {
        let with = |file| [command, &[file]].concat();
        check(
            &with(core_module.as_str()),
            78,
            &["core.wasm", "core WebAssembly module, not a component"],
        );
        check(
            &with(empty_component.as_str()),
            78,
            &["empty.wasm", "another world"],
        );
        check(&with(text.as_str()), 78, &["text.wasm", "not WebAssembly"]);
        check(
            &with(nothing.as_str()),
            78,
            &["nothing.wasm", "No such file"],
        );
    }
}

#[test]
fn a_plugin_that_is_cut_off_or_of_the_other_world_is_78() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let whole = std::fs::read(subject(&plugins)).unwrap();
    let cut = write(directory.path(), "cut.wasm", &whole[..whole.len() / 2]);
    check(&["plugin", "inspect", &cut], 78, &["cut.wasm", "cut off"]);
    let module = std::fs::read_dir(plugins.join("invariants"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let invariants = plugins.join("invariants").display().to_string();
    let module = module.display().to_string();
    check(
        &["check", "--plugin", &module, "--invariants", &invariants],
        78,
        &["of the world check", "subject is needed"],
    );
}

#[test]
fn a_check_goes_on_without_the_modules_that_cannot_be_used_and_names_each() {
    let Some(plugins) = plugins() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut modules: Vec<_> = std::fs::read_dir(plugins.join("invariants"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    modules.sort();
    let whole = std::fs::read(&modules[0]).unwrap();
    write(directory.path(), "good.wasm", &whole);
    write(directory.path(), "cut.wasm", &whole[..whole.len() / 2]);
    write(directory.path(), "noise.wasm", &[7; 1_000]);
    write(directory.path(), "nothing.wasm", b"");
    let invariants = directory.path().display().to_string();
    let ran = ran(&[
        "check",
        "--json",
        "--plugin",
        &subject(&plugins),
        "--invariants",
        &invariants,
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for bad in ["cut.wasm", "noise.wasm", "nothing.wasm"] {
        assert_eq!(
            ran.stderr.lines().filter(|line| line.contains(bad)).count(),
            1,
            "{bad}: {}",
            ran.stderr
        );
    }
    assert!(
        !ran.json()["verdicts"].as_array().unwrap().is_empty(),
        "the good one is evaluated"
    );
}

#[test]
fn a_wrong_configuration_tells_all_errors_at_once_with_the_nearest_keys() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(
        directory.path(),
        "operator.toml",
        b"plugni = \"x.wasm\"\n[limits]\ntick_deadline = 5\n",
    );
    check(
        &["check", "--config", &file, "--target", "nonsense"],
        78,
        &["plugni", "plugin", "tick_deadline_ms", "nonsense"],
    );
    check(
        &["run", "--config", "/nonexistent.toml"],
        78,
        &["/nonexistent.toml"],
    );
}

#[test]
fn a_data_directory_that_cannot_be_used_is_78_and_one_in_use_is_69() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "file", b"");
    check(
        &["run", "--plugin", "x.wasm", "--data", &file],
        78,
        &["file", "data directory"],
    );
    let data = directory.path().join("data");
    let _held = operator_journal::DataDir::open(&data).unwrap();
    let data = data.display().to_string();
    check(
        &["run", "--plugin", "x.wasm", "--data", &data],
        69,
        &["in use", &std::process::id().to_string()],
    );
}

#[test]
fn a_damaged_decision_log_is_65_with_its_place_and_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let opened = operator_journal::DataDir::open(directory.path()).unwrap();
    let mut journal = operator_journal::Journal::open(&opened, &mut |_| Ok(()))
        .unwrap()
        .journal;
    for number in 0..3 {
        let body = serde_json::json!({"tick": number});
        journal
            .append(
                operator_journal::Kind::TickCheckpoint,
                operator_model::Timestamp(number),
                &body,
            )
            .unwrap();
    }
    journal.sync().unwrap();
    drop((journal, opened));
    let path = directory.path().join("journal.jsonl");
    let damaged = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\"tick\":1", "\"tick\":7");
    std::fs::write(&path, &damaged).unwrap();
    let data = directory.path().display().to_string();
    let place = ["record 2", "line 2", "byte offset", "body"];
    check(&["log", "verify", "--data", &data], 65, &place);
    check(&["run", "--plugin", "x.wasm", "--data", &data], 65, &place);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
}

#[test]
fn what_is_not_there_is_said() {
    check(
        &["tickets", "show", "T-1", "--data", "/nonexistent"],
        78,
        &["/nonexistent"],
    );
    check(
        &["log", "show", "--data", "/nonexistent"],
        78,
        &["/nonexistent"],
    );
}

#[test]
fn a_target_that_nobody_answers_for_cannot_be_told_and_is_named() {
    let Some(plugins) = plugins() else { return };
    // Port 9 of the loopback network's last address: nothing listens there.
    let ran = ran(&[
        "check",
        "--plugin",
        &subject(&plugins),
        "--target",
        "pd=http://127.255.255.254:9",
        "--json",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("127.255.255.254:9") && ran.stderr.contains("connection refused"),
        "{}",
        ran.stderr
    );
    let report = ran.json();
    crate::schema::assert_valid("check.json", &report);
    let verdicts = report["verdicts"].as_array().unwrap();
    assert!(
        !verdicts.is_empty()
            && verdicts
                .iter()
                .all(|verdict| verdict["status"] == "inconclusive")
    );
}

/// A server that answers every question with the same nonsense.
#[derive(Debug)]
struct Nonsense(&'static str);

impl World for Nonsense {
    fn now_ms(&self) -> u64 {
        1_795_219_200_000
    }
    fn advance_to(&mut self, _: u64) {}
    fn request(&mut self, _: &str, _: &str, _: &str) -> Answer {
        Answer::Response {
            status: 200,
            content_type: "application/json".to_owned(),
            body: self.0.as_bytes().to_vec(),
            server_date_ms: self.now_ms(),
        }
    }
    fn listens(&self, _: &str) -> bool {
        true
    }
    fn origins(&self) -> Vec<String> {
        vec!["http://127.0.0.1:2379".to_owned()]
    }
    fn log_sources(&self) -> Vec<String> {
        Vec::new()
    }
    fn read_log(&mut self, _: &str, _: usize) -> (Vec<String>, u64) {
        (Vec::new(), 0)
    }
    fn targets(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("pd".to_owned(), "http://127.0.0.1:2379".to_owned())])
    }
}

#[test]
fn answers_of_the_wrong_shape_break_nothing_and_are_never_healthy() {
    let Some(plugins) = plugins() else { return };
    for nonsense in [
        "[]",
        "{}",
        "null",
        "\"panic\"",
        "<html>",
        "{\"count\": \"many\", \"stores\": 7}",
        "",
    ] {
        let served = Served::world(Box::new(Nonsense(nonsense)), 1.0);
        let ran = ran(&[
            "check",
            "--plugin",
            &subject(&plugins),
            "--target",
            &served.targets[0],
            "--json",
        ]);
        assert!(ran.code == 2 || ran.code == 1, "{nonsense:?}: {ran:?}");
        crate::schema::assert_valid("check.json", &ran.json());
    }
}
