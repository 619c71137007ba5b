//! A post-incident review as a report.

use super::Document;
use crate::console::render::{Version, duration, time_of_day};
use operator_model::{Ticket, Timestamp};
use serde::Serialize;

/// What the decision log says about an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// Id of the ticket.
    pub ticket: String,
    /// When the first symptom began, by the observed clock.
    pub began: Timestamp,
    /// From the first symptom to the first suspicion, in seconds; absent if the ticket came first.
    pub suspected_after_s: Option<f64>,
    /// From the first symptom to the ticket, in seconds.
    pub opened_after_s: f64,
    /// From the first symptom to the end, in seconds.
    pub resolved_after_s: Option<f64>,
    /// By time.
    pub timeline: Vec<Moment>,
    /// Versions of the ticket.
    pub known: Vec<Version>,
    /// Time without some source between the first symptom and the ticket, in seconds.
    pub blind_s: f64,
    /// Which sources, and why.
    pub blind_sources: Vec<String>,
    /// Checks that failed before the ticket, the first one first.
    pub first_checks: Vec<FirstCheck>,
    /// What people found out, as sentences.
    pub judgements: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// When, by the observed clock.
    pub at: Timestamp,
    /// What, in a few words.
    pub what: String,
    /// More about it.
    pub detail: String,
}

/// A check that failed before the ticket was opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirstCheck {
    /// Its id.
    pub check: String,
    /// When it failed, by the observed clock.
    pub at: Timestamp,
    /// How long before the ticket, in seconds.
    pub before_ticket_s: f64,
    /// What it said.
    pub summary: String,
}

/// The review of an incident.
#[must_use]
pub fn document(ticket: &Ticket, review: &Review) -> Document {
    let mut page = Document::new(format!("Review of {}: {}", ticket.id, ticket.title));
    head(&mut page, ticket, review);
    what_happened(&mut page, review);
    missing_observations(&mut page, review);
    first_checks(&mut page, review);
    options(&mut page, ticket);
    page.heading("Gaps");
    if ticket.gaps.is_empty() {
        page.paragraph("None.");
    }
    page.list(ticket.gaps.clone());
    page.heading("What people found out");
    if review.judgements.is_empty() {
        page.paragraph(format!(
            "Nothing yet. Record it: operator tickets verdict {} right",
            ticket.id
        ));
    }
    page.list(review.judgements.clone());
    page
}

fn head(page: &mut Document, ticket: &Ticket, review: &Review) {
    let suspected = review
        .suspected_after_s
        .map_or_else(|| "not before the ticket".to_owned(), after);
    let resolved = review.resolved_after_s;
    page.list(vec![
        format!("began: {}", review.began),
        format!("suspected: {suspected}"),
        format!("ticket: {}", after(review.opened_after_s)),
        format!(
            "resolved: {}",
            resolved.map_or_else(|| "not yet".to_owned(), after)
        ),
        format!("recommended last: {}", ticket.decision.option),
    ]);
}

fn what_happened(page: &mut Document, review: &Review) {
    page.heading("Timeline");
    let rows = review
        .timeline
        .iter()
        .map(|one| vec![time_of_day(one.at), one.what.clone(), one.detail.clone()]);
    page.table(&["time", "what", "detail"], rows.collect());
    page.heading("What was known when");
    let rows = review.known.iter().map(|one| {
        vec![
            time_of_day(one.at),
            format!("{:.1} %", one.probability * 100.0),
            one.cause.clone(),
            one.because.join("; "),
        ]
    });
    page.table(&["time", "probability", "cause", "because"], rows.collect());
}

fn missing_observations(page: &mut Document, review: &Review) {
    page.heading("Time lost to missing observations");
    if review.blind_s <= 0.0 {
        page.paragraph(
            "None: every source could be observed from the first symptom to the ticket.",
        );
    } else {
        let lost = duration(review.blind_s);
        page.paragraph(format!("{lost} between the first symptom and the ticket:"));
    }
    page.list(review.blind_sources.clone());
}

fn first_checks(page: &mut Document, review: &Review) {
    page.heading("Checks that failed first");
    page.paragraph(
        "A ticket waits until a check has failed for its pending time, or until several agree.",
    );
    let rows = review.first_checks.iter().map(|one| {
        vec![
            one.check.clone(),
            time_of_day(one.at),
            duration(one.before_ticket_s),
            one.summary.clone(),
        ]
    });
    page.table(
        &["check", "failed at", "before the ticket", "said"],
        rows.collect(),
    );
}

fn options(page: &mut Document, ticket: &Ticket) {
    page.heading("Options that were not recommended");
    let others = ticket
        .options
        .iter()
        .filter(|one| one.action != ticket.decision.option)
        .map(|one| {
            let value = one.expected_value;
            format!("{}: {} (expected value {value:.2})", one.title, one.because)
        });
    page.list(others.collect());
    let prohibited = ticket.do_not.iter();
    page.list(
        prohibited
            .map(|one| format!("do not: {}: {}", one.title, one.because))
            .collect(),
    );
}

fn after(seconds: f64) -> String {
    format!("{} after the first symptom", duration(seconds))
}
