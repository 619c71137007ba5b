//! Composes the ticket of an incident.

use operator_model::title::{UNKNOWN_CAUSE, title};
use operator_model::{
    Claim, Decision, DecisionMode, EntityId, Evidence, FailureModeId, Incident, Prohibition,
    Provenance, Scalar, Ticket, TicketOption, TicketState, Timestamp,
};

/// What the decide stage proposes for an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// At least two, one of them `wait`.
    pub options: Vec<TicketOption>,
    /// What must not be done.
    pub do_not: Vec<Prohibition>,
    /// The recommendation.
    pub decision: Decision,
    /// Why.
    pub rationale: Vec<Claim>,
    /// What could not be filled in.
    pub gaps: Vec<String>,
}

/// Combines an incident with its options. The id is assigned when the ticket is opened.
#[must_use]
pub fn compose(
    incident: &Incident,
    proposal: Proposal,
    provenance: Provenance,
    observed_at: Timestamp,
) -> Ticket {
    let mut gaps = incident.diagnosis.gaps.clone();
    gaps.extend(
        proposal
            .gaps
            .into_iter()
            .filter(|gap| !incident.diagnosis.gaps.contains(gap)),
    );
    let mut ticket = Ticket {
        id: String::new(),
        key: incident.key.clone(),
        state: TicketState::Open,
        severity: incident.severity,
        title: incident.title.clone(),
        opened_at: observed_at,
        updated_at: observed_at,
        entities: entities(incident),
        names: incident.names.clone(),
        observations: incident.evidence.clone(),
        symptoms: incident.symptoms.clone(),
        recovering_since: incident.recovering_since,
        hypotheses: incident.diagnosis.hypotheses.clone(),
        path: incident.diagnosis.path.clone(),
        gaps,
        abstained: incident.diagnosis.abstained,
        options: proposal.options,
        do_not: proposal.do_not,
        decision: proposal.decision,
        rationale: proposal.rationale,
        explanation_score: 0,
        provenance,
    };
    make_finite(&mut ticket);
    ticket
}

/// Removes everything that rests on claims which could not be verified. Observations stay, their explanation
/// does not; `failures` state why.
#[must_use]
pub fn withhold(mut ticket: Ticket, failures: &[String]) -> Ticket {
    let unknown_cause = FailureModeId::from(UNKNOWN_CAUSE);
    ticket
        .hypotheses
        .retain(|hypothesis| hypothesis.card == unknown_cause);
    for hypothesis in &mut ticket.hypotheses {
        hypothesis.supports.clear();
        hypothesis.contradicts.clear();
        hypothesis.neutral.clear();
        hypothesis.probability = 1.0;
    }
    ticket.abstained = true;
    ticket.path.clear();
    ticket.rationale.clear();
    ticket.gaps.extend(
        failures
            .iter()
            .map(|failure| format!("explanation withheld: {failure}")),
    );
    ticket.decision = Decision {
        option: "wait".to_owned(),
        mode: DecisionMode::ObserveOnly,
        revisit_when: "the explanation can be verified against the recorded evidence".to_owned(),
    };
    ticket.entities = distinct(ticket.symptoms.iter().map(|symptom| &symptom.entity));
    ticket.title = title(&ticket.symptoms, &ticket.hypotheses, true, &ticket.names);
    ticket
}

/// The suspect and the host it runs on, if there is a suspect; then all entities with a symptom, by onset.
fn entities(incident: &Incident) -> Vec<EntityId> {
    let leader = incident
        .diagnosis
        .hypotheses
        .first()
        .filter(|_| !incident.diagnosis.abstained);
    let suspect = leader.and_then(|hypothesis| hypothesis.component.as_ref());
    let located = incident.located.iter().filter(|_| suspect.is_some());
    distinct(
        suspect
            .into_iter()
            .chain(located)
            .chain(incident.symptoms.iter().map(|symptom| &symptom.entity)),
    )
}

fn distinct<'a>(ids: impl Iterator<Item = &'a EntityId>) -> Vec<EntityId> {
    let mut kept: Vec<EntityId> = Vec::new();
    for id in ids {
        if !kept.contains(id) {
            kept.push(id.clone());
        }
    }
    kept
}

/// JSON has no infinity: a number that cannot be written could not be read back after a restart.
fn make_finite(ticket: &mut Ticket) {
    for hypothesis in &mut ticket.hypotheses {
        finite(&mut hypothesis.prior);
        finite(&mut hypothesis.probability);
        finite(&mut hypothesis.log_odds);
        for assessed in hypothesis
            .supports
            .iter_mut()
            .chain(&mut hypothesis.contradicts)
            .chain(&mut hypothesis.neutral)
        {
            finite(&mut assessed.ratio);
            finite(&mut assessed.stated_ratio);
            finite(&mut assessed.opposite_ratio);
        }
    }
    ticket
        .options
        .iter_mut()
        .for_each(|option| finite(&mut option.expected_value));
    ticket
        .observations
        .iter_mut()
        .for_each(make_evidence_finite);
}

fn make_evidence_finite(evidence: &mut Evidence) {
    evidence.recent.retain(|value| value.is_finite());
    evidence.robust_z = evidence.robust_z.filter(|value| value.is_finite());
    for value in std::iter::once(&mut evidence.value).chain(&mut evidence.baseline) {
        if matches!(value, Scalar::Float(number) if !number.is_finite()) {
            *value = Scalar::Null;
        }
    }
}

fn finite(value: &mut f64) {
    if !value.is_finite() {
        *value = if value.is_nan() {
            0.0
        } else {
            value.clamp(f64::MIN, f64::MAX)
        };
    }
}
