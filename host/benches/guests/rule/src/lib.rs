//! The checks that `cargo xtask bench` measures: one rule, asked in each way in which an author can ask it.
//! `host/benches/plugins/rule.rs` holds the same rule in native code.

use operator_plugin::{
    Check, Checks, Comparison, Findings, Outcome, PluginError, PluginInfo, Row, Scalar, Snapshot,
    TableView, Violation, entity, export_checks,
};
use serde::Deserialize;

/// A node is full from here on.
const FULL: f64 = 0.9;

/// A node is silent after two heartbeats.
const SILENT_MS: f64 = 20_000.0;

/// The plugin.
pub struct Rule;

impl Checks for Rule {
    fn info() -> PluginInfo {
        PluginInfo::new("rule", "0.1.0", "One rule, asked in each way")
    }

    fn checks() -> Vec<Check> {
        let check = |id: &str| Check::new(id, "every node is up, heard of and not full");
        vec![
            check("by-rows").by(|snapshot| by_rows(&snapshot.table("nodes")?)),
            check("by-columns").by(|snapshot| by_columns(&snapshot.table("nodes")?)),
            check("pushed-down").by(|snapshot| pushed_down(&snapshot.table("nodes")?)),
            check("json").by(json),
        ]
    }
}

fn by_rows(nodes: &TableView) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    for row in nodes.rows() {
        let up = row.text("state") == Some("Up");
        let age_ms = row.number("heartbeat_age_ms").unwrap_or(f64::INFINITY);
        let used = row.number("used_ratio").unwrap_or(1.0);
        if !up || age_ms > SILENT_MS || used > FULL {
            findings.fail(violation(&row));
        }
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

fn by_columns(nodes: &TableView) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    let (states, ages_ms, used) = (
        nodes.texts("state"),
        nodes.numbers("heartbeat_age_ms"),
        nodes.numbers("used_ratio"),
    );
    for (index, ((state, age_ms), used)) in states.zip(ages_ms).zip(used).enumerate() {
        let up = state == Some("Up");
        if !up || age_ms.unwrap_or(f64::INFINITY) > SILENT_MS || used.unwrap_or(1.0) > FULL {
            nodes
                .row(index)
                .iter()
                .for_each(|row| findings.fail(violation(row)));
        }
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

/// What the host can tell is asked of the host; what is left is few.
fn pushed_down(nodes: &TableView) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    let broken = [
        ("state", Comparison::Ne, Scalar::Text("Up".to_owned())),
        ("heartbeat_age_ms", Comparison::Gt, Scalar::Float(SILENT_MS)),
        ("used_ratio", Comparison::Gt, Scalar::Float(FULL)),
    ];
    for term in broken {
        let found = nodes.filter(&[term])?;
        found.rows().for_each(|row| findings.fail(violation(&row)));
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

fn violation(row: &Row<'_>) -> Violation {
    let node = entity("node", row.text("node").unwrap_or("?"));
    Violation::new(node, "it is down, silent or full").evidence(row.evidence("used_ratio"))
}

/// What a host without typed tables would hand over: every field of every object, whether it is asked for or not.
#[derive(Deserialize)]
struct Node<'a> {
    node: &'a str,
    state: &'a str,
    heartbeat_age_ms: i64,
    used_ratio: f64,
}

fn json(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("json")?;
    let Some(document) = table.first() else {
        return Ok(Outcome::inconclusive("there is no document"));
    };
    let text = document.text("json").unwrap_or_default();
    let nodes: Vec<Node<'_>> =
        serde_json::from_str(text).map_err(|error| PluginError::Protocol(error.to_string()))?;
    let mut findings = Findings::new();
    for node in &nodes {
        if node.state == "Up"
            && node.heartbeat_age_ms as f64 <= SILENT_MS
            && node.used_ratio <= FULL
        {
            continue;
        }
        let violation = Violation::new(entity("node", node.node), "it is down, silent or full");
        findings.fail(violation.evidence(document.evidence("json")));
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

export_checks!(Rule);
