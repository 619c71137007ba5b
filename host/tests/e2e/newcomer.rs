//! A newcomer's path: a project from the template, built, linted, tested and measured, its verdict on a recording, and
//! its first panic.

use crate::support::{Ran, Served, operator, plugins, ran, subject};
use operator_capture::Playback;
use operator_chaos_testkit::captures;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// The template's check, turned to what the recorded system has. That is all that a newcomer edits here.
const EDITS: [(&str, &str); 3] = [
    ("\"nodes\"", "\"stores\""),
    ("text(\"node\")", "text(\"store\")"),
    ("\"free_ratio\"", "\"available_ratio\""),
];

/// `operator plugin ARGUMENTS DIR`, sharing the standard library that `cargo xtask guests` has compiled.
fn plugin(arguments: &[&str], folder: &Path, plugins: &Path) -> Ran {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the root");
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || std::env::home_dir().expect("a home").join(".cargo"),
        std::path::PathBuf::from,
    );
    let (root, cargo_home) = (root.display(), cargo_home.display());
    let flags =
        format!("--remap-path-prefix={root}=/operator --remap-path-prefix={cargo_home}=/cargo");
    let mut command = operator();
    command.env("CARGO_TARGET_DIR", plugins.with_file_name("guests"));
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    command
        .arg("--json")
        .arg("plugin")
        .args(arguments)
        .arg(folder);
    Ran::from(command.output().expect("the program starts"))
}

#[test]
fn a_check_from_the_template_judges_a_recording() {
    let Some(plugins) = plugins() else { return };
    let plugins = plugins.canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("my-check");
    let made = ran(&[
        "plugin",
        "new",
        "my-check",
        "--dir",
        project.to_str().unwrap(),
    ]);
    assert_eq!(made.code, 0, "{}", made.stderr);

    let tested = plugin(&["test"], &project, &plugins);
    assert_eq!(tested.code, 0, "{} {}", tested.stdout, tested.stderr);
    assert_eq!(tested.json()["gaps"].as_array().map(Vec::len), Some(0));
    let linted = plugin(&["lint"], &project, &plugins);
    assert_eq!(
        (linted.code, &linted.json()["remarks"]),
        (0, &Value::Array(Vec::new())),
        "{}",
        linted.stdout
    );
    let baseline = folder.path().join("bench.json");
    let baseline = baseline.to_str().unwrap();
    assert_eq!(
        plugin(
            &["bench", "--update", "--baseline", baseline],
            &project,
            &plugins
        )
        .code,
        0
    );
    let again = plugin(
        &["bench", "--tolerance", "0", "--baseline", baseline],
        &project,
        &plugins,
    );
    assert_eq!(
        again.code, 0,
        "the same component costs the same: {}",
        again.stdout
    );

    let source = project.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let edited = EDITS
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to));
    std::fs::write(&source, edited).unwrap();
    let failing = plugin(&["test"], &project, &plugins);
    assert_eq!(
        failing.code, 1,
        "the cases still speak of nodes: {}",
        failing.stdout
    );
    judges_a_recording(&project.join("build/my-check.wasm"), &plugins);
    a_panic_is_told_with_its_line(&project, &plugins);
}

/// The mistake of every newcomer: a panic on data that is not as expected.
fn a_panic_is_told_with_its_line(project: &Path, plugins: &Path) {
    let source = project.join("src/lib.rs");
    let text = std::fs::read_to_string(&source)
        .unwrap()
        .replace("\"stores\"", "\"nodes\"");
    let reads = "let nodes = snapshot.table(\"nodes\")?;";
    let number = text
        .lines()
        .position(|line| line.contains(reads))
        .expect("the template reads its table")
        + 2;
    std::fs::write(
        &source,
        text.replace(
            reads,
            &format!("{reads}\n    assert!(nodes.len() > 9, \"too few\");"),
        ),
    )
    .unwrap();
    let tested = plugin(&["test"], project, plugins);
    assert_eq!(tested.code, 1, "{}", tested.stderr);
    let place = format!("/my-check/src/lib.rs:{number}");
    assert!(
        tested.stdout.contains("in room at ") && tested.stdout.contains(&place),
        "{place}: {}",
        tested.stdout
    );
}

fn judges_a_recording(check: &Path, plugins: &Path) {
    let recording = captures::in_project("node-death-short").expect("a recording");
    let served = Served::world(Box::new(Playback::new(Arc::new(recording))), 1.0);
    let subject = subject(plugins);
    let mut arguments = vec![
        "--json",
        "check",
        "--plugin",
        &subject,
        "--invariants",
        check.to_str().unwrap(),
    ];
    arguments.extend(
        served
            .targets
            .iter()
            .flat_map(|target| ["--target", target.as_str()]),
    );
    let checked = ran(&arguments);
    let answer = checked.json();
    let verdict = &answer["verdicts"][0];
    assert_eq!(
        (&verdict["invariant"], &verdict["module"]),
        (&"my-check".into(), &"my-check".into()),
        "{answer}"
    );
    assert!(
        verdict["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("3 nodes")),
        "{verdict}"
    );
}
