//! Compares the tickets of a finished demo with the ground truth.

use crate::console::table;
use operator_model::{Hypothesis, IncidentKey, Predicate, Ticket, TicketState, Timestamp};
use serde::{Deserialize, Serialize};

/// The ground truth.
pub(super) struct Truth<'a> {
    pub(super) truth: &'a operator_sim::scenario::Truth,
    pub(super) began: Timestamp,
    pub(super) onset: Timestamp,
    /// Key of a component chosen at run time.
    pub(super) chosen_component: Option<String>,
}

/// How well the recommended action fits the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionGrade {
    /// The best action.
    Best,
    /// Helps or does no harm.
    Acceptable,
    /// Not listed by the scenario.
    Unlisted,
    /// Makes it worse.
    Harmful,
}

/// Score of one demo run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Always `score`, which distinguishes the last line of the demo from events.
    pub event: &'static str,
    /// The scenario.
    pub scenario: String,
    /// Its variant.
    pub variant: String,
    /// Random seed.
    pub seed: u64,
    /// Whether the scenario calls for a ticket.
    pub ticket_expected: bool,
    /// The scored ticket.
    pub ticket: Option<String>,
    /// Time from the fault to the first suspicion of what the ticket is about, in seconds; that of the ticket where
    /// it came at once.
    pub suspected_after_s: Option<f64>,
    /// Time from the fault to the ticket, in seconds.
    pub detected_after_s: Option<f64>,
    /// The leading hypothesis names the faulty component.
    pub component_right: bool,
    /// One of the first three hypotheses names the faulty component.
    pub component_in_top3: bool,
    /// The leading hypothesis names the mechanism of the fault.
    pub mechanism_right: bool,
    /// What the scenario did.
    pub truth: String,
    /// The leading hypothesis and its probability.
    pub diagnosis: Option<(String, f64)>,
    /// The ticket leaves the cause undetermined.
    pub abstained: bool,
    /// The ticket states what ruled out an alternative.
    pub told_apart: bool,
    /// The recommended action.
    pub action: Option<(String, ActionGrade)>,
    /// 0 to 100.
    pub explanation_score: Option<u8>,
    /// Tickets opened before the fault, or without one.
    pub false_tickets: usize,
    /// Tickets in addition to the scored one.
    pub further_tickets: usize,
}

impl Score {
    /// Whether the run passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        let harmful = matches!(self.action, Some((_, ActionGrade::Harmful)));
        let found = if self.ticket_expected {
            self.component_right && self.ticket.is_some()
        } else {
            self.ticket.is_none()
        };
        found && !harmful && self.false_tickets == 0
    }

    /// Text output.
    #[must_use]
    pub fn human(&self) -> String {
        let mut rows: Vec<[String; 2]> = Vec::new();
        let mut line = |name: &str, value: &str| rows.push([name.to_owned(), value.to_owned()]);
        line("ground truth", &self.truth);
        match (&self.ticket, self.ticket_expected) {
            (None, true) => line("ticket", "none: MISSED"),
            (None, false) => line("ticket", "none, as expected"),
            (Some(ticket), _) => line("ticket", ticket),
        }
        if let Some(seconds) = self.suspected_after_s {
            line(
                "time to suspect",
                &format!("{seconds:.0} s after the fault"),
            );
        }
        if let Some(seconds) = self.detected_after_s {
            line("time to detect", &format!("{seconds:.0} s after the fault"));
        }
        if let Some((title, probability)) = &self.diagnosis {
            let open = if self.abstained { ", undetermined" } else { "" };
            line(
                "diagnosis",
                &format!("{title} ({:.0} %{open})", probability * 100.0),
            );
            line("component", correctness(self.component_right));
            line("mechanism", correctness(self.mechanism_right));
            line(
                "alternatives",
                if self.told_apart {
                    "ruled out, with evidence"
                } else {
                    "not ruled out"
                },
            );
        }
        if let Some((action, grade)) = &self.action {
            line(
                "recommended action",
                &format!("{action} ({})", grade_word(*grade)),
            );
        }
        if let Some(score) = self.explanation_score {
            line(
                "explanation",
                &format!("{score} of 100, every claim verified"),
            );
        }
        line("false tickets", &self.false_tickets.to_string());
        if self.further_tickets > 0 {
            line("further tickets", &self.further_tickets.to_string());
        }
        format!(
            "Score, compared with the ground truth\n{}",
            table::aligned(2, rows)
        )
    }
}

