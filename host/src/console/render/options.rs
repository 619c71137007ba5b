//! The options, each with effect, risk, undo and commands, and the rationale of the decision.

use super::page::{Ink, Page};
use super::{capital, ids, risk_ink};
use operator_model::{Predicate, Ticket, TicketOption};

/// Columns of the labels, the longest of which is `rationale`.
const LABEL_COLUMNS: usize = 9;

pub(super) fn section(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT CAN BE DONE");
    page.wrapped(2, 2, "Operator only recommends; a person acts.", Ink::Dim);
    for (number, option) in ticket.options.iter().enumerate() {
        let is_recommended = option.action == ticket.decision.option;
        one(page, option, number + 1, is_recommended);
    }
    prohibited(page, ticket);
    why(page, ticket);
}

/// What must not be done stands apart, so that no one takes it for an option.
fn prohibited(page: &mut Page, ticket: &Ticket) {
    if ticket.do_not.is_empty() {
        return;
    }
    page.heading("DO NOT");
    for one in &ticket.do_not {
        let text = format!("{}: {}", one.title, one.because);
        page.item(2, "✘", &text, Ink::Red);
    }
}

fn one(page: &mut Page, option: &TicketOption, number: usize, is_recommended: bool) {
    let (mark, ink) = if is_recommended {
        ("▶", Ink::Green)
    } else {
        (" ", Ink::Plain)
    };
    let note = if is_recommended { "  recommended" } else { "" };
    let title = format!("{number} {}", option.title);
    page.item(2, mark, &format!("{title}{note}"), ink);
    field(page, "effect", &option.effect, Ink::Plain);
    let (risk_ink, risk) = risk_ink(option.risk);
    let risk = if option.risk_note.is_empty() {
        risk.to_owned()
    } else {
        format!("{risk}: {}", option.risk_note)
    };
    field(page, "risk", &risk, risk_ink);
    let undo = match (option.reversible, option.reversal.as_str()) {
        (false, _) => "not possible",
        (true, "") => "nothing to undo",
        (true, reversal) => reversal,
    };
    field(page, "undo", undo, Ink::Plain);
    for precondition in &option.preconditions {
        field(page, "requires", precondition, Ink::Plain);
    }
    for command in &option.commands {
        page.command(6 + LABEL_COLUMNS + 1, command);
    }
    field(page, "rationale", &option.because, Ink::Dim);
}

fn field(page: &mut Page, word: &str, text: &str, ink: Ink) {
    if !text.is_empty() {
        page.item(6, &format!("{word:<LABEL_COLUMNS$}"), text, ink);
    }
}

fn why(page: &mut Page, ticket: &Ticket) {
    page.heading("WHY");
    let shown: Vec<&str> = ticket
        .hypotheses
        .iter()
        .flat_map(|hypothesis| hypothesis.assessed().map(|one| one.claim.text.as_str()))
        .collect();
    for claim in &ticket.rationale {
        // Evidence of a hypothesis, and what ruled out an alternative, is already shown with each hypothesis.
        let is_shown = shown.contains(&claim.text.as_str())
            || matches!(claim.predicate, Predicate::Discriminates { .. });
        if !is_shown {
            page.item(
                2,
                "·",
                &format!(
                    "{} {}",
                    capital_of_entity(&claim.text),
                    ids(&claim.evidence)
                ),
                Ink::Plain,
            );
        }
    }
}

/// Ids keep their lower case; other text starts with a capital.
fn capital_of_entity(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    if first.contains(['/', '.', '-', '_']) {
        text.to_owned()
    } else {
        capital(text)
    }
}
