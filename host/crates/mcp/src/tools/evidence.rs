//! Recorded observations.

use super::tickets::find;
use super::{Rows, ToolError};
use crate::answer::{id, observed};
use crate::arguments::Arguments;
use operator_journal::store::read_tickets;
use operator_model::quantity::human;
use operator_model::{Evidence, Scalar, Ticket};
use serde_json::{Value, json};
use std::path::Path;

const COLUMNS: &[&str] = &[
    "ticket",
    "evidence",
    "source",
    "entity",
    "from",
    "to",
    "number",
    "unit",
    "usual",
    "robust_z",
    "observed_text",
];

pub(super) async fn of_ticket(
    directory: &Path,
    arguments: &Arguments<'_>,
) -> Result<Rows, ToolError> {
    let ticket = find(directory, arguments).await?;
    let rows = ticket.observations.iter().map(|one| row(&ticket, one));
    Ok((COLUMNS, rows.collect()))
}

pub(super) async fn search(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let contains = arguments.text("contains")?;
    let entity = arguments.text("entity")?;
    let (tickets, _) = read_tickets(directory).await?;
    let mut rows = Vec::new();
    for ticket in tickets.iter().rev() {
        let found = ticket.observations.iter().filter(|one| {
            contains.is_none_or(|part| one.query.contains(part))
                && entity.is_none_or(|wanted| {
                    one.entity.as_ref().is_some_and(|id| id.as_str() == wanted)
                })
        });
        rows.extend(found.map(|one| row(ticket, one)));
    }
    Ok((COLUMNS, rows))
}

/// Numbers stand in columns of their own; text of the observed system, and the query that may hold some, does not.
fn row(ticket: &Ticket, evidence: &Evidence) -> Vec<Value> {
    let text = match &evidence.value {
        Scalar::Text(_) => format!("{} = {}", evidence.query, human(&evidence.value, None)),
        _ => evidence.query.clone(),
    };
    vec![
        id(&ticket.id),
        id(evidence.id.as_str()),
        json!(evidence.source),
        evidence
            .entity
            .as_ref()
            .map_or(Value::Null, |entity| id(entity.as_str())),
        json!(evidence.window.0),
        json!(evidence.window.1),
        json!(evidence.value.as_f64()),
        evidence.unit.as_deref().map_or(Value::Null, id),
        json!(evidence.baseline.as_ref().and_then(Scalar::as_f64)),
        json!(evidence.robust_z),
        observed(&text),
    ]
}
