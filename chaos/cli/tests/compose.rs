//! The files that start a real cluster: what their tools say of them, and whether dashboards ask for metrics that exist.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use promql_parser::parser::{self, Expr};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Output of a tool; nothing, loudly, where it is not installed.
fn told_by(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
    {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{program}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(_) => {
            eprintln!("\n!!! SKIPPED, NOTHING WAS TESTED: {program} is not installed\n");
            None
        }
    }
}

#[test]
fn compose_accepts_its_file_and_starts_every_service() {
    let Some(told) = told_by("docker-compose", &["-f", "compose/compose.yml", "config"]) else {
        return;
    };
    for service in [
        "pd-0:",
        "pd-1:",
        "pd-2:",
        "tikv-0:",
        "tikv-1:",
        "tikv-2:",
        "prometheus:",
        "grafana:",
        "operator:",
        "load:",
    ] {
        assert!(
            told.lines().any(|line| line.trim() == service),
            "{service} is not in\n{told}"
        );
    }
    assert!(!told.contains(":latest"), "every image is pinned");
}

#[test]
fn stores_can_have_disks_of_their_own() {
    let files = [
        "-f",
        "compose/compose.yml",
        "-f",
        "compose/disks.yml",
        "config",
    ];
    let Some(told) = told_by("docker-compose", &files) else {
        return;
    };
    for store in ["tikv-0", "tikv-1", "tikv-2"] {
        assert!(
            told.contains(&format!("compose/disks/{store}:/data")),
            "{store} in\n{told}"
        );
        assert!(
            !told.contains(&format!("- {store}:/data")),
            "the volume of before is still there: {told}"
        );
    }
    let wrong = Command::new("sh")
        .args(["compose/disks.sh", "up", "much"])
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(
        wrong.status.code(),
        Some(64),
        "{}",
        String::from_utf8_lossy(&wrong.stdout)
    );
}

#[test]
fn kustomize_accepts_base_and_overlays_with_the_promised_names() {
    for (folder, replicas) in [
        ("compose/k8s/base", 1),
        ("compose/k8s/overlays/minimal", 1),
        ("compose/k8s/overlays/production", 3),
    ] {
        let Some(told) = told_by("kubectl", &["kustomize", folder]) else {
            return;
        };
        let documents: Vec<&str> = told.split("\n---\n").collect();
        let of = |kind: &str, name: &str| {
            let fits = |text: &&&str| {
                text.contains(&format!("kind: {kind}\n"))
                    && text.contains(&format!("\n  name: {name}\n"))
            };
            *documents
                .iter()
                .find(fits)
                .unwrap_or_else(|| panic!("{folder}: no {kind} {name}"))
        };
        for name in ["pd", "tikv"] {
            assert!(
                of("Service", name).contains("namespace: data"),
                "{name}.data.svc"
            );
            assert!(
                of("StatefulSet", name).contains(&format!("  replicas: {replicas}\n")),
                "{folder} {name}"
            );
        }
        for kind in [
            "Deployment",
            "NetworkPolicy",
            "Role",
            "RoleBinding",
            "ServiceAccount",
        ] {
            of(kind, "operator");
        }
    }
}

#[test]
fn dashboards_ask_in_promql_for_metrics_that_exist() {
    let own = text("host/crates/engine/src/telemetry/metrics.rs");
    let observed = text("subjects/tikv-plugin/src/metrics.rs");
    for (file, least) in [("cluster", 10), ("operator", 10)] {
        let dashboard: Value =
            serde_json::from_str(&text(&format!("compose/grafana/dashboards/{file}.json")))
                .unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        assert!(panels.len() >= least, "{file} has {} panels", panels.len());
        for panel in panels {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                let parsed =
                    parser::parse(query).unwrap_or_else(|error| panic!("{file}: {query}: {error}"));
                let mut names = BTreeSet::new();
                collect(&parsed, &mut names);
                for name in names {
                    let family = ["_bucket", "_sum", "_count"]
                        .iter()
                        .find_map(|end| name.strip_suffix(end));
                    let is_known = |name: &str| {
                        own.contains(&format!("\"{name}\""))
                            || observed.contains(&format!("\"{name}\""))
                    };
                    let exists = name == "up" || is_known(&name) || family.is_some_and(is_known);
                    assert!(exists, "{file}: nobody exposes {name}");
                }
            }
        }
    }
}

#[test]
fn the_configurations_that_are_shipped_name_what_prometheus_scrapes() {
    let prometheus = text("compose/prometheus/prometheus.yml");
    for target in ["pd-0:2379", "tikv-0:20180", "operator:9464"] {
        assert!(prometheus.contains(&format!("\"{target}\"")), "{target}");
    }
    for file in [
        "compose/operator.toml",
        "compose/k8s/base/operator/operator.toml",
    ] {
        assert!(
            text(file).contains("metrics_listen = \"0.0.0.0:9464\""),
            "{file}"
        );
    }
}

fn collect(expression: &Expr, names: &mut BTreeSet<String>) {
    match expression {
        Expr::VectorSelector(selector) => names.extend(selector.name.clone()),
        Expr::MatrixSelector(matrix) => names.extend(matrix.vs.name.clone()),
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, names),
        Expr::Binary(binary) => {
            collect(&binary.lhs, names);
            collect(&binary.rhs, names);
        }
        Expr::Call(call) => call
            .args
            .args
            .iter()
            .for_each(|argument| collect(argument, names)),
        Expr::Paren(paren) => collect(&paren.expr, names),
        Expr::Unary(unary) => collect(&unary.expr, names),
        _ => {}
    }
}