/// Scores the tickets of a run; also returns the scored ticket.
pub(super) fn score(
    scenario: &str,
    variant: &str,
    seed: u64,
    truth: &Truth<'_>,
    tickets: Vec<Ticket>,
    suspected: &[(IncidentKey, Timestamp)],
) -> (Score, Option<Ticket>) {
    let (early, after): (Vec<_>, Vec<_>) = tickets
        .into_iter()
        .partition(|ticket| ticket.opened_at < truth.onset);
    let count = after.len();
    let scored = after.into_iter().max_by_key(|ticket| rank(ticket, truth));
    let leading = scored.as_ref().and_then(|ticket| ticket.hypotheses.first());
    let expected = truth.truth.ticket;
    let score = Score {
        event: "score",
        scenario: scenario.to_owned(),
        variant: variant.to_owned(),
        seed,
        ticket_expected: expected,
        ticket: scored.as_ref().map(|ticket| ticket.id.clone()),
        suspected_after_s: scored
            .as_ref()
            .filter(|_| expected)
            .map(|ticket| after_s(suspected_at(ticket, suspected), truth)),
        detected_after_s: scored
            .as_ref()
            .filter(|_| expected)
            .map(|ticket| after_s(ticket.opened_at, truth)),
        component_right: scored
            .as_ref()
            .is_some_and(|ticket| is_component(ticket, truth)),
        component_in_top3: scored.as_ref().is_some_and(|ticket| {
            let mut first = ticket.hypotheses.iter().take(3);
            first.any(|hypothesis| names_component(hypothesis, ticket, truth))
        }),
        mechanism_right: leading.is_some_and(|hypothesis| mentions(hypothesis, &truth.truth.words)),
        truth: truth.truth.mechanism.clone(),
        diagnosis: leading.map(|hypothesis| (hypothesis.title.clone(), hypothesis.probability)),
        abstained: scored.as_ref().is_some_and(|ticket| ticket.abstained),
        told_apart: scored.as_ref().is_some_and(rules_out_alternative),
        action: scored
            .as_ref()
            .map(|ticket| graded(&ticket.decision.option, truth.truth)),
        explanation_score: scored.as_ref().map(|ticket| ticket.explanation_score),
        false_tickets: if expected {
            early.len()
        } else {
            early.len() + count
        },
        further_tickets: if expected { count.saturating_sub(1) } else { 0 },
    };
    (score, scored)
}

/// The correct component first, then open tickets, then the oldest.
fn rank(ticket: &Ticket, truth: &Truth<'_>) -> (bool, bool, std::cmp::Reverse<Timestamp>) {
    (
        is_component(ticket, truth),
        ticket.state == TicketState::Open,
        std::cmp::Reverse(ticket.opened_at),
    )
}

/// When the incident of the ticket was suspected.
fn suspected_at(ticket: &Ticket, suspected: &[(IncidentKey, Timestamp)]) -> Timestamp {
    let mut of_ticket = suspected.iter().filter(|(key, _)| *key == ticket.key);
    let first = of_ticket.next().map(|(_, at)| *at);
    first.map_or(ticket.opened_at, |at| at.min(ticket.opened_at))
}

#[expect(clippy::cast_precision_loss, reason = "a demo takes minutes")]
fn after_s(at: Timestamp, truth: &Truth<'_>) -> f64 {
    debug_assert!(truth.began <= truth.onset);
    at.since_ms(truth.onset) as f64 / 1_000.0
}

/// Whether the leading hypothesis names the faulty component, by kind and key or by an alias.
fn is_component(ticket: &Ticket, truth: &Truth<'_>) -> bool {
    let leader = ticket.hypotheses.first();
    leader.is_some_and(|leader| names_component(leader, ticket, truth))
}

fn names_component(hypothesis: &Hypothesis, ticket: &Ticket, truth: &Truth<'_>) -> bool {
    let Some(component) = hypothesis.component.as_ref() else {
        return false;
    };
    let key = truth
        .chosen_component
        .as_ref()
        .filter(|_| truth.truth.component.is_empty())
        .unwrap_or(&truth.truth.component);
    if component.kind() == truth.truth.component_kind && (component.key() == key || key.is_empty())
    {
        return true;
    }
    let name = ticket.names.get(component);
    truth
        .truth
        .component_aliases
        .iter()
        .any(|alias| component.key() == alias || name == Some(alias))
}

fn mentions(hypothesis: &Hypothesis, words: &[String]) -> bool {
    let text = format!(
        "{} {} {}",
        hypothesis.card, hypothesis.title, hypothesis.mechanism
    )
    .to_lowercase();
    words.iter().any(|word| text.contains(&word.to_lowercase()))
}

fn rules_out_alternative(ticket: &Ticket) -> bool {
    ticket
        .rationale
        .iter()
        .any(|claim| matches!(claim.predicate, Predicate::Discriminates { .. }))
}

fn graded(action: &str, truth: &operator_sim::scenario::Truth) -> (String, ActionGrade) {
    let has = |list: &[String]| list.iter().any(|listed| listed == action);
    let grade = if has(&truth.harmful_actions) {
        ActionGrade::Harmful
    } else if has(&truth.best_actions) {
        ActionGrade::Best
    } else if has(&truth.acceptable_actions) {
        ActionGrade::Acceptable
    } else {
        ActionGrade::Unlisted
    };
    (action.to_owned(), grade)
}

fn correctness(correct: bool) -> &'static str {
    if correct { "correct" } else { "WRONG" }
}

fn grade_word(grade: ActionGrade) -> &'static str {
    match grade {
        ActionGrade::Best => "best action",
        ActionGrade::Acceptable => "acceptable",
        ActionGrade::Unlisted => "not listed by the scenario",
        ActionGrade::Harmful => "HARMFUL",
    }
}
