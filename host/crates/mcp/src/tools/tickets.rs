//! Tickets, one ticket, and why not another cause.

use super::{Rows, ToolError};
use crate::answer::{id, observed};
use crate::arguments::Arguments;
use operator_journal::store::read_tickets;
use operator_model::{EntityId, FailureModeId, Ticket, TicketState};
use operator_reason::why::{self, Alternative};
use serde_json::{Value, json};
use std::path::Path;

pub(super) async fn list(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let state = match arguments.text("state")? {
        None => None,
        Some("open") => Some(TicketState::Open),
        Some("resolved") => Some(TicketState::Resolved),
        Some(_) => {
            return Err(ToolError::Argument {
                name: "state".to_owned(),
                why: "it is neither open nor resolved".to_owned(),
            });
        }
    };
    let (tickets, _) = read_tickets(directory).await?;
    let shown = tickets
        .iter()
        .rev()
        .filter(|ticket| state.is_none_or(|state| ticket.state == state));
    let rows = shown.map(|ticket| {
        let leader = ticket.hypotheses.first();
        vec![
            id(&ticket.id),
            json!(ticket.state),
            json!(ticket.severity),
            json!(ticket.opened_at),
            json!(ticket.updated_at),
            json!(ticket.abstained),
            leader.map_or(Value::Null, |leader| id(leader.card.as_str())),
            entity(leader.and_then(|leader| leader.component.as_ref())),
            json!(leader.map(|leader| leader.probability)),
            id(&ticket.decision.option),
            observed(&ticket.title),
        ]
    });
    Ok((
        &[
            "ticket",
            "state",
            "severity",
            "opened_at",
            "updated_at",
            "undetermined",
            "cause",
            "entity",
            "probability",
            "recommended",
            "observed_text",
        ],
        rows.collect(),
    ))
}

pub(super) async fn one(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let ticket = find(directory, arguments).await?;
    let causes = ticket.hypotheses.iter().map(|one| {
        vec![
            json!("cause"),
            id(one.card.as_str()),
            entity(one.component.as_ref()),
            json!(one.probability),
            Value::Null,
            Value::Null,
            observed(&one.mechanism),
        ]
    });
    let options = ticket.options.iter().map(|one| {
        let kind = if one.action == ticket.decision.option {
            "recommended option"
        } else {
            "option"
        };
        vec![
            json!(kind),
            id(&one.action),
            Value::Null,
            json!(one.expected_value),
            json!(one.risk),
            json!(one.reversible),
            observed(&format!("{}: {}", one.title, one.because)),
        ]
    });
    let prohibited = ticket.do_not.iter().map(|one| {
        vec![
            json!("do not"),
            id(&one.action),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            observed(&format!("{}: {}", one.title, one.because)),
        ]
    });
    let symptoms = ticket.symptoms.iter().map(|one| {
        vec![
            json!(if one.ended_at.is_some() {
                "ended symptom"
            } else {
                "symptom"
            }),
            Value::Null,
            entity(Some(&one.entity)),
            Value::Null,
            json!(one.severity),
            Value::Null,
            observed(&one.summary),
        ]
    });
    let rows = causes.chain(options).chain(prohibited).chain(symptoms);
    Ok((
        &[
            "what",
            "id",
            "entity",
            "probability_or_value",
            "risk_or_severity",
            "reversible",
            "observed_text",
        ],
        rows.collect(),
    ))
}

pub(super) async fn why(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let alternative = arguments.text("not")?.map(alternative);
    let ticket = find(directory, arguments).await?;
    let comparison = why::compare(&ticket, alternative.as_ref()).map_err(|_| {
        ToolError::NotFound("the ticket did not weigh this cause; see the tool ticket".to_owned())
    })?;
    let mut rows = vec![
        vec![
            json!("named cause"),
            id(comparison.cause.card.as_str()),
            entity(comparison.cause.component.as_ref()),
            json!(comparison.cause.probability),
            Value::Null,
            Value::Null,
        ],
        vec![
            json!("other cause"),
            id(comparison.other.card.as_str()),
            entity(comparison.other.component.as_ref()),
            json!(comparison.other.probability),
            Value::Null,
            Value::Null,
        ],
    ];
    rows.extend(comparison.terms.iter().map(|term| {
        vec![
            json!("factor"),
            Value::Null,
            Value::Null,
            json!(four_digits(term.weight.exp())),
            cited(term.evidence.iter().map(operator_model::EvidenceId::as_str)),
            observed(&term.observed),
        ]
    }));
    if let Some(flip) = &comparison.flip_set {
        rows.extend(flip.observations.iter().map(|one| {
            vec![
                json!("would change the answer"),
                Value::Null,
                Value::Null,
                json!(flip.probability),
                cited(one.evidence.iter().map(operator_model::EvidenceId::as_str)),
                observed(&one.observed),
            ]
        }));
    }
    Ok((
        &[
            "what",
            "cause",
            "entity",
            "number",
            "evidence",
            "observed_text",
        ],
        rows,
    ))
}

/// The ticket of the argument `ticket`; case does not matter.
pub(super) async fn find(directory: &Path, arguments: &Arguments<'_>) -> Result<Ticket, ToolError> {
    let wanted = arguments.required("ticket")?;
    let (tickets, _) = read_tickets(directory).await?;
    let found = tickets
        .into_iter()
        .find(|ticket| ticket.id.eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| {
        ToolError::NotFound("there is no ticket with this id; see the tool tickets".to_owned())
    })
}

fn alternative(text: &str) -> Alternative {
    let (failure_mode, component) = match text.split_once('@') {
        Some((failure_mode, component)) => (failure_mode, Some(component)),
        None => (text, None),
    };
    Alternative {
        failure_mode: FailureModeId::from(failure_mode),
        component: component.map(EntityId::from),
    }
}

fn entity(entity: Option<&EntityId>) -> Value {
    entity.map_or(Value::Null, |entity| id(entity.as_str()))
}

/// Odds are estimates: more digits would promise too much.
fn four_digits(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powf(3.0 - value.log10().floor());
    (value * scale).round() / scale
}

fn cited<'a>(ids: impl Iterator<Item = &'a str>) -> Value {
    let ids: Vec<&str> = ids.collect();
    json!(ids.join(" "))
}
