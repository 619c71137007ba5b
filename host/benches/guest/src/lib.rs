//! The checks that `cargo xtask bench` measures: one rule, asked in each way in which an author can ask it.
//! `host/benches/plugins/rule.rs` holds the same rule in native code.

use operator_plugin::{
    Check, Comparison, Evidence, Findings, Invariants, Outcome, PluginError, PluginInfo, Scalar, Snapshot, TableView,
    Violation, export_invariants,
};
use serde::Deserialize;

/// A node is full from here on.
const FULL: f64 = 0.9;

/// Checks that each look at every row of every large table.
const LOOKS: usize = 100;

/// The module.
pub struct Module;

impl Invariants for Module {
    fn info() -> PluginInfo {
        let (name, version, summary) = ("measured", "0.1.0", "One rule, asked in each way");
        PluginInfo { name: name.to_owned(), version: version.to_owned(), summary: summary.to_owned() }
    }

    fn checks() -> Vec<Check> {
        let check = |id: &str| Check::new(id, "no node is full");
        let mut checks = vec![
            check("by-rows").by(|snapshot| by_rows(&snapshot.table("nodes")?)),
            check("by-columns").by(|snapshot| by_columns(&snapshot.table("nodes")?)),
            check("pushed-down").by(|snapshot| pushed_down(&snapshot.table("nodes")?)),
            check("json").by(json),
        ];
        checks.extend((0..LOOKS).map(|index| check(&format!("look-{index}")).by(look_at_all)));
        checks
    }
}

fn by_rows(nodes: &TableView) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    for row in nodes.rows() {
        if row.number("used_ratio").is_some_and(|used| used > FULL) {
            let entity = format!("node/{}", row.text("node").unwrap_or("?"));
            findings.fail(Violation::new(entity, "it is full").evidence(row.evidence("used_ratio")));
        }
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

fn by_columns(nodes: &TableView) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    let full = nodes.floats("used_ratio").iter().enumerate().filter(|(_, used)| used.is_some_and(|used| used > FULL));
    for row in full.filter_map(|(index, _)| nodes.rows().nth(index)) {
        let entity = format!("node/{}", row.text("node").unwrap_or("?"));
        findings.fail(Violation::new(entity, "it is full").evidence(row.evidence("used_ratio")));
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

fn pushed_down(nodes: &TableView) -> Result<Outcome, PluginError> {
    by_rows(&nodes.filter(&[("used_ratio", Comparison::Gt, Scalar::Float(FULL))])?)
}

/// What a host without typed tables would hand over: every field of every object, whether it is asked for or not.
#[derive(Deserialize)]
struct Node<'a> {
    node: &'a str,
    used_ratio: f64,
}

fn json(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("json")?;
    let text = table.first().and_then(|row| row.text("json")).unwrap_or_default();
    let nodes: Vec<Node<'_>> = serde_json::from_str(text).map_err(|error| PluginError::Protocol(error.to_string()))?;
    let mut findings = Findings::new();
    for node in nodes.iter().filter(|node| node.used_ratio > FULL) {
        let evidence = Evidence::metric("used_ratio", node.used_ratio, "1");
        findings.fail(Violation::new(format!("node/{}", node.node), "it is full").evidence(evidence));
    }
    Ok(findings.conclude(format!("{} nodes", nodes.len())))
}

fn look_at_all(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut full = 0;
    for name in snapshot.tables().iter().filter(|name| name.starts_with("look-")) {
        full += snapshot.table(name)?.filter(&[("used_ratio", Comparison::Gt, Scalar::Float(FULL))])?.len();
    }
    Ok(if full == 0 { Outcome::pass("nobody is full") } else { Outcome::inconclusive(format!("{full} are full")) })
}

export_invariants!(Module);
