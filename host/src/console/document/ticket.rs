//! A ticket as a report.

use super::{Block, Document, Map, Plot};
use crate::console::render::{self, Context, severity_word, state_word, time_of_day};
use operator_model::quantity::{human, number};
use operator_model::sentence::risk_word;
use operator_model::title::display_name;
use operator_model::{
    AssessedEvidence, EntityId, Evidence, Hypothesis, Scalar, Ticket, TicketOption,
};

/// Signals that are plotted: those of the symptoms and of the deciding observations.
const PLOTS_MAX: usize = 6;

/// Fewer samples are no curve.
const PLOT_SAMPLES_MIN: usize = 4;

/// A value is unusual from this robust z on; the band of a plot is that wide.
const BAND_Z: f64 = 3.0;

/// Everything that the ticket says, in the order in which a person needs it.
#[must_use]
pub fn document(ticket: &Ticket, context: &Context<'_>) -> Document {
    let mut page = Document::new(format!("{}: {}", ticket.id, ticket.title));
    head(&mut page, ticket, context);
    symptoms(&mut page, ticket);
    causes(&mut page, ticket);
    options(&mut page, ticket);
    page.heading("What would change this");
    page.paragraph(ticket.decision.revisit_when.clone());
    page.heading("What is not known");
    if ticket.gaps.is_empty() {
        page.paragraph("All evidence needed by these hypotheses was available.");
    }
    page.list(ticket.gaps.clone());
    similar(&mut page, context);
    provenance(&mut page, ticket);
    page
}

fn head(page: &mut Document, ticket: &Ticket, context: &Context<'_>) {
    let state = format!(
        "{} · {} · opened {} · last written {} · incident {}",
        severity_word(ticket.severity),
        state_word(ticket),
        ticket.opened_at,
        ticket.updated_at,
        ticket.key
    );
    page.paragraph(state);
    page.list(render::context_lines(ticket, context));
}

fn symptoms(page: &mut Document, ticket: &Ticket) {
    page.heading("What is seen");
    let rows = ticket.symptoms.iter().map(|symptom| {
        let ended = symptom.ended_at.map_or_else(String::new, time_of_day);
        vec![
            name(ticket, &symptom.entity),
            symptom.summary.clone(),
            time_of_day(symptom.onset.1),
            ended,
            cited(&symptom.evidence),
        ]
    });
    let rows = rows.collect();
    page.table(&["where", "what", "since", "ended", "evidence"], rows);
    let suspect = ticket.entities.first().filter(|_| !ticket.abstained);
    if let (Some(suspect), true) = (suspect, ticket.path.len() > 1) {
        let affected = ticket.path.iter().map(|step| {
            let seen = format!("{} {}", time_of_day(step.onset), step.summary);
            (name(ticket, &step.entity), seen)
        });
        page.blocks.push(Block::Map(Map {
            suspect: name(ticket, suspect),
            affected: affected.collect(),
        }));
    }
    plots(page, ticket);
}

fn plots(page: &mut Document, ticket: &Ticket) {
    let cited = |evidence: &&Evidence| {
        let of_symptom = ticket
            .symptoms
            .iter()
            .any(|symptom| symptom.evidence.contains(&evidence.id));
        let of_cause = ticket.hypotheses.first().is_some_and(|leader| {
            leader
                .assessed()
                .any(|one| one.claim.evidence.contains(&evidence.id))
        });
        of_symptom || of_cause
    };
    let plotted = ticket
        .observations
        .iter()
        .filter(|evidence| evidence.recent.len() >= PLOT_SAMPLES_MIN)
        .filter(cited)
        .take(PLOTS_MAX);
    for evidence in plotted {
        let usual = evidence.baseline.as_ref().and_then(Scalar::as_f64);
        let of = evidence.entity.as_ref().map_or_else(String::new, |entity| {
            format!(" of {}", name(ticket, entity))
        });
        page.blocks.push(Block::Plot(Plot {
            title: format!("{}{of} [{}]", evidence.query, evidence.id),
            unit: evidence.unit.clone(),
            values: evidence.recent.clone(),
            usual,
            spread: spread(evidence, usual),
        }));
    }
}

/// Half the usual range, from the robust z of the value.
fn spread(evidence: &Evidence, usual: Option<f64>) -> Option<f64> {
    let from_usual = evidence.value.as_f64()? - usual?;
    let z = evidence.robust_z?;
    (z.abs() > f64::EPSILON).then(|| (from_usual / z).abs() * BAND_Z)
}

