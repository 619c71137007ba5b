//! Checks 1 to 6: sentences and the evidence that they cite.

use super::ticket_view::TicketView;
use operator_model::sentence::{DISCRIMINATING_RATIO_MIN, deviation, sentence};
use operator_model::statistics::median;
use operator_model::{
    Claim, EntityId, Evidence, EvidenceSource, Hypothesis, Predicate, Scalar, Symptom, SymptomKind,
};
use std::collections::BTreeSet;

/// Evidence may be older than the incident by its own window and this: sources are scraped every 15 s,
/// and a check may see immediately what a scrape shows a minute later.
const WINDOW_SLACK_MS: u64 = 60_000;

/// Rounding of a likelihood ratio between the stage that wrote it and the sum of its parts.
const RATIO_TOLERANCE: f64 = 1.01;

pub(super) fn cite_something(view: &TicketView<'_>) -> Vec<String> {
    let claims = view
        .claims()
        .filter(|claim| claim.evidence.is_empty())
        .map(|claim| quoted(&claim.text));
    let symptoms = view
        .ticket
        .symptoms
        .iter()
        .filter(|symptom| symptom.evidence.is_empty());
    claims
        .chain(symptoms.map(|symptom| quoted(&symptom.summary)))
        .collect()
}

pub(super) fn cite_what_is_recorded(view: &TicketView<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut ids = BTreeSet::new();
    for evidence in &view.ticket.observations {
        if !ids.insert(&evidence.id) {
            failures.push(format!("{} is recorded twice", evidence.id));
        }
    }
    let cited = view.claims().flat_map(|claim| &claim.evidence);
    let cited: BTreeSet<_> = cited
        .chain(
            view.ticket
                .symptoms
                .iter()
                .flat_map(|symptom| &symptom.evidence),
        )
        .collect();
    failures.extend(
        cited
            .difference(&ids)
            .map(|id| format!("{id} is not recorded")),
    );
    failures
}

pub(super) fn hold(view: &TicketView<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    for claim in view.claims() {
        let cited = view.cited(claim);
        if !predicate_holds(view, claim, &cited) {
            failures.push(format!(
                "{} does not hold on {}",
                quoted(&claim.text),
                ids(claim)
            ));
        }
        if sentence(&claim.predicate, &cited) != claim.text {
            failures.push(format!(
                "{} differs from its predicate",
                quoted(&claim.text)
            ));
        }
    }
    for symptom in &view.ticket.symptoms {
        let is_elsewhere = |e: &&Evidence| {
            e.entity
                .as_ref()
                .is_some_and(|entity| entity != &symptom.entity)
        };
        let elsewhere = symptom
            .evidence
            .iter()
            .filter_map(|id| view.evidence(id))
            .find(is_elsewhere);
        failures.extend(
            elsewhere.map(|e| format!("{} is about another entity than {}", e.id, symptom.entity)),
        );
        failures.extend(unobserved_anomaly(view, symptom));
    }
    failures
}

/// The summary of an anomaly must match its evidence: the value, the usual value, and the direction.
fn unobserved_anomaly(view: &TicketView<'_>, symptom: &Symptom) -> Option<String> {
    let SymptomKind::Anomaly(_) = symptom.kind else {
        return None;
    };
    let shown = symptom.evidence.iter().find_map(|id| view.evidence(id))?;
    let tail = deviation(&shown.value, shown.baseline.as_ref(), shown.unit.as_deref());
    let is_flipped = shown
        .robust_z
        .zip(distance_from_baseline(shown))
        .is_some_and(|(z, distance)| z * distance < 0.0);
    (is_flipped || !symptom.summary.ends_with(&tail))
        .then(|| format!("{} was not observed", quoted(&symptom.summary)))
}

