use super::*;
use operator_data::SeriesStore;
use operator_model::verdict::{Observed, Violation};
use operator_model::{CheckId, Digest, EntityId, Scalar, Severity, Timestamp, Topology};
use std::collections::BTreeMap;

fn verdict(check: &str, status: Status, reason: &str) -> Verdict {
    Verdict {
        check: CheckId(check.to_owned()),
        module: "deployment".to_owned(),
        status,
        severity: Severity::Critical,
        claim: format!("{check} is right"),
        hold_ms: 0,
        reason: reason.to_owned(),
        violations: Vec::new(),
        passed: Vec::new(),
        fuel: 0,
    }
}

fn wrong() -> Verdict {
    let evidence = Observed {
        table: "nodes".to_owned(),
        row: Some(1),
        column: "address".to_owned(),
        value: Scalar::Text("0.0.0.0:1".to_owned()),
        unit: None,
        expected: Some("a name".to_owned()),
    };
    let violation = Violation {
        entity: EntityId("node/2".to_owned()),
        summary: "node/2 advertises 0.0.0.0:1".to_owned(),
        severity: Severity::Critical,
        confirmed: false,
        evidence: vec![evidence],
    };
    Verdict {
        violations: vec![violation],
        ..verdict("addresses", Status::Fail, "set --advertise")
    }
}

fn checklist(verdicts: Vec<Verdict>) -> Checklist {
    let snapshot = Snapshot {
        tick: Tick(1),
        taken_at: Timestamp(0),
        host_at: Timestamp(0),
        subject: "nodes".to_owned(),
        system: "s-1".to_owned(),
        tables: BTreeMap::new(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    };
    Checklist::new(&snapshot, verdicts)
}

#[test]
fn what_is_wrong_comes_with_cause_evidence_and_remedy() {
    let text = checklist(vec![wrong()]).human(false);
    for part in [
        "✘ addresses is right",
        "cause   node/2 advertises",
        "nodes[1].address = ",
        "remedy  set --advertise",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn one_open_question_is_not_success_and_one_wrong_thing_decides() {
    let right = || verdict("a", Status::Pass, "3 nodes");
    let open = || verdict("b", Status::Inconclusive, "not seen");
    assert_eq!(exit_of(&checklist(vec![right()])), Exit::Success);
    assert_eq!(
        exit_of(&checklist(vec![right(), open()])),
        Exit::Inconclusive
    );
    assert_eq!(
        exit_of(&checklist(vec![right(), open(), wrong()])),
        Exit::Findings
    );
    assert_eq!(exit_of(&checklist(Vec::new())), Exit::Inconclusive);
}
