//! What it means: the hypotheses, what speaks for and against each, and why the others lost.

use super::page::{Ink, Page};
use super::seen::{SPARK_COLUMNS, SPARK_SAMPLES_MIN};
use super::spark::{bar, sparkline};
use super::{confidence_word, ids, name, time_of_day};
use operator_model::quantity::number;
use operator_model::{AssessedEvidence, Hypothesis, Predicate, SymptomKind, Ticket};

/// Observations of one side on a screen.
const ASSESSED_SHOWN_MAX: usize = 5;

/// Hypotheses that are shown however unlikely they are: why a rival lost is worth knowing.
const ALWAYS_SHOWN: usize = 4;

/// Others below this share are only counted on a screen.
const SHOWN_PROBABILITY_MIN: f64 = 0.01;

/// Columns of a probability.
const BAR_COLUMNS: usize = 12;

pub(super) fn section(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT IT MEANS");
    if ticket.abstained {
        let is_blind = ticket
            .symptoms
            .iter()
            .all(|symptom| symptom.kind == SymptomKind::Blind);
        let text = if is_blind {
            "What is not seen may be well or not: nothing that depends on it can be judged."
        } else {
            "The cause is open: no explanation is likely enough to be named."
        };
        page.wrapped(2, 2, text, Ink::Yellow);
    }
    let mut left_out = 0;
    for (place, hypothesis) in ticket.hypotheses.iter().enumerate() {
        if place >= ALWAYS_SHOWN
            && hypothesis.probability < SHOWN_PROBABILITY_MIN
            && !hypothesis.is_unknown_cause()
        {
            left_out += 1;
        } else {
            one(page, ticket, hypothesis, place);
        }
    }
    if left_out > 0 {
        page.wrapped(
            2,
            2,
            &format!("and {left_out} less likely ones, in the JSON of this ticket"),
            Ink::Dim,
        );
    }
    path(page, ticket);
}

fn one(page: &mut Page, ticket: &Ticket, hypothesis: &Hypothesis, place: usize) {
    let share = format!(" {:>5.1} % ", hypothesis.probability * 100.0);
    let picture = bar(hypothesis.probability, BAR_COLUMNS);
    let is_first_named = place == 0 && !ticket.abstained;
    let ink = if is_first_named {
        Ink::Bold
    } else {
        Ink::Plain
    };
    let bar_ink = if is_first_named { Ink::Green } else { Ink::Dim };
    let component = hypothesis
        .component
        .as_ref()
        .map(|entity| format!(": {}", name(ticket, entity)));
    let title = format!("{}{}", hypothesis.title, component.unwrap_or_default());
    let with_word = place == 0 && !hypothesis.is_unknown_cause();
    let word = if with_word {
        format!(" ({})", confidence_word(hypothesis.probability))
    } else {
        String::new()
    };
    page.marked(
        2,
        &[(&picture, bar_ink), (&share, ink)],
        &format!("{title}{word}"),
        ink,
    );
    if hypothesis.is_unknown_cause() {
        return;
    }
    let is_leading = ticket.hypotheses.iter().find(|h| !h.is_unknown_cause()) == Some(hypothesis);
    if place < 2 {
        page.wrapped(6, 6, &hypothesis.mechanism, Ink::Plain);
    }
    if is_leading || ticket.abstained && place < 2 {
        side(page, ticket, "for", &hypothesis.supports);
        side(page, ticket, "against", &hypothesis.contradicts);
    }
    if !is_leading {
        lost(page, ticket, hypothesis);
    }
}

/// Observations with their weight: `×30` makes it thirty times likelier.
fn side(page: &mut Page, ticket: &Ticket, word: &str, assessed: &[AssessedEvidence]) {
    let counted = assessed.iter().filter(|one| one.ratio.ln().abs() > 0.0);
    for one in counted.take(ASSESSED_SHOWN_MAX) {
        let weight = if one.ratio >= 1.0 {
            format!("×{}", number(one.ratio))
        } else {
            format!("÷{}", number(1.0 / one.ratio))
        };
        let because = if one.because.is_empty() {
            String::new()
        } else {
            format!(": {}", one.because)
        };
        let text = format!(
            "{weight} {}{because} {}",
            one.claim.text,
            ids(&one.claim.evidence)
        );
        let ink = if word == "for" { Ink::Plain } else { Ink::Dim };
        page.item(6, &format!("{word:<7}"), &text, ink);
        let recent = one
            .claim
            .evidence
            .first()
            .and_then(|id| ticket.observations.iter().find(|e| &e.id == id));
        if let Some(evidence) = recent.filter(|evidence| evidence.recent.len() >= SPARK_SAMPLES_MIN)
        {
            page.parts(
                14,
                &[
                    (&sparkline(&evidence.recent, SPARK_COLUMNS), Ink::Yellow),
                    (" lately", Ink::Dim),
                ],
            );
        }
    }
}

/// Why it is not the first: the claim that told it from the first, or that nothing did.
fn lost(page: &mut Page, ticket: &Ticket, hypothesis: &Hypothesis) {
    let label = hypothesis.label();
    let told = ticket
        .rationale
        .iter()
        .find(|claim| match &claim.predicate {
            Predicate::Discriminates { alternative, .. } => *alternative == label,
            _ => false,
        });
    if let Some(claim) = told {
        let word = if ticket.abstained { "beside" } else { "lost" };
        page.item(
            6,
            &format!("{word:<7}"),
            &format!("{} {}", claim.text, ids(&claim.evidence)),
            Ink::Dim,
        );
    }
}

/// How the trouble spread, by onset.
fn path(page: &mut Page, ticket: &Ticket) {
    if ticket.path.len() < 2 {
        return;
    }
    page.wrapped(
        2,
        2,
        "How it spread, by the time at which it was first seen:",
        Ink::Dim,
    );
    for (place, step) in ticket.path.iter().enumerate() {
        let arrow = if place == 0 { "●" } else { "└▶" };
        let text = format!(
            "{} {}: {}",
            time_of_day(step.onset),
            name(ticket, &step.entity),
            step.summary
        );
        page.item(4 + 2 * usize::from(place > 0), arrow, &text, Ink::Plain);
    }
}