pub(super) fn units_and_directions(view: &TicketView<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    for evidence in &view.ticket.observations {
        let is_number = evidence.value.as_f64().is_some();
        if is_number && evidence.source == EvidenceSource::Signal && evidence.unit.is_none() {
            failures.push(format!("{} has no unit", evidence.id));
        }
        if evidence
            .value
            .as_f64()
            .is_some_and(|value| !value.is_finite())
        {
            failures.push(format!("{} is not a finite number", evidence.id));
        }
        let distance = distance_from_baseline(evidence);
        if let (Some(z), Some(distance)) = (evidence.robust_z, distance)
            && z * distance < 0.0
        {
            failures.push(format!(
                "{} deviates in the direction opposite to its robust z",
                evidence.id
            ));
        }
    }
    for claim in view.claims() {
        if let Predicate::Deviates { up, .. } = &claim.predicate
            && view
                .cited(claim)
                .iter()
                .any(|e| distance_from_baseline(e).is_some_and(|d| d != 0.0 && (d > 0.0) != *up))
        {
            failures.push(format!("{} names the wrong direction", quoted(&claim.text)));
        }
    }
    failures
}

pub(super) fn windows(view: &TicketView<'_>) -> Vec<String> {
    let Some(started_at) = view
        .ticket
        .symptoms
        .iter()
        .map(|symptom| symptom.onset.0)
        .min()
    else {
        return Vec::new();
    };
    let outside = view.ticket.observations.iter().filter(|evidence| {
        let (from, to) = evidence.window;
        let span_ms = to.since_ms(from);
        let latest_start = to.plus_ms(span_ms.saturating_add(WINDOW_SLACK_MS));
        from > to || to > view.ticket.updated_at || latest_start < started_at
    });
    outside
        .map(|evidence| format!("{} is from {}", evidence.id, evidence.window.1))
        .collect()
}

pub(super) fn quotations(view: &TicketView<'_>) -> Vec<String> {
    let wrong = view.claims().filter(|claim| match &claim.predicate {
        Predicate::Quotes { text, .. } => {
            text.is_empty() || !view.cited(claim).iter().all(|e| contains(&e.value, text))
        }
        // The deciding claim is quoted from the hypotheses; it must be one of their verified claims.
        Predicate::Discriminates { because, .. } => {
            !because.is_empty() && !assessed_texts(view).contains(because.as_str())
        }
        _ => false,
    });
    wrong.map(|claim| quoted(&claim.text)).collect()
}

fn assessed_texts<'a>(view: &TicketView<'a>) -> BTreeSet<&'a str> {
    view.ticket
        .hypotheses
        .iter()
        .flat_map(Hypothesis::assessed)
        .map(|one| one.claim.text.as_str())
        .collect()
}

fn contains(value: &Scalar, text: &str) -> bool {
    matches!(value, Scalar::Text(stored) if stored.contains(text))
}

fn predicate_holds(view: &TicketView<'_>, claim: &Claim, cited: &[&Evidence]) -> bool {
    let is_about = |entity: &EntityId| {
        cited
            .iter()
            .all(|evidence| evidence.entity.as_ref() == Some(entity))
    };
    let is_about_it = |entity: &Option<EntityId>| entity.as_ref().is_none_or(is_about);
    if cited.is_empty() || cited.len() != claim.evidence.len() {
        return false;
    }
    match &claim.predicate {
        Predicate::Compares {
            entity,
            comparison,
            value,
            ..
        } => {
            is_about_it(entity)
                && cited
                    .iter()
                    .all(|evidence| comparison.holds(&evidence.value, value))
        }
        Predicate::Deviates {
            entity,
            robust_z,
            up,
            ..
        } => {
            let far = |e: &&Evidence| {
                e.robust_z
                    .is_some_and(|z| z.abs() >= *robust_z && (z > 0.0) == *up)
            };
            cited.len() == 1 && is_about(entity) && cited.iter().all(far)
        }
        Predicate::Steady {
            entity,
            z_min,
            z_max,
            ..
        } => {
            let inside =
                |z: f64| z_min.is_none_or(|min| z > min) && z_max.is_none_or(|max| z < max);
            is_about_it(entity)
                && cited
                    .iter()
                    .all(|evidence| evidence.robust_z.is_some_and(inside))
        }
        Predicate::Outlies {
            entity, factor, up, ..
        } => outlies(entity, *factor, *up, cited),
        Predicate::Verdict {
            what,
            entity,
            violated,
        } => {
            is_about_it(entity)
                && cited
                    .iter()
                    .all(|evidence| is_verdict(evidence, what, *violated))
        }
        Predicate::Quotes { entity, text } => {
            is_about_it(entity) && cited.iter().all(|evidence| contains(&evidence.value, text))
        }
        Predicate::Discriminates {
            winner,
            alternative,
            ratio,
            ..
        } => is_discriminated(view, claim, winner, alternative, *ratio),
        Predicate::Prefers { .. } => prefers(view, &claim.predicate),
    }
}

