//! While the cause is undetermined: which observation would determine it.

use super::facts::Facts;
use super::weighing::{RankedCause, bounded};
use operator_model::Hypothesis;
use operator_model::knowledge::EvidenceRule;
use operator_model::quantity::number;

/// One line: the missing observation that discriminates the two leading hypotheses best.
pub(super) fn next_observation(
    facts: &Facts<'_>,
    kept: &[&RankedCause<'_>],
    hypotheses: &[Hypothesis],
    is_blindness: bool,
) -> Option<String> {
    let labels: Vec<String> = hypotheses
        .iter()
        .filter(|h| !h.is_unknown_cause())
        .map(Hypothesis::label)
        .collect();
    let ([first, rest @ ..], [label, other_labels @ ..]) = (kept, labels.as_slice()) else {
        return (!is_blindness).then(|| {
            "no known failure mode explains these symptoms; investigate manually".to_owned()
        });
    };
    let second = rest.first();
    let other_label = other_labels
        .first()
        .map_or("any other cause", String::as_str);
    let candidates = missing_with_weight(facts, first, second.copied());
    let best = candidates
        .into_iter()
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    Some(match best.filter(|(weight, _)| *weight > 0.0) {
        Some((weight, missing)) => {
            let factor = number(weight.exp());
            format!(
                "to distinguish {label} from {other_label}, check this first (likelihood ratio up to {factor}): {missing}"
            )
        }
        None => {
            format!("no missing observation would distinguish {label} from {other_label}")
        }
    })
}

/// Missing observations of either hypothesis, with the logarithm of the likelihood ratio that they can contribute.
fn missing_with_weight(
    facts: &Facts<'_>,
    first: &RankedCause<'_>,
    second: Option<&RankedCause<'_>>,
) -> Vec<(f64, String)> {
    let mut found = Vec::new();
    for (own, other) in [(Some(first), second), (second, Some(first))] {
        let Some(own) = own else { continue };
        for (rule, text) in own.cause.missing(facts) {
            let twin = other
                .filter(|other| other.cause.suspect == own.cause.suspect)
                .and_then(|other| twin(other, rule));
            found.push((weight(rule, twin), text));
        }
    }
    found
}

/// The rule of the other failure mode that tests the same.
fn twin<'a>(other: &RankedCause<'a>, rule: &EvidenceRule) -> Option<&'a EvidenceRule> {
    other
        .cause
        .failure_mode
        .evidence
        .iter()
        .find(|candidate| candidate.test == rule.test && candidate.scope == rule.scope)
}

/// The larger of what a true and what a false result would change between the two.
fn weight(rule: &EvidenceRule, twin: Option<&EvidenceRule>) -> f64 {
    let difference = |own: f64, other: Option<f64>| {
        (bounded(own).ln() - other.map_or(0.0, |r| bounded(r).ln())).abs()
    };
    let if_true = difference(rule.ratio_if_true, twin.map(|t| t.ratio_if_true));
    let if_false = difference(rule.ratio_if_false, twin.map(|t| t.ratio_if_false));
    if_true.max(if_false)
}
