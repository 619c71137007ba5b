//! What an option is worth over all hypotheses.

use super::{LOOK_BY_HAND, WAIT, fit_of};
use operator_model::command::Step;
use operator_model::knowledge::{Action, Fitness, KnowledgeBase, Risk};
use operator_model::{EntityId, Incident, TicketOption};

/// The right cure is worth 1; one that works at more cost a little more than half of it; harm costs
/// twice what a cure brings, because it meets a system that is already in trouble.
fn worth(fitness: Fitness) -> f64 {
    match fitness {
        Fitness::Best => 1.0,
        Fitness::Acceptable => 0.6,
        Fitness::Useless => 0.0,
        Fitness::Harmful => -2.0,
    }
}

/// What a risk costs whatever the cause is. A high one needs a cause that is nearly certain to beat a
/// safe option that also works.
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
        let worth = if hypothesis.is_none_of_these() {
            against_the_unknown(&action.id)
        } else {
            let known =
                fit_of(knowledge, hypothesis, &action.id).map_or(0.0, |fit| worth(fit.fitness));
            // A cure for one component does nothing for another; harm stays harm.
            let elsewhere = acts_on_component && hypothesis.component.as_ref() != component;
            if elsewhere { known.min(0.0) } else { known }
        };
        hypothesis.probability * worth
    });
    let value: f64 = values.sum::<f64>() - cost(action.risk);
    (value.clamp(-1.0, 1.0) * 1e4).round() / 1e4
}

/// Against an unknown cause waiting does no harm, and only a person who looks can find it.
fn against_the_unknown(action: &str) -> f64 {
    match action {
        LOOK_BY_HAND => 0.8,
        WAIT => worth(Fitness::Acceptable),
        _ => 0.0,
    }
}

fn mentions_component(action: &Action) -> bool {
    let mut texts = [&action.title, &action.effect].into_iter();
    texts.any(|text| text.contains('{')) || action.steps.iter().any(Step::names_the_suspect)
}

/// The best first. While the cause is open the safe ones go before all others.
pub(super) fn rank(options: &mut [TicketOption], abstained: bool) {
    options.sort_by(|a, b| {
        b.merit(abstained)
            .total_cmp(&a.merit(abstained))
            .then_with(|| a.risk.cmp(&b.risk))
            .then_with(|| b.reversible.cmp(&a.reversible))
            .then_with(|| a.action.cmp(&b.action))
    });
}