fn outlies(entity: &EntityId, factor: f64, up: bool, cited: &[&Evidence]) -> bool {
    let Some((first, others)) = cited.split_first() else {
        return false;
    };
    let values: Vec<f64> = others
        .iter()
        .filter_map(|evidence| evidence.value.as_f64())
        .collect();
    let is_peer =
        |evidence: &&Evidence| evidence.query == first.query && evidence.entity != first.entity;
    let (Some(value), Some(center)) = (first.value.as_f64(), median(&values)) else {
        return false;
    };
    let limit = if up {
        center + center.abs() * (factor - 1.0)
    } else {
        center - center.abs() * (1.0 - 1.0 / factor)
    };
    let is_beyond = if up { value >= limit } else { value <= limit };
    first.entity.as_ref() == Some(entity)
        && values.len() >= 2
        && others.iter().all(is_peer)
        && is_beyond
}

fn is_verdict(evidence: &Evidence, what: &str, violated: bool) -> bool {
    let status = if violated { "fail" } else { "pass" };
    evidence.source == EvidenceSource::Check
        && evidence.value == Scalar::Text(status.to_owned())
        && evidence.baseline == Some(Scalar::Text(what.to_owned()))
}

/// The product of the winner's ratios over that of the alternative's, all of them on the cited evidence.
fn is_discriminated(
    view: &TicketView<'_>,
    claim: &Claim,
    winner: &str,
    alternative: &str,
    ratio: f64,
) -> bool {
    let find = |label: &str| {
        view.ticket
            .hypotheses
            .iter()
            .find(|hypothesis| hypothesis.label() == label)
    };
    let (Some(winner), Some(alternative)) = (find(winner), find(alternative)) else {
        return false;
    };
    let weighed: BTreeSet<_> = winner
        .assessed()
        .chain(alternative.assessed())
        .flat_map(|one| &one.claim.evidence)
        .collect();
    let cites_all = weighed.is_empty() || claim.evidence.iter().collect::<BTreeSet<_>>() == weighed;
    let sum =
        |hypothesis: &Hypothesis| hypothesis.assessed().map(|one| one.ratio.ln()).sum::<f64>();
    let actual = (sum(winner) - sum(alternative)).exp();
    let is_marked =
        ratio >= DISCRIMINATING_RATIO_MIN || actual < DISCRIMINATING_RATIO_MIN * RATIO_TOLERANCE;
    cites_all
        && is_marked
        && ratio <= actual * RATIO_TOLERANCE
        && winner.label() != alternative.label()
}

fn prefers(view: &TicketView<'_>, predicate: &Predicate) -> bool {
    let Predicate::Prefers {
        option,
        over,
        expected_value,
        other_value,
        risk,
        other_risk,
    } = predicate
    else {
        return false;
    };
    let find = |id: &String| {
        view.ticket
            .options
            .iter()
            .find(|candidate| &candidate.action == id)
    };
    let (Some(chosen), Some(other)) = (find(option), find(over)) else {
        return false;
    };
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    option == &view.ticket.decision.option
        && option != over
        && same(chosen.expected_value, *expected_value)
        && same(other.expected_value, *other_value)
        && (chosen.risk, other.risk) == (*risk, *other_risk)
}

fn distance_from_baseline(evidence: &Evidence) -> Option<f64> {
    Some(evidence.value.as_f64()? - evidence.baseline.as_ref()?.as_f64()?)
}

fn ids(claim: &Claim) -> String {
    claim
        .evidence
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn quoted(text: &str) -> String {
    format!("“{}”", operator_model::quantity::escape(text, 120))
}
