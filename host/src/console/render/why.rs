//! A comparison of two causes for the terminal.

use super::page::{Ink, Page};
use super::{RenderStyle, ids, name, number, time_of_day};
use operator_model::{Ticket, Timestamp};
use operator_reason::why::{Comparison, FlipSet, Side, Term};
use serde::Serialize;

/// Observations shown on a page; the JSON lists all.
const TERMS_SHOWN_MAX: usize = 12;

/// Versions of the ticket shown on a page.
const VERSIONS_SHOWN_MAX: usize = 12;

/// What a ticket said at one time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    /// When it was written, by the observed clock.
    pub at: Timestamp,
    /// The likeliest hypothesis, as `MODE@ENTITY`.
    pub cause: String,
    /// Its probability.
    pub probability: f64,
    /// No cause was named.
    pub abstained: bool,
    /// Why it was written.
    pub because: Vec<String>,
}

/// Renders the comparison as text that ends with a line feed.
#[must_use]
pub fn comparison(
    ticket: &Ticket,
    comparison: &Comparison,
    history: &[Version],
    style: &RenderStyle,
) -> String {
    let mut page = Page::new(style);
    let cause = label(ticket, &comparison.cause);
    let other = label(ticket, &comparison.other);
    page.rule(&["WHY", &ticket.id, &time_of_day(comparison.at)], Ink::Blue);
    let verb = if comparison.abstained {
        "leads (cause undetermined)"
    } else {
        "is named"
    };
    let first = format!("{cause} {verb}, {}", percent(comparison.cause.probability));
    page.wrapped(0, 0, &first, Ink::Bold);
    let second = format!(
        "rather than {other}, {}",
        percent(comparison.other.probability)
    );
    page.wrapped(0, 0, &second, Ink::Plain);
    page.heading("WHAT DECIDES");
    page.wrapped(2, 2, &sum(comparison), Ink::Dim);
    let shown = comparison.terms.iter().take(TERMS_SHOWN_MAX);
    shown.for_each(|one| term(&mut page, one));
    let prior = format!("{:<8} how common each cause is", factor(comparison.prior));
    page.item(2, "·", &prior, Ink::Dim);
    more(&mut page, comparison.terms.len(), TERMS_SHOWN_MAX);
    flip(&mut page, &other, comparison.flip_set.as_ref());
    missing(&mut page, &other, &comparison.other);
    versions(&mut page, history);
    page.finish()
}

fn label(ticket: &Ticket, side: &Side) -> String {
    match &side.component {
        Some(component) => format!("{}: {}", side.title, name(ticket, component)),
        None => side.title.clone(),
    }
}

fn percent(probability: f64) -> String {
    format!("{:.1} %", probability * 100.0)
}

/// `×30` for the cause, `÷4` for the other one.
fn factor(log_odds: f64) -> String {
    let ratio = log_odds.abs().exp();
    let sign = if log_odds >= 0.0 { '×' } else { '÷' };
    format!("{sign}{}", number(ratio))
}

fn sum(comparison: &Comparison) -> String {
    let odds = number(comparison.log_odds.abs().exp());
    format!("The odds are {odds} : 1. They are the product of these factors:")
}

fn term(page: &mut Page, term: &Term) {
    let since = term.known_since.map_or_else(String::new, |at| {
        format!(" (known since {})", time_of_day(at))
    });
    let because = if term.because.is_empty() {
        String::new()
    } else {
        format!(": {}", term.because)
    };
    let text = format!(
        "{:<8} {}{because}{since} {}",
        factor(term.weight),
        term.observed,
        ids(&term.evidence)
    );
    let ink = if term.weight >= 0.0 {
        Ink::Plain
    } else {
        Ink::Dim
    };
    page.item(2, "·", &text, ink);
}

fn more(page: &mut Page, count: usize, shown: usize) {
    if let Some(more) = count.checked_sub(shown).filter(|more| *more > 0) {
        page.wrapped(2, 2, &format!("and {more} more (see --json)"), Ink::Dim);
    }
}

fn flip(page: &mut Page, other: &str, flip_set: Option<&FlipSet>) {
    page.heading("WHAT WOULD CHANGE THE ANSWER");
    let Some(flip_set) = flip_set else {
        let text = format!("No set of the observations made would make “{other}” the likeliest.");
        page.wrapped(2, 2, &text, Ink::Plain);
        return;
    };
    let size = match flip_set.observations.len() {
        1 => "this observation".to_owned(),
        count => format!("these {count} observations"),
    };
    let proof = if flip_set.smallest {
        "no smaller set suffices"
    } else {
        "a smaller set may exist"
    };
    let text = format!(
        "With the opposite of {size}, “{other}” would be the likeliest, at {} ({proof}):",
        percent(flip_set.probability)
    );
    page.wrapped(2, 2, &text, Ink::Plain);
    for one in &flip_set.observations {
        let text = format!("{} {}", one.observed, ids(&one.evidence));
        page.item(4, "⇄", &text, Ink::Plain);
    }
}

fn missing(page: &mut Page, other: &str, side: &Side) {
    if side.missing.is_empty() {
        return;
    }
    page.heading("WHAT WAS NOT OBSERVED");
    let text = format!("“{other}” could also be supported or ruled out by:");
    page.wrapped(2, 2, &text, Ink::Dim);
    for line in side.missing.iter().take(TERMS_SHOWN_MAX) {
        page.item(4, "·", line, Ink::Plain);
    }
    more(page, side.missing.len(), TERMS_SHOWN_MAX);
}

fn versions(page: &mut Page, history: &[Version]) {
    if history.len() < 2 {
        return;
    }
    page.heading("WHAT WAS KNOWN WHEN");
    for version in history.iter().take(VERSIONS_SHOWN_MAX) {
        let open = if version.abstained {
            ", undetermined"
        } else {
            ""
        };
        let text = format!(
            "{:>6}  {}{open} ({})",
            percent(version.probability),
            version.cause,
            version.because.join("; ")
        );
        page.item(2, &time_of_day(version.at), &text, Ink::Plain);
    }
    more(page, history.len(), VERSIONS_SHOWN_MAX);
}
