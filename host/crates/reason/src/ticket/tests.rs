use super::*;
use operator_model::{
    Decision, DecisionMode, EntityId, FailureModeId, Hypothesis, IncidentKey, Provenance, Severity,
    Symptom, SymptomKind, Ticket, TicketChange, TicketState, Timestamp,
};
use std::collections::BTreeMap;

/// A small ticket as the earlier stages would compose it.
pub(crate) fn composed(key: &str, at: u64, probability: f64) -> Ticket {
    let entity = EntityId::new("node", key);
    Ticket {
        id: String::new(),
        key: IncidentKey::from(key),
        state: TicketState::Open,
        severity: Severity::Warning,
        title: format!("Node {key} is slow"),
        opened_at: Timestamp(at),
        updated_at: Timestamp(at),
        entities: vec![entity.clone()],
        names: BTreeMap::new(),
        observations: Vec::new(),
        symptoms: vec![symptom(&entity)],
        hypotheses: vec![
            hypothesis("disk-slow", Some(entity), probability),
            hypothesis("none-of-these", None, 0.1),
        ],
        path: Vec::new(),
        gaps: Vec::new(),
        recovering_since: None,
        abstained: false,
        options: Vec::new(),
        do_not: Vec::new(),
        decision: Decision {
            option: "wait".to_owned(),
            mode: DecisionMode::ObserveOnly,
            revisit_when: String::new(),
        },
        rationale: Vec::new(),
        explanation_score: 100,
        provenance: Provenance::default(),
    }
}

pub(crate) fn symptom(entity: &EntityId) -> Symptom {
    Symptom {
        kind: SymptomKind::Violation("latency".into()),
        entity: entity.clone(),
        onset: (Timestamp(0), Timestamp(1)),
        severity: Severity::Warning,
        summary: "latency is high".to_owned(),
        evidence: Vec::new(),
        ended_at: None,
    }
}

fn hypothesis(card: &str, component: Option<EntityId>, probability: f64) -> Hypothesis {
    Hypothesis {
        card: FailureModeId::from(card),
        component,
        title: "Disk is slow".to_owned(),
        mechanism: "the disk is slow".to_owned(),
        prior: 0.1,
        probability,
        log_odds: 0.0,
        supports: Vec::new(),
        contradicts: Vec::new(),
        neutral: Vec::new(),
        missing: Vec::new(),
    }
}

fn change(entry: Option<Entry>) -> Option<(TicketChange, String)> {
    entry.map(|entry| (entry.change, entry.ticket.id))
}

#[test]
fn an_incident_opens_one_ticket_and_nothing_new_writes_nothing() {
    let mut ticket_table = TicketTable::default();
    assert_eq!(ticket_table.file(composed("a", 1_000, 0.6), false), None);
    assert_eq!(
        change(ticket_table.file(composed("a", 2_000, 0.6), true)),
        Some((TicketChange::Opened, "T-1".into()))
    );
    assert_eq!(ticket_table.file(composed("a", 60_000, 0.65), true), None);
    assert_eq!(
        change(ticket_table.file(composed("b", 61_000, 0.6), true)),
        Some((TicketChange::Opened, "T-2".into()))
    );
    assert_eq!(ticket_table.open().count(), 2);
}

#[test]
fn a_material_change_is_written_with_its_reason_and_keeps_identity() {
    let mut ticket_table = TicketTable::default();
    ticket_table.file(composed("a", 1_000, 0.5), true);
    let updated = ticket_table.file(composed("a", 20_000, 0.6), true).unwrap();
    assert_eq!(
        (updated.change, updated.ticket.opened_at),
        (TicketChange::Updated, Timestamp(1_000))
    );
    assert_eq!(updated.because, ["probability 0.50 → 0.60"]);

    let mut worse = composed("a", 20_500, 0.6);
    worse.severity = Severity::Critical;
    assert_eq!(
        ticket_table.file(worse, true).unwrap().because,
        ["severity warning → critical"]
    );
}

#[test]
fn small_changes_wait_until_the_last_version_is_old_enough() {
    let mut ticket_table = TicketTable::default();
    ticket_table.file(composed("a", 1_000, 0.5), true);
    assert_eq!(ticket_table.file(composed("a", 5_000, 0.9), true), None);
    assert!(
        ticket_table
            .file(composed("a", 11_000, 0.9), true)
            .is_some()
    );
}

#[test]
fn a_relapse_reopens_the_ticket_for_ten_minutes_and_not_longer() {
    let resolved_at = 100_000;
    for (away_ms, expected) in [
        (REOPEN_WITHIN_MS, (TicketChange::Reopened, "T-1")),
        (REOPEN_WITHIN_MS + 1, (TicketChange::Opened, "T-2")),
    ] {
        let mut ticket_table = TicketTable::default();
        ticket_table.file(composed("a", 1_000, 0.5), true);
        let entry = ticket_table
            .resolve(&"a".into(), Timestamp(resolved_at), "all symptoms are gone")
            .unwrap();
        assert_eq!(
            (entry.change, entry.ticket.state),
            (TicketChange::Resolved, TicketState::Resolved)
        );
        assert_eq!(
            ticket_table.resolve(&"a".into(), Timestamp(resolved_at), "again"),
            None
        );
        let back = ticket_table.file(composed("a", resolved_at + away_ms, 0.5), true);
        assert_eq!(change(back), Some((expected.0, expected.1.to_owned())));
    }
}

#[test]
fn a_restored_ticket_table_continues_the_numbering_and_has_its_tickets() {
    let mut ticket_table = TicketTable::default();
    ticket_table.file(composed("a", 1_000, 0.5), true);
    let mut restored = TicketTable::restore(ticket_table.tickets().cloned().collect(), 7);
    assert_eq!(restored.file(composed("a", 2_000, 0.5), true), None);
    assert_eq!(
        change(restored.file(composed("b", 2_000, 0.5), true)),
        Some((TicketChange::Opened, "T-8".into()))
    );
}

#[test]
fn an_unverified_explanation_is_withheld_and_observations_stay() {
    let ticket = withhold(
        composed("a", 1_000, 0.9),
        &["claim 3 cites e9, which is not there".to_owned()],
    );
    assert!(ticket.abstained && ticket.rationale.is_empty());
    assert!(
        ticket
            .hypotheses
            .iter()
            .all(|hypothesis| hypothesis.component.is_none())
    );
    assert_eq!(ticket.symptoms.len(), 1);
    assert!(
        ticket
            .gaps
            .iter()
            .any(|gap| gap.contains("claim 3 cites e9"))
    );
}

#[test]
fn a_recovering_system_does_not_remove_the_cause_from_its_ticket() {
    let mut ticket_table = TicketTable::default();
    ticket_table.file(composed("a", 1_000, 0.9), true).unwrap();
    let mut well = composed("a", 60_000, 0.9);
    well.hypotheses.remove(0);
    well.abstained = true;
    assert_eq!(
        ticket_table.file(well.clone(), true),
        None,
        "nothing new, only less"
    );
    well.symptoms.push(symptom(&EntityId::new("node", "b")));
    let entry = ticket_table.file(well, true).unwrap();
    assert!(
        entry.ticket.abstained,
        "a new symptom that nothing explains does reopen the question"
    );
}
