//! Tickets for the terminal, and wording shared with event lines.
//!
//! Rendering only lays out what the ticket contains; it draws no conclusions.
//! All text is escaped, because some of it comes from the observed system.

mod meaning;
mod options;
mod page;
mod spark;
mod symptoms;
mod why;

use operator_journal::Notes;
use operator_journal::body::{Finding, Judgement};
use operator_model::sentence::risk_word;
use operator_model::title::display_name;
use operator_model::{EntityId, Severity, Ticket, TicketState, Timestamp};
use operator_reason::similar::Similar;
use page::{Ink, Page};

pub use operator_model::quantity::{bytes, duration, escape, human, measure, number};
pub use spark::sparkline;
pub use why::{Version, comparison};

/// Layout for this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderStyle {
    /// Columns.
    pub width: usize,
    /// Whether to use ANSI colors.
    pub color: bool,
}

/// What is known about a ticket beside itself.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// Earlier tickets that looked alike.
    pub similar: Vec<Similar<'a>>,
    /// What people added to the log.
    pub notes: Notes,
    /// The operator's time.
    pub now: Timestamp,
}

/// Judgements and silences of a ticket, as sentences.
#[must_use]
pub fn context_lines(ticket: &Ticket, context: &Context<'_>) -> Vec<String> {
    let judged = context.notes.judgements_of(&ticket.id).iter();
    let mut lines: Vec<String> = judged.map(|(at, one)| judgement_line(*at, one)).collect();
    if let Some(silence) = context.notes.silence_of(ticket, context.now) {
        lines.push(format!(
            "silenced until {} by {} ({}): {}",
            silence.added.until, silence.added.by, silence.added.id, silence.added.reason
        ));
    }
    lines.extend(recovery(ticket));
    lines
}

/// What a person found out, as a sentence.
#[must_use]
pub fn judgement_line(at: Timestamp, judgement: &Judgement) -> String {
    let cause = judgement.cause.as_ref();
    let cause = cause.map_or_else(String::new, |cause| format!(", the cause was {cause}"));
    let remark = judgement.remark.as_ref();
    let remark = remark.map_or_else(String::new, |remark| format!(": {remark}"));
    format!(
        "{}{cause}, says {} at {at}{remark}",
        judgement.finding.as_str(),
        judgement.by
    )
}

/// An earlier incident, with what people found out about it.
#[must_use]
pub fn similar_line(similar: &Similar<'_>, context: &Context<'_>) -> String {
    let finding = context.notes.finding_of(similar.id);
    format!(
        "{} ({:.0} % alike, {}): {}",
        similar.id,
        similar.similarity * 100.0,
        finding.map_or("no verdict", Finding::as_str),
        similar.ticket.title
    )
}

/// Renders a ticket with what is known beside it.
#[must_use]
pub fn ticket_in_context(ticket: &Ticket, context: &Context<'_>, style: &RenderStyle) -> String {
    let mut text = self::ticket(ticket, style);
    let mut page = Page::new(style);
    let mut judged = context_lines(ticket, context);
    if recovery(ticket).is_some() {
        judged.pop();
    }
    if !judged.is_empty() {
        page.heading("VERDICTS");
        judged
            .iter()
            .for_each(|line| page.item(2, "·", line, Ink::Plain));
    }
    if !context.similar.is_empty() {
        page.heading("SIMILAR INCIDENTS");
        for one in &context.similar {
            page.item(2, "·", &similar_line(one, context), Ink::Plain);
        }
    }
    text.push_str(&page.finish());
    text
}

/// Renders a ticket as text that ends with a line feed.
#[must_use]
pub fn ticket(ticket: &Ticket, style: &RenderStyle) -> String {
    let mut page = Page::new(style);
    head(&mut page, ticket);
    symptoms::section(&mut page, ticket);
    meaning::section(&mut page, ticket);
    options::section(&mut page, ticket);
    gaps(&mut page, ticket);
    foot(&mut page, ticket);
    page.finish()
}

/// Time of day in UTC, `12:34:56`.
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// A severity in a word.
#[must_use]
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// A probability in words.
#[must_use]
pub fn confidence_word(probability: f64) -> &'static str {
    match probability {
        p if p >= 0.95 => "almost certain",
        p if p >= 0.75 => "likely",
        p if p >= 0.5 => "more likely than not",
        p if p >= 0.2 => "possible",
        _ => "unlikely",
    }
}

