//! When the cause stays open: which observation would close it.

use super::facts::Facts;
use super::weigh::{Weighed, bounded};
use operator_model::Hypothesis;
use operator_model::knowledge::EvidenceRule;
use operator_model::quantity::number;

/// One line: the missing observation with the largest difference between the two leading cards.
pub(super) fn what_would_tell(
    facts: &Facts<'_>,
    kept: &[&Weighed<'_>],
    hypotheses: &[Hypothesis],
    is_blindness: bool,
) -> Option<String> {
    let labels: Vec<String> = hypotheses
        .iter()
        .filter(|h| !h.is_none_of_these())
        .map(Hypothesis::label)
        .collect();
    let ([first, rest @ ..], [label, other_labels @ ..]) = (kept, labels.as_slice()) else {
        return (!is_blindness)
            .then(|| "no failure that is known of this system explains what is seen: a person has to look".to_owned());
    };
    let second = rest.first();
    let other_label = other_labels.first().map_or("anything else", String::as_str);
    let candidates = missing_with_weight(facts, first, second.copied());
    let best = candidates
        .into_iter()
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    Some(match best.filter(|(weight, _)| *weight > 0.0) {
        Some((weight, missing)) => {
            let factor = number(weight.exp());
            format!(
                "to tell {label} from {other_label}, look at this first (worth a factor of up to {factor}): {missing}"
            )
        }
        None => {
            format!(
                "nothing that is known of these failures and was not looked at tells {label} from {other_label}"
            )
        }
    })
}

/// Missing observations of either case, with the logarithm of the factor that they can be worth.
fn missing_with_weight(
    facts: &Facts<'_>,
    first: &Weighed<'_>,
    second: Option<&Weighed<'_>>,
) -> Vec<(f64, String)> {
    let mut found = Vec::new();
    for (own, other) in [(Some(first), second), (second, Some(first))] {
        let Some(own) = own else { continue };
        for (rule, text) in own.case.missing(facts) {
            let twin = other
                .filter(|other| other.case.suspect == own.case.suspect)
                .and_then(|other| twin(other, rule));
            found.push((weight(rule, twin), text));
        }
    }
    found
}

/// The rule of the other card that asks the same question.
fn twin<'a>(other: &Weighed<'a>, rule: &EvidenceRule) -> Option<&'a EvidenceRule> {
    other
        .case
        .card
        .evidence
        .iter()
        .find(|candidate| candidate.test == rule.test && candidate.scope == rule.scope)
}

/// The larger of what a yes and what a no would change between the two.
fn weight(rule: &EvidenceRule, twin: Option<&EvidenceRule>) -> f64 {
    let difference = |own: f64, other: Option<f64>| {
        (bounded(own).ln() - other.map_or(0.0, |r| bounded(r).ln())).abs()
    };
    let yes = difference(rule.ratio_if_true, twin.map(|t| t.ratio_if_true));
    let no = difference(rule.ratio_if_false, twin.map(|t| t.ratio_if_false));
    yes.max(no)
}
