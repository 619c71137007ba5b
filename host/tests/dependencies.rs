//! What a crate must not be linked with, as Cargo reports it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails the test"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Packages of one dependency graph: name, and the folder if it belongs to this workspace.
struct Graph {
    names: BTreeSet<String>,
    folders: BTreeSet<String>,
}

/// What `package` is linked with. Nothing is downloaded and the lock file stays as it is.
fn graph(package: &str, arguments: &[&str]) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .current_dir(&root)
        .args(["tree", "--offline", "--locked", "--package", package])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let root = root.canonicalize().unwrap();
    let root = root.display().to_string();
    let mut graph = Graph {
        names: BTreeSet::new(),
        folders: BTreeSet::new(),
    };
    for line in text.lines() {
        // `operator-sim v0.1.0 (/path/to/chaos/sim) (*)`
        let name = line.split(' ').next().unwrap_or_default();
        graph.names.insert(name.to_owned());
        let inside = line.split_once(&format!("({root}/"));
        if let Some((folder, _)) = inside.and_then(|(_, rest)| rest.split_once(')')) {
            graph.folders.insert(folder.to_owned());
        }
    }
    assert!(
        graph.names.contains(package),
        "{package} is in its own graph"
    );
    graph
}

fn assert_free_of(graph: &Graph, forbidden: &[&str]) {
    let found: Vec<&&str> = forbidden
        .iter()
        .filter(|name| graph.names.contains(**name))
        .collect();
    assert!(found.is_empty(), "linked with {found:?}");
}

#[test]
fn the_operator_without_its_features_contains_no_chaos() {
    let graph = graph("operator", &["--no-default-features"]);
    assert_free_of(&graph, &["bollard"]);
    let chaos: Vec<&String> = graph
        .folders
        .iter()
        .filter(|folder| folder.starts_with("chaos/"))
        .collect();
    assert!(chaos.is_empty(), "linked with {chaos:?}");
    assert!(
        graph.folders.contains("host/crates/engine"),
        "folders of this workspace are recognised: {:?}",
        graph.folders
    );
}

#[test]
fn reasoning_has_no_runtime_no_network_and_no_database() {
    let graph = graph("operator-reason", &[]);
    assert_free_of(
        &graph,
        &["tokio", "wasmtime", "reqwest", "sqlx", "hyper", "rustls"],
    );
}
