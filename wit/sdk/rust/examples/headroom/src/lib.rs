//! Every node has room left: no less than a fifth of its space is free.

use operator_plugin::{
    Check, Checks, Findings, Outcome, PluginError, PluginInfo, Row, Snapshot, Violation, entity,
    export_checks,
};

const LEAST_FREE: f64 = 0.2;

/// The plugin: one check.
pub struct Headroom;

impl Checks for Headroom {
    fn info() -> PluginInfo {
        PluginInfo::new("headroom", "0.1.0", "Every node has room left")
    }

    fn checks() -> Vec<Check> {
        vec![
            Check::new("headroom", "every node has a fifth of its space free")
                .reads(&["nodes"])
                .with_state(room),
        ]
    }

    /// Version 0.1 already counted ticks in this way.
    fn migrate(
        _check: &str,
        from_version: &str,
        state: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        Ok(from_version.starts_with("0.1.").then_some(state))
    }
}

fn room(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let nodes = snapshot.table("nodes")?;
    let mut findings = Findings::new();
    let mut low = 0;
    for row in nodes.rows() {
        low += u32::from(evaluate_node(&row, &mut findings));
    }
    let ticks = if low > 0 { remembered(state) + 1 } else { 0 };
    let outcome = findings.conclude(format!("{} nodes, low for {ticks} ticks", nodes.len()));
    Ok(outcome.remember(ticks.to_string().into_bytes()))
}

/// Whether the node is low.
fn evaluate_node(row: &Row<'_>, findings: &mut Findings) -> bool {
    let node = entity("node", row.text("node").unwrap_or("?"));
    let Some(share) = row.number("free_ratio") else {
        findings.unknown(&node, "its free space is not known");
        return false;
    };
    if !(0.0..=1.0).contains(&share) {
        findings.unknown(&node, "its free ratio lies outside 0 to 1");
        return false;
    }
    if share >= LEAST_FREE {
        findings.pass(node);
        return false;
    }
    let violation = Violation::new(node, format!("{} of its space is free", percent(share)));
    let free = row.evidence("free_ratio").expected("at least 0.2");
    findings.fail(violation.evidence(free).evidence(row.evidence("objects")));
    true
}

/// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0 + 0.5) as i64;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// The number of ticks in the state of the last call; 0 for anything else.
fn remembered(state: Option<&[u8]>) -> u32 {
    let digits = state.filter(|state| state.len() <= 9 && state.iter().all(u8::is_ascii_digit));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .unwrap_or(0)
}

export_checks!(Headroom);

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::testing::SnapshotBuilder;
    use operator_plugin::{Status, table};

    fn evaluate(free: [Option<f64>; 2]) -> Outcome {
        let names = ["a", "b"].map(str::to_owned);
        let nodes = table("nodes")
            .texts("node", names)
            .floats("free_ratio", "1", free)
            .integers("objects", "1", [7, 8]);
        let snapshot = SnapshotBuilder::of("test").table(nodes).build();
        room(&snapshot, Some(b"2")).unwrap()
    }

    #[test]
    fn a_full_node_fails_and_an_empty_one_passes() {
        let outcome = evaluate([Some(0.0496), Some(0.2)]);
        assert_eq!(
            outcome.violations()[0].summary,
            "5.0 % of its space is free"
        );
        assert_eq!(outcome.passed(), ["node/b"]);
        assert_eq!(outcome.state, Some(b"3".to_vec()));
    }

    #[test]
    fn an_unknown_value_is_never_a_pass() {
        for unknown in [None, Some(f64::NAN)] {
            let outcome = evaluate([Some(0.5), unknown]);
            assert_eq!(outcome.status(), Status::Inconclusive);
        }
    }
}
