//! Checks 9 to 12 and 14: the argument from the evidence to the recommendation.

use super::ticket_view::TicketView;
use operator_model::diagnosis::{GAP_HYPOTHESES, GAP_PROBABILITY_MIN, must_abstain};
use operator_model::knowledge::Risk;
use operator_model::quantity::escape;
use operator_model::title::TITLE_CHARS_MAX;
use operator_model::{DecisionMode, Hypothesis, Predicate, TicketOption};
use std::collections::BTreeSet;

/// Odds and shares are written with four decimals; this is ten times the error that can add up.
const ODDS_TOLERANCE: f64 = 0.002;

/// Longest acceptable sentence, in characters: eight lines of a terminal.
const CLAIM_CHARS_MAX: usize = 800;

pub(super) fn alternatives(view: &TicketView<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    if !view
        .ticket
        .hypotheses
        .iter()
        .any(Hypothesis::is_unknown_cause)
    {
        failures.push("the unknown cause is missing".to_owned());
    }
    let described = view.described();
    let Some((leader, alternatives)) = described.split_first() else {
        return failures;
    };
    let discriminated: BTreeSet<(&str, &str)> = view
        .ticket
        .rationale
        .iter()
        .filter_map(discrimination)
        .collect();
    let winner = leader.label();
    let mut expected = BTreeSet::new();
    for alternative in alternatives {
        let label = alternative.label();
        if !discriminated.contains(&(winner.as_str(), label.as_str())) {
            failures.push(format!("{label} is not discussed"));
        }
        expected.insert(label);
    }
    let unexpected = discriminated
        .iter()
        .filter(|(_, alternative)| !expected.contains(*alternative));
    failures
        .extend(unexpected.map(|(_, label)| format!("{label} is not a hypothesis of this ticket")));
    failures
}

fn discrimination(claim: &operator_model::Claim) -> Option<(&str, &str)> {
    match &claim.predicate {
        Predicate::Discriminates {
            winner,
            alternative,
            ..
        } => Some((winner, alternative)),
        _ => None,
    }
}

pub(super) fn odds(view: &TicketView<'_>) -> Vec<String> {
    let wrong = view.ticket.hypotheses.iter().filter(|hypothesis| {
        let prior = (hypothesis.prior / (1.0 - hypothesis.prior)).ln();
        let sum: f64 = hypothesis.assessed().map(|one| one.ratio.ln()).sum();
        let on_its_side = hypothesis.supports.iter().all(|one| one.ratio >= 1.0)
            && hypothesis.contradicts.iter().all(|one| one.ratio <= 1.0);
        !on_its_side || !is_close(prior + sum, hypothesis.log_odds)
    });
    wrong
        .map(|hypothesis| format!("the log odds of {} do not match", hypothesis.label()))
        .collect()
}

pub(super) fn gaps(view: &TicketView<'_>) -> Vec<String> {
    let gaps: BTreeSet<&str> = view.ticket.gaps.iter().map(String::as_str).collect();
    let likely = view
        .described()
        .into_iter()
        .filter(|hypothesis| hypothesis.probability >= GAP_PROBABILITY_MIN);
    let missing = likely
        .take(GAP_HYPOTHESES)
        .flat_map(|hypothesis| &hypothesis.missing);
    let unnamed = missing.filter(|missing| !gaps.contains(missing.as_str()));
    let mut failures: Vec<String> = unnamed.map(|missing| escape(missing, 160)).collect();
    if view.ticket.abstained && gaps.is_empty() {
        failures.push("the cause is undetermined, but no gap states what is missing".to_owned());
    }
    failures
}

pub(super) fn options(view: &TicketView<'_>) -> Vec<String> {
    let ticket = view.ticket;
    let mut failures: Vec<String> = ticket.options.iter().flat_map(incomplete).collect();
    if ticket.options.len() < 2 || !ticket.options.iter().any(|option| option.action == "wait") {
        failures.push("fewer than two options, or `wait` is not among them".to_owned());
    }
    if ticket.decision.mode != DecisionMode::ObserveOnly || ticket.decision.revisit_when.is_empty()
    {
        failures.push("the decision does not state when to revisit it".to_owned());
    }
    match ticket
        .options
        .iter()
        .find(|option| option.action == ticket.decision.option)
    {
        None => failures.push(format!(
            "{} is recommended but not among the options",
            ticket.decision.option
        )),
        Some(chosen) => failures.extend(not_the_best(chosen, &ticket.options, ticket.abstained)),
    }
    let argued = ticket
        .rationale
        .iter()
        .any(|claim| matches!(&claim.predicate, Predicate::Prefers { .. }));
    if !argued {
        failures.push(
            "the rationale does not compare the recommendation with the next option".to_owned(),
        );
    }
    failures
}

/// Every option states its risk, how to undo it, and its preconditions.
fn incomplete(option: &TicketOption) -> Vec<String> {
    let mut missing = Vec::new();
    let mut require = |is_there: bool, what: &str| {
        if !is_there {
            missing.push(format!("{} has no {what}", option.action));
        }
    };
    require(!option.effect.is_empty(), "effect");
    require(
        option.risk == Risk::None || !option.risk_note.is_empty(),
        "risk note",
    );
    require(
        !option.reversible || option.risk == Risk::None || !option.reversal.is_empty(),
        "reversal",
    );
    require(
        option.risk <= Risk::Low || !option.preconditions.is_empty(),
        "precondition",
    );
    missing
}

/// No option may have more merit than the recommended one.
fn not_the_best(
    chosen: &TicketOption,
    options: &[TicketOption],
    abstained: bool,
) -> Option<String> {
    let best = options
        .iter()
        .max_by(|a, b| a.merit(abstained).total_cmp(&b.merit(abstained)))?;
    (best.merit(abstained) > chosen.merit(abstained)).then(|| {
        format!(
            "{} is recommended although {} is better",
            chosen.action, best.action
        )
    })
}

pub(super) fn confidence(view: &TicketView<'_>) -> Vec<String> {
    let ticket = view.ticket;
    let mut failures = Vec::new();
    let weights: Vec<f64> = ticket
        .hypotheses
        .iter()
        .map(|hypothesis| hypothesis.log_odds.exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    for (hypothesis, weight) in ticket.hypotheses.iter().zip(&weights) {
        if !is_close(weight / sum, hypothesis.probability) {
            failures.push(format!(
                "the probability {} of {} does not follow",
                hypothesis.probability,
                hypothesis.label()
            ));
        }
    }
    if !ticket
        .hypotheses
        .is_sorted_by(|a, b| a.probability >= b.probability)
    {
        failures.push("hypotheses are not sorted by probability".to_owned());
    }
    if ticket.abstained != must_abstain(&ticket.hypotheses) {
        failures.push(
            "a cause is named that is not likely enough, or a likely one is not named".to_owned(),
        );
    }
    let long = view
        .claims()
        .filter(|claim| claim.text.chars().count() > CLAIM_CHARS_MAX);
    failures.extend(long.map(|claim| format!("“{}” is too long", escape(&claim.text, 80))));
    if ticket.title.is_empty() || ticket.title.chars().count() > TITLE_CHARS_MAX + 1 {
        failures.push("the title is empty or too long".to_owned());
    }
    failures
}

/// Equal up to rounding.
fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ODDS_TOLERANCE
}
