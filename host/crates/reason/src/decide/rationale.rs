//! Why this diagnosis and not each alternative, why this option and not the next.

use operator_model::{
    Claim, Evidence, EvidenceId, EvidenceSource, Incident, Predicate, Scalar, SymptomKind,
    TicketOption,
};

/// The strongest observations that support the leading hypothesis; its own list has the others.
const SUPPORTS_MAX: usize = 3;

/// Claims in the order of the argument.
pub(super) fn claims(incident: &Incident, options: &[TicketOption]) -> Vec<Claim> {
    let leader = incident
        .diagnosis
        .hypotheses
        .iter()
        .find(|hypothesis| !hypothesis.is_unknown_cause());
    let supports = leader
        .map(|leader| leader.supports.as_slice())
        .unwrap_or_default();
    let counted = supports
        .iter()
        .filter(|one| one.ratio > 1.0)
        .take(SUPPORTS_MAX);
    let mut claims: Vec<Claim> = counted.map(|one| one.claim.clone()).collect();
    if claims.is_empty() {
        claims.extend(first_symptom(incident));
    }
    claims.extend(incident.diagnosis.discrimination.iter().cloned());
    let grounds = grounds(incident, &claims);
    claims.extend(preference(options, &grounds));
    claims
}

/// Without a supported hypothesis, the rationale states the first symptom.
fn first_symptom(incident: &Incident) -> Option<Claim> {
    let id = incident.symptoms.first()?.evidence.first()?;
    let evidence = incident
        .evidence
        .iter()
        .find(|evidence| &evidence.id == id)?;
    let entity = evidence.entity.clone();
    let Scalar::Text(text) = evidence.value.clone() else {
        return observed_anomaly(incident, evidence);
    };
    let predicate = match (&evidence.source, &evidence.baseline) {
        (EvidenceSource::Check, Some(Scalar::Text(what))) => Predicate::Verdict {
            what: what.clone(),
            entity,
            violated: text == "fail",
        },
        _ => Predicate::Quotes { entity, text },
    };
    Some(Claim::new(predicate, &[evidence]))
}

fn observed_anomaly(incident: &Incident, evidence: &Evidence) -> Option<Claim> {
    let entity = evidence.entity.clone()?;
    let z = evidence.robust_z?;
    let what = incident
        .symptoms
        .first()
        .map(|symptom| match &symptom.kind {
            SymptomKind::Anomaly(signal) => signal.to_string(),
            SymptomKind::Violation(_) | SymptomKind::Blind => evidence.query.clone(),
        })?;
    let predicate = Predicate::Deviates {
        what,
        entity,
        robust_z: z.abs().floor(),
        up: z > 0.0,
    };
    Some(Claim::new(predicate, &[evidence]))
}

/// Evidence for the choice of an option: that of the first claim before it.
fn grounds<'a>(incident: &'a Incident, claims: &[Claim]) -> Vec<&'a Evidence> {
    let mut ids: Vec<&EvidenceId> = claims
        .first()
        .map(|claim| claim.evidence.iter().collect())
        .unwrap_or_default();
    if ids.is_empty() {
        ids.extend(incident.evidence.first().map(|evidence| &evidence.id));
    }
    incident
        .evidence
        .iter()
        .filter(|evidence| ids.contains(&&evidence.id))
        .collect()
}

/// The recommended option compared with the next best one.
fn preference(options: &[TicketOption], grounds: &[&Evidence]) -> Option<Claim> {
    let [chosen, next, ..] = options else {
        return None;
    };
    let predicate = Predicate::Prefers {
        option: chosen.action.clone(),
        over: next.action.clone(),
        expected_value: chosen.expected_value,
        other_value: next.expected_value,
        risk: chosen.risk,
        other_risk: next.risk,
    };
    Some(Claim::new(predicate, grounds))
}
