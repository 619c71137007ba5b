//! What can be done: each option with its effect, risk, way back and commands; then why this one.

use super::page::{Ink, Page};
use super::{capital, ids, risk_ink};
use operator_model::{Predicate, Ticket, TicketOption};

pub(super) fn section(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT CAN BE DONE");
    page.wrapped(
        2,
        2,
        "The operator only recommends; a person acts.",
        Ink::Dim,
    );
    for (number, option) in ticket.options.iter().enumerate() {
        let is_recommended = option.action == ticket.decision.option;
        one(page, option, number + 1, is_recommended);
    }
    why(page, ticket);
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
    let back = match (option.reversible, option.reversal.as_str()) {
        (false, _) => "this cannot be taken back",
        (true, "") => "nothing has to be taken back",
        (true, reversal) => reversal,
    };
    field(page, "back", back, Ink::Plain);
    for precondition in &option.preconditions {
        field(page, "first", precondition, Ink::Plain);
    }
    for command in &option.commands {
        page.command(13, command);
    }
    field(page, "fits", &option.because, Ink::Dim);
}

fn field(page: &mut Page, word: &str, text: &str, ink: Ink) {
    if !text.is_empty() {
        page.item(6, &format!("{word:<6}"), text, ink);
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
        // What speaks for a hypothesis, and what told the rivals apart, stands beside each of them.
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

/// Ids begin in lower case and stay so; words become a sentence.
fn capital_of_entity(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    if first.contains(['/', '.', '-', '_']) {
        text.to_owned()
    } else {
        capital(text)
    }
}
