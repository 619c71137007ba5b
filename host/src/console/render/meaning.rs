//! The diagnosis: hypotheses, evidence for and against each, and what ruled out the alternatives.

use super::page::{Ink, Page};
use super::spark::{bar, sparkline};
use super::symptoms::{SPARK_COLUMNS, SPARK_SAMPLES_MIN};
use super::{confidence_word, ids, name, time_of_day};
use operator_model::quantity::number;
use operator_model::{AssessedEvidence, Hypothesis, Predicate, SymptomKind, Ticket};

/// Observations for or against shown per hypothesis.
const ASSESSED_SHOWN_MAX: usize = 5;

/// Hypotheses always shown: what ruled out an alternative is worth knowing.
const ALWAYS_SHOWN: usize = 4;

/// Further hypotheses below this probability are only counted.
const SHOWN_PROBABILITY_MIN: f64 = 0.01;

/// Columns of the labels `for`, `against` and `ruled out`.
const LABEL_COLUMNS: usize = 9;

/// Columns of a probability bar.
const BAR_COLUMNS: usize = 12;

pub(super) fn section(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT IT MEANS");
    if ticket.abstained {
        let is_blind = ticket
            .symptoms
            .iter()
            .all(|symptom| symptom.kind == SymptomKind::Blind);
        let text = if is_blind {
            "This source cannot be observed, so nothing that depends on it can be evaluated."
        } else {
            "Cause undetermined: no hypothesis is likely enough."
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
            &format!("and {left_out} less likely hypotheses (see --json)"),
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
        alternative(page, ticket, hypothesis);
    }
}

/// Observations with their likelihood ratio: `×30` makes the hypothesis 30 times likelier.
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
        page.item(6, &format!("{word:<LABEL_COLUMNS$}"), &text, ink);
        let recent = one
            .claim
            .evidence
            .first()
            .and_then(|id| ticket.observations.iter().find(|e| &e.id == id));
        if let Some(evidence) = recent.filter(|evidence| evidence.recent.len() >= SPARK_SAMPLES_MIN)
        {
            page.parts(
                6 + LABEL_COLUMNS + 1,
                &[
                    (&sparkline(&evidence.recent, SPARK_COLUMNS), Ink::Yellow),
                    (" recent", Ink::Dim),
                ],
            );
        }
    }
}

/// Shows the claim that discriminates this hypothesis from the first one.
fn alternative(page: &mut Page, ticket: &Ticket, hypothesis: &Hypothesis) {
    let label = hypothesis.label();
    let discrimination = ticket
        .rationale
        .iter()
        .find(|claim| match &claim.predicate {
            Predicate::Discriminates { alternative, .. } => *alternative == label,
            _ => false,
        });
    if let Some(claim) = discrimination {
        let word = if ticket.abstained {
            "inconclusive"
        } else {
            "ruled out"
        };
        page.item(
            6,
            &format!("{word:<LABEL_COLUMNS$}"),
            &format!("{} {}", claim.text, ids(&claim.evidence)),
            Ink::Dim,
        );
    }
}

/// Fault propagation, by onset.
fn path(page: &mut Page, ticket: &Ticket) {
    if ticket.path.len() < 2 {
        return;
    }
    page.wrapped(2, 2, "Propagation, by onset:", Ink::Dim);
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
