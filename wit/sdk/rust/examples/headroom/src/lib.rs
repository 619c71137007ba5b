//! Every node has room left: no less than a fifth of its space is free.

use operator_plugin::{
    Check, Findings, Invariants, Outcome, PluginError, PluginInfo, Row, Snapshot, Violation,
    export_invariants,
};

const LEAST_FREE: f64 = 0.2;

/// The module: one check.
pub struct Module;

impl Invariants for Module {
    fn info() -> PluginInfo {
        let (name, version, summary) = ("headroom", "0.1.0", "Every node has room left");
        PluginInfo {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
        }
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
        low += u32::from(judge_node(&row, &mut findings));
    }
    let ticks = if low > 0 { remembered(state) + 1 } else { 0 };
    let outcome = findings.conclude(format!("{} nodes, low for {ticks} ticks", nodes.len()));
    Ok(outcome.remember(ticks.to_string().into_bytes()))
}

/// Whether the node is low.
fn judge_node(row: &Row<'_>, findings: &mut Findings) -> bool {
    let entity = format!("node/{}", row.text("node").unwrap_or("?"));
    let Some(share) = row.number("free_ratio") else {
        findings.unknown(&entity, "its free space is not known");
        return false;
    };
    if !(0.0..=1.0).contains(&share) {
        findings.unknown(&entity, "its free space is no share of a whole");
        return false;
    }
    if share >= LEAST_FREE {
        findings.pass(entity);
        return false;
    }
    let violation = Violation::new(entity, format!("{} of its space is free", percent(share)));
    let free = row.evidence("free_ratio").expected("at least 0.2");
    findings.fail(violation.evidence(free).evidence(row.evidence("objects")));
    true
}

/// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0 + 0.5) as i64;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// The number of ticks that the last call remembered; 0 for anything else.
fn remembered(state: Option<&[u8]>) -> u32 {
    let digits = state.filter(|state| state.len() <= 9 && state.iter().all(u8::is_ascii_digit));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .unwrap_or(0)
}

export_invariants!(Module);

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::testing::SnapshotBuilder;
    use operator_plugin::{Status, table};

    fn judge(free: [Option<f64>; 2]) -> Outcome {
        let names = ["a", "b"].map(str::to_owned);
        let nodes = table("nodes")
            .texts("node", names)
            .floats("free_ratio", "1", free)
            .integers("objects", "1", [7, 8]);
        room(
            &SnapshotBuilder::of("test").table(nodes).build(),
            Some(b"2"),
        )
        .unwrap()
    }

    #[test]
    fn a_full_node_fails_and_an_empty_one_passes() {
        let outcome = judge([Some(0.0496), Some(0.2)]);
        assert_eq!(outcome.violations[0].summary, "5.0 % of its space is free");
        assert_eq!(
            (outcome.passed, outcome.state),
            (vec!["node/b".to_owned()], Some(b"3".to_vec()))
        );
    }

    #[test]
    fn what_is_not_known_is_never_a_pass() {
        assert_eq!(judge([Some(0.5), None]).status, Status::Inconclusive);
        assert_eq!(
            judge([Some(0.5), Some(f64::NAN)]).status,
            Status::Inconclusive
        );
    }
}
