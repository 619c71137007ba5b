//! The expected value of an option over all hypotheses.

use super::{INVESTIGATE, WAIT, fit_of};
use operator_model::command::Step;
use operator_model::knowledge::{Action, Fitness, KnowledgeBase, Risk};
use operator_model::{EntityId, Incident, TicketOption};

/// The best remedy is worth 1; one that works at a higher cost a little more than half of that; harm costs
/// twice what a remedy gains, because it meets a system that is already degraded.
fn worth(fitness: Fitness) -> f64 {
    match fitness {
        Fitness::Best => 1.0,
        Fitness::Acceptable => 0.6,
        Fitness::Useless => 0.0,
        Fitness::Harmful => -2.0,
    }
}

/// The cost of a risk, whatever the cause. A high one beats a safe option that also works only if the cause
/// is nearly certain.
fn cost(risk: Risk) -> f64 {
    match risk {
        Risk::None => 0.0,
        Risk::Low => 0.02,
        Risk::Medium => 0.1,
        Risk::High => 0.3,
    }
}

/// Expected value, -1 to 1, rounded to four decimals.
pub(super) fn expected(
    action: &Action,
    component: Option<&EntityId>,
    incident: &Incident,
    knowledge: &KnowledgeBase,
) -> f64 {
    let acts_on_component = mentions_component(action);
    let values = incident.diagnosis.hypotheses.iter().map(|hypothesis| {
        let worth = if hypothesis.is_unknown_cause() {
            against_the_unknown(&action.id)
        } else {
            let known =
                fit_of(knowledge, hypothesis, &action.id).map_or(0.0, |fit| worth(fit.fitness));
            // A remedy for one component does nothing for another; harm stays harm.
            let elsewhere = acts_on_component && hypothesis.component.as_ref() != component;
            match incident.recovering_since {
                // What is over needs no remedy.
                Some(_) if action.id == WAIT => worth(Fitness::Best),
                Some(_) => known.min(0.0),
                None if elsewhere => known.min(0.0),
                None => known,
            }
        };
        hypothesis.probability * worth
    });
    let value: f64 = values.sum::<f64>() - cost(action.risk);
    (value.clamp(-1.0, 1.0) * 1e4).round() / 1e4
}

/// Against an unknown cause waiting does no harm, and only a manual investigation can find it.
fn against_the_unknown(action: &str) -> f64 {
    match action {
        INVESTIGATE => 0.8,
        WAIT => worth(Fitness::Acceptable),
        _ => 0.0,
    }
}

fn mentions_component(action: &Action) -> bool {
    let mut texts = [&action.title, &action.effect].into_iter();
    texts.any(|text| text.contains('{')) || action.steps.iter().any(Step::names_the_suspect)
}

/// The best first. While the cause is undetermined, safe ones precede all others.
pub(super) fn rank(options: &mut [TicketOption], abstained: bool) {
    options.sort_by(|a, b| {
        b.merit(abstained)
            .total_cmp(&a.merit(abstained))
            .then_with(|| a.risk.cmp(&b.risk))
            .then_with(|| b.reversible.cmp(&a.reversible))
            .then_with(|| a.action.cmp(&b.action))
    });
}