fn causes(page: &mut Document, ticket: &Ticket) {
    page.heading("What it means");
    if ticket.abstained {
        page.paragraph("Cause undetermined: no hypothesis is likely enough.");
    }
    let rows = ticket.hypotheses.iter().map(|hypothesis| {
        vec![
            format!("{:.1} %", hypothesis.probability * 100.0),
            label(ticket, hypothesis),
            hypothesis.mechanism.clone(),
        ]
    });
    page.table(&["probability", "cause", "what happens"], rows.collect());
    let Some(leader) = ticket.hypotheses.iter().find(|one| !one.is_unknown_cause()) else {
        return;
    };
    let rows = leader
        .assessed()
        .filter(|one| one.ratio.ln().abs() > 0.0)
        .map(|one| {
            vec![
                weight(one),
                one.claim.text.clone(),
                one.because.clone(),
                cited(&one.claim.evidence),
            ]
        });
    page.paragraph(format!(
        "Evidence for and against {}:",
        label(ticket, leader)
    ));
    page.table(
        &["weight", "observed", "because", "evidence"],
        rows.collect(),
    );
}

/// `×30` makes a cause 30 times likelier.
fn weight(one: &AssessedEvidence) -> String {
    if one.ratio >= 1.0 {
        format!("×{}", number(one.ratio))
    } else {
        format!("÷{}", number(1.0 / one.ratio))
    }
}

fn options(page: &mut Document, ticket: &Ticket) {
    page.heading("What can be done");
    page.paragraph("Operator only recommends; a person acts.");
    for (number, option) in (1..).zip(&ticket.options) {
        one_option(
            page,
            number,
            option,
            option.action == ticket.decision.option,
        );
    }
    if !ticket.do_not.is_empty() {
        page.heading("Do not");
        let prohibited = ticket.do_not.iter();
        page.list(
            prohibited
                .map(|one| format!("{}: {}", one.title, one.because))
                .collect(),
        );
    }
    page.heading("Why");
    let claims = ticket.rationale.iter();
    page.list(
        claims
            .map(|claim| format!("{} [{}]", claim.text, cited(&claim.evidence)))
            .collect(),
    );
}

fn one_option(page: &mut Document, number: usize, option: &TicketOption, recommended: bool) {
    let mark = if recommended { " (recommended)" } else { "" };
    page.paragraph(format!("{number}. {}{mark}", option.title));
    let undo = match (option.reversible, option.reversal.as_str()) {
        (false, _) => "not possible",
        (true, "") => "nothing to undo",
        (true, reversal) => reversal,
    };
    let mut facts = vec![
        format!("effect: {}", option.effect),
        format!("risk: {}: {}", risk_word(option.risk), option.risk_note),
        format!("undo: {undo}"),
    ];
    facts.extend(
        option
            .preconditions
            .iter()
            .map(|one| format!("requires: {one}")),
    );
    facts.push(format!(
        "rationale: {} (expected value {})",
        option.because,
        number_of(option.expected_value)
    ));
    page.list(facts);
    if !option.commands.is_empty() {
        page.blocks.push(Block::Commands(option.commands.clone()));
    }
}

fn number_of(value: f64) -> String {
    human(&Scalar::Float(value), None)
}

fn similar(page: &mut Document, context: &Context<'_>) {
    if context.similar.is_empty() {
        return;
    }
    page.heading("Similar incidents");
    page.list(
        context
            .similar
            .iter()
            .map(|one| render::similar_line(one, context))
            .collect(),
    );
}

fn provenance(page: &mut Document, ticket: &Ticket) {
    page.heading("Provenance");
    let made = &ticket.provenance;
    let mut rows = vec![
        vec!["operator".to_owned(), made.host.clone()],
        vec!["knowledge".to_owned(), made.knowledge.clone()],
        vec!["configuration".to_owned(), made.config.clone()],
        vec!["snapshot".to_owned(), made.snapshot.clone()],
        vec![
            "explanation score".to_owned(),
            format!("{} of 100", ticket.explanation_score),
        ],
    ];
    let plugins = made.plugins.iter();
    rows.extend(plugins.map(|(name, digest)| vec![format!("plugin {name}"), digest.clone()]));
    page.table(&["what", "which"], rows);
}

fn label(ticket: &Ticket, hypothesis: &Hypothesis) -> String {
    let component = hypothesis.component.as_ref();
    component.map_or_else(
        || hypothesis.title.clone(),
        |entity| format!("{}: {}", hypothesis.title, name(ticket, entity)),
    )
}

fn name(ticket: &Ticket, entity: &EntityId) -> String {
    display_name(entity, &ticket.names)
}

fn cited(ids: &[operator_model::EvidenceId]) -> String {
    let ids: Vec<&str> = ids.iter().map(operator_model::EvidenceId::as_str).collect();
    ids.join(" ")
}
