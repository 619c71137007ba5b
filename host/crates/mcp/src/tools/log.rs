//! The decision log: what happened, and what the checks say.

use super::{Rows, ToolError};
use crate::answer::{id, observed};
use crate::arguments::Arguments;
use operator_journal::{FILE_NAME, Kind, Record, body, scan};
use operator_model::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Moments of one answer are taken from at most this many records; the newest ones.
const MOMENTS_MAX: usize = 5_000;

pub(super) fn timeline(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let from = arguments.time("from")?.unwrap_or(Timestamp(0));
    let to = arguments.time("to")?.unwrap_or(Timestamp(u64::MAX));
    let mut rows: Vec<Vec<Value>> = Vec::new();
    scan(&directory.join(FILE_NAME), &mut |record| {
        let moment = moment(record).map_err(|error| error.to_string())?;
        if let Some((at, row)) = moment
            && at >= from
            && at <= to
        {
            if rows.len() >= MOMENTS_MAX {
                rows.remove(0);
            }
            rows.push(row);
        }
        Ok(())
    })?;
    Ok((&["at", "what", "id", "entity", "observed_text"], rows))
}

fn moment(record: &Record<'_>) -> Result<Option<(Timestamp, Vec<Value>)>, serde_json::Error> {
    let kind = record.kind;
    let is = |wanted: Kind| kind == wanted.as_str();
    let (at, name, entity, text) = if is(Kind::VerdictChanged) {
        let body: body::VerdictChanged = serde_json::from_str(record.body)?;
        let entity = body
            .entities
            .first()
            .map_or(Value::Null, |entity| id(entity.as_str()));
        let status = serde_json::to_value(body.to)?;
        let text = format!("{}: {}", status.as_str().unwrap_or_default(), body.summary);
        (body.observed_at, id(body.invariant.as_str()), entity, text)
    } else if is(Kind::Anomaly) {
        let body: body::Anomaly = serde_json::from_str(record.body)?;
        (
            body.observed_at,
            id(body.signal.as_str()),
            id(body.entity.as_str()),
            body.summary,
        )
    } else if is(Kind::IncidentSuspected) {
        let body: body::IncidentSuspected = serde_json::from_str(record.body)?;
        (
            body.observed_at,
            id(&body.card),
            id(body.component.as_str()),
            body.title,
        )
    } else if kind.starts_with("ticket-") {
        let body: body::TicketEffect = serde_json::from_str(record.body)?;
        (body.observed_at, id(&body.ticket), Value::Null, body.title)
    } else {
        return Ok(None);
    };
    Ok(Some((
        at,
        vec![json!(at), id(kind), name, entity, observed(&text)],
    )))
}

pub(super) fn checks(directory: &Path, arguments: &Arguments<'_>) -> Result<Rows, ToolError> {
    let wanted = arguments.text("status")?;
    let mut newest: BTreeMap<String, body::VerdictChanged> = BTreeMap::new();
    scan(&directory.join(FILE_NAME), &mut |record| {
        if record.kind == Kind::VerdictChanged.as_str() {
            let body: body::VerdictChanged =
                serde_json::from_str(record.body).map_err(|error| error.to_string())?;
            newest.insert(body.invariant.to_string(), body);
        }
        Ok(())
    })?;
    let rows = newest.values().filter_map(|verdict| {
        let status = serde_json::to_value(verdict.to).ok()?;
        let is_wanted = wanted.is_none_or(|wanted| status.as_str() == Some(wanted));
        is_wanted.then(|| {
            vec![
                id(verdict.invariant.as_str()),
                status,
                json!(verdict.severity),
                json!(verdict.observed_at),
                verdict
                    .entities
                    .first()
                    .map_or(Value::Null, |entity| id(entity.as_str())),
                observed(&verdict.summary),
            ]
        })
    });
    Ok((
        &[
            "check",
            "status",
            "severity",
            "since",
            "entity",
            "observed_text",
        ],
        rows.collect(),
    ))
}