fn head(page: &mut Page, ticket: &Ticket) {
    let state = state_word(ticket);
    let ink = severity_ink(ticket.severity);
    page.rule(&[severity_word(ticket.severity), &ticket.id, state], ink);
    page.wrapped(0, 0, &ticket.title, Ink::Bold);
    let started = ticket
        .symptoms
        .iter()
        .map(|symptom| symptom.onset.1)
        .min()
        .unwrap_or(ticket.opened_at);
    let lasting = measure(
        whole_seconds(ticket.updated_at.since_ms(started)),
        Some("s"),
    );
    let day = started.to_string().get(..10).unwrap_or_default().to_owned();
    let since = format!(
        "since {day} {} UTC, lasting {lasting} · incident {}",
        time_of_day(started),
        ticket.key
    );
    page.wrapped(0, 0, &since, Ink::Dim);
    if let Some(recovery) = recovery(ticket) {
        page.wrapped(0, 0, &recovery, Ink::Green);
    }
}

/// The state of a ticket in a word.
#[must_use]
pub fn state_word(ticket: &Ticket) -> &'static str {
    match (ticket.state, ticket.recovering_since) {
        (TicketState::Open, None) => "open",
        (TicketState::Open, Some(_)) => "recovering",
        (TicketState::Resolved, _) => "resolved",
    }
}

/// How far the system has recovered.
fn recovery(ticket: &Ticket) -> Option<String> {
    let since = ticket.recovering_since?;
    let all = ticket.symptoms.len();
    let ended = ticket.symptoms.iter().filter(|one| one.ended_at.is_some());
    Some(format!(
        "recovering since {}: {} of {all} symptoms have ended; the diagnosis dates from before the recovery",
        time_of_day(since),
        ended.count()
    ))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of an incident are far below 2^53"
)]
fn whole_seconds(ms: u64) -> f64 {
    (ms / 1_000) as f64
}

fn severity_ink(severity: Severity) -> Ink {
    match severity {
        Severity::Info => Ink::Blue,
        Severity::Warning => Ink::Yellow,
        Severity::Critical => Ink::Red,
    }
}

fn gaps(page: &mut Page, ticket: &Ticket) {
    page.heading("WHAT WOULD CHANGE THIS");
    page.wrapped(2, 2, &capital(&ticket.decision.revisit_when), Ink::Plain);
    page.heading("WHAT IS NOT KNOWN");
    if ticket.gaps.is_empty() {
        page.wrapped(
            2,
            2,
            "All evidence needed by these hypotheses was available.",
            Ink::Plain,
        );
    }
    for gap in ticket.gaps.iter().take(GAPS_SHOWN_MAX) {
        page.item(2, "·", gap, Ink::Plain);
    }
    if let Some(more) = ticket
        .gaps
        .len()
        .checked_sub(GAPS_SHOWN_MAX)
        .filter(|more| *more > 0)
    {
        page.item(2, "·", &format!("and {more} more (see --json)"), Ink::Dim);
    }
}

/// Gaps shown on a page; the JSON ticket lists all.
const GAPS_SHOWN_MAX: usize = 8;

fn foot(page: &mut Page, ticket: &Ticket) {
    page.blank();
    let made = &ticket.provenance;
    let shorten = |digest: &str| digest.chars().take(12).collect::<String>();
    let score = match ticket.explanation_score {
        0 => "explanation not verified".to_owned(),
        score => format!("explanation verified, {score} of 100"),
    };
    let mut parts = vec![
        score,
        format!("operator {}", made.host),
        format!("knowledge {}", made.knowledge),
    ];
    parts.extend(
        made.plugins
            .iter()
            .map(|(name, digest)| format!("{name} {}", shorten(digest))),
    );
    parts.push(format!("snapshot {}", shorten(&made.snapshot)));
    page.wrapped(0, 0, &parts.join(" · "), Ink::Dim);
}

/// The display name of an entity in this ticket.
fn name(ticket: &Ticket, entity: &EntityId) -> String {
    display_name(entity, &ticket.names)
}

/// Evidence ids in brackets, for cross-reference.
fn ids<'a>(ids: impl IntoIterator<Item = &'a operator_model::EvidenceId>) -> String {
    let ids: Vec<&str> = ids
        .into_iter()
        .map(operator_model::EvidenceId::as_str)
        .collect();
    match ids.as_slice() {
        [first, .., last] if ids.len() > IDS_SHOWN_MAX => format!("[{first} … {last}]"),
        all => format!("[{}]", all.join(" ")),
    }
}

/// More ids than this in a row are noise.
const IDS_SHOWN_MAX: usize = 4;

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

fn risk_ink(risk: operator_model::knowledge::Risk) -> (Ink, &'static str) {
    use operator_model::knowledge::Risk;
    let ink = match risk {
        Risk::None | Risk::Low => Ink::Green,
        Risk::Medium => Ink::Yellow,
        Risk::High => Ink::Red,
    };
    (ink, risk_word(risk))
}

#[cfg(test)]
mod tests;
