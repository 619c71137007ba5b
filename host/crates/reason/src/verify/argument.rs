//! Checks 9 to 12 and 14: the argument from the evidence to the recommendation.

use super::case::Case;
use operator_model::diagnosis::{GAP_HYPOTHESES, GAP_PROBABILITY_MIN, must_abstain};
use operator_model::knowledge::Risk;
use operator_model::quantity::escape;
use operator_model::title::TITLE_CHARS_MAX;
use operator_model::{DecisionMode, Hypothesis, Predicate, TicketOption};
use std::collections::BTreeSet;

/// Odds and shares are written with four decimals; this is ten times the error that can add up.
const ODDS_TOLERANCE: f64 = 0.002;

/// Longest sentence that still is one, in characters: eight lines of a terminal.
const CLAIM_CHARS_MAX: usize = 800;

pub(super) fn rivals(case: &Case<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    if !case
        .ticket
        .hypotheses
        .iter()
        .any(Hypothesis::is_none_of_these)
    {
        failures.push("the remainder is missing".to_owned());
    }
    let carded = case.carded();
    let Some((leader, rivals)) = carded.split_first() else {
        return failures;
    };
    let told: BTreeSet<(&str, &str)> = case
        .ticket
        .rationale
        .iter()
        .filter_map(told_apart)
        .collect();
    let (winner, mut expected) = (leader.label(), BTreeSet::new());
    for rival in rivals {
        let label = rival.label();
        if !told.contains(&(winner.as_str(), label.as_str())) {
            failures.push(format!("nothing is said about {label}"));
        }
        expected.insert(label);
    }
    let strangers = told.iter().filter(|(_, rival)| !expected.contains(*rival));
    failures.extend(strangers.map(|(_, rival)| format!("{rival} is no hypothesis of this ticket")));
    failures
}

fn told_apart(claim: &operator_model::Claim) -> Option<(&str, &str)> {
    match &claim.predicate {
        Predicate::ToldApart { winner, rival, .. } => Some((winner, rival)),
        _ => None,
    }
}

pub(super) fn odds(case: &Case<'_>) -> Vec<String> {
    let wrong = case.ticket.hypotheses.iter().filter(|hypothesis| {
        let prior = (hypothesis.prior / (1.0 - hypothesis.prior)).ln();
        let sum: f64 = hypothesis.assessed().map(|one| one.ratio.ln()).sum();
        let on_its_side = hypothesis.supports.iter().all(|one| one.ratio >= 1.0)
            && hypothesis.contradicts.iter().all(|one| one.ratio <= 1.0);
        !on_its_side || !is_close(prior + sum, hypothesis.log_odds)
    });
    wrong
        .map(|hypothesis| format!("those of {} do not", hypothesis.label()))
        .collect()
}

pub(super) fn gaps(case: &Case<'_>) -> Vec<String> {
    let gaps: BTreeSet<&str> = case.ticket.gaps.iter().map(String::as_str).collect();
    let likely = case
        .carded()
        .into_iter()
        .filter(|hypothesis| hypothesis.probability >= GAP_PROBABILITY_MIN);
    let missing = likely
        .take(GAP_HYPOTHESES)
        .flat_map(|hypothesis| &hypothesis.missing);
    let unnamed = missing.filter(|missing| !gaps.contains(missing.as_str()));
    let mut failures: Vec<String> = unnamed.map(|missing| escape(missing, 160)).collect();
    if case.ticket.abstained && gaps.is_empty() {
        failures.push("the cause is open, and nothing says what would close it".to_owned());
    }
    failures
}

pub(super) fn options(case: &Case<'_>) -> Vec<String> {
    let ticket = case.ticket;
    let mut failures: Vec<String> = ticket.options.iter().flat_map(incomplete).collect();
    if ticket.options.len() < 2 || !ticket.options.iter().any(|option| option.action == "wait") {
        failures.push("there are not two, or waiting is not among them".to_owned());
    }
    if ticket.decision.mode != DecisionMode::ObserveOnly || ticket.decision.revisit_when.is_empty()
    {
        failures.push("the decision does not say when to think again".to_owned());
    }
    match ticket
        .options
        .iter()
        .find(|option| option.action == ticket.decision.option)
    {
        None => failures.push(format!(
            "{} is decided on and is no option",
            ticket.decision.option
        )),
        Some(chosen) => failures.extend(not_the_best(chosen, &ticket.options, ticket.abstained)),
    }
    let argued = ticket
        .rationale
        .iter()
        .any(|claim| matches!(&claim.predicate, Predicate::Prefers { .. }));
    if !argued {
        failures.push("nothing says why this option, at what risk, and not the next".to_owned());
    }
    failures
}

/// Every option says its risk, how it is taken back, and what must be true before it is dared.
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
        "note on its risk",
    );
    require(
        !option.reversible || option.risk == Risk::None || !option.reversal.is_empty(),
        "way back",
    );
    require(
        option.risk <= Risk::Low || !option.preconditions.is_empty(),
        "precondition",
    );
    missing
}

/// No option has more merit than the chosen one.
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
            "{} is recommended although {} is the better one",
            chosen.action, best.action
        )
    })
}

pub(super) fn confidence(case: &Case<'_>) -> Vec<String> {
    let ticket = case.ticket;
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
                "{} of {} does not follow",
                hypothesis.probability,
                hypothesis.label()
            ));
        }
    }
    if !ticket
        .hypotheses
        .is_sorted_by(|a, b| a.probability >= b.probability)
    {
        failures.push("the likeliest hypothesis does not stand first".to_owned());
    }
    if ticket.abstained != must_abstain(&ticket.hypotheses) {
        failures
            .push("a cause is named that is not likely enough, or a likely one is not".to_owned());
    }
    let long = case
        .claims()
        .filter(|claim| claim.text.chars().count() > CLAIM_CHARS_MAX);
    failures.extend(long.map(|claim| format!("“{}” is too long to read", escape(&claim.text, 80))));
    if ticket.title.is_empty() || ticket.title.chars().count() > TITLE_CHARS_MAX + 1 {
        failures.push("the title is no title".to_owned());
    }
    failures
}

/// Equal up to rounding.
fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ODDS_TOLERANCE
}
