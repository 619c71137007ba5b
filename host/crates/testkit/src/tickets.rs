//! Small tickets, as the reasoning stages would compose them.

use operator_model::{
    Decision, DecisionMode, EntityId, FailureModeId, Hypothesis, IncidentKey, Provenance, Severity,
    Symptom, SymptomKind, Ticket, TicketState, Timestamp,
};
use std::collections::BTreeMap;

/// A small ticket as the earlier stages would compose it.
pub fn composed(key: &str, at: u64, probability: f64) -> Ticket {
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

fn symptom(entity: &EntityId) -> Symptom {
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
