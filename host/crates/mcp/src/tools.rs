//! The seven tools. They read; none of them can change anything.

mod evidence;
mod log;
mod tickets;

use crate::answer::Answer;
use crate::arguments::Arguments;
use operator_journal::ScanError;
use operator_journal::store::TicketLogError;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A tool as agents see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Names of its arguments, and what they mean.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The arguments that must be given.
    pub required: &'static [&'static str],
}

/// All tools. The list is frozen by a test: agents are configured by these names.
pub const TOOLS: [Tool; 7] = [
    Tool {
        name: "tickets",
        description: "List tickets, newest first: what is or was wrong, the named cause, its probability and the recommended action.",
        arguments: &[("state", "open or resolved; all if absent")],
        required: &[],
    },
    Tool {
        name: "ticket",
        description: "One ticket: hypotheses with their probabilities, and options with risk, reversibility and expected value.",
        arguments: &[("ticket", "Ticket id, for example T-1")],
        required: &["ticket"],
    },
    Tool {
        name: "why",
        description: "Why a ticket names its cause and not another one: the likelihood ratio of each observation, and the smallest set of observations that would change the answer.",
        arguments: &[
            ("ticket", "Ticket id, for example T-1"),
            (
                "not",
                "The other cause, as MODE or MODE@ENTITY; the next likely one if absent",
            ),
        ],
        required: &["ticket"],
    },
    Tool {
        name: "evidence",
        description: "The observations that a ticket cites, with value, unit, usual value and robust deviation.",
        arguments: &[("ticket", "Ticket id, for example T-1")],
        required: &["ticket"],
    },
    Tool {
        name: "query",
        description: "Search the recorded observations of all tickets by a part of their query and by entity.",
        arguments: &[
            ("contains", "A part of the query, for example heartbeat_lag"),
            ("entity", "KIND/KEY of the entity"),
        ],
        required: &[],
    },
    Tool {
        name: "timeline",
        description: "What happened, by time: checks that changed, anomalies, suspicions, incidents and tickets.",
        arguments: &[
            ("from", "Not before this time, as RFC 3339"),
            ("to", "Not after this time, as RFC 3339"),
        ],
        required: &[],
    },
    Tool {
        name: "checks",
        description: "The newest verdict of every check.",
        arguments: &[("status", "pass, fail or inconclusive; all if absent")],
        required: &[],
    },
];

/// Why a tool gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is no such tool.
    #[error(
        "there is no tool {0:?}; there are tickets, ticket, why, evidence, query, timeline, checks"
    )]
    Unknown(String),
    /// An argument is wrong.
    #[error("argument {name:?}: {why}")]
    Argument {
        /// Which.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no such ticket, or no such cause.
    #[error("{0}")]
    NotFound(String),
    /// The log is damaged.
    #[error("the decision log cannot be read: {0}")]
    Log(#[from] ScanError),
    /// The tickets cannot be read.
    #[error("the tickets cannot be read: {0}")]
    Tickets(#[from] TicketLogError),
}

impl Tool {
    /// The JSON Schema of its arguments.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut properties: Map<String, Value> = self
            .arguments
            .iter()
            .map(|(name, meaning)| {
                let property = json!({"type": "string", "description": meaning, "maxLength": 200});
                ((*name).to_owned(), property)
            })
            .collect();
        properties.insert(
            "cursor".to_owned(),
            json!({"type": "string", "description": "next_cursor of the answer before"}),
        );
        properties.insert(
            "max_tokens".to_owned(),
            json!({"type": "integer", "minimum": 100, "maximum": 20_000, "description": "Size of the answer; 2000 if absent"}),
        );
        json!({
            "type": "object",
            "properties": properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

/// Answers one call.
///
/// # Errors
/// An argument is wrong, nothing is found, or the data directory cannot be read.
pub async fn call(
    directory: &Path,
    name: &str,
    given: &Map<String, Value>,
) -> Result<Answer, ToolError> {
    let tool = TOOLS.iter().find(|tool| tool.name == name);
    let tool = tool.ok_or_else(|| ToolError::Unknown(name.chars().take(80).collect()))?;
    let known: Vec<&str> = tool.arguments.iter().map(|(name, _)| *name).collect();
    let arguments = Arguments::new(given, &known)?;
    let (columns, rows) = match tool.name {
        "tickets" => tickets::list(directory, &arguments).await?,
        "ticket" => tickets::one(directory, &arguments).await?,
        "why" => tickets::why(directory, &arguments).await?,
        "evidence" => evidence::of_ticket(directory, &arguments).await?,
        "query" => evidence::search(directory, &arguments).await?,
        "timeline" => log::timeline(directory, &arguments)?,
        _ => log::checks(directory, &arguments)?,
    };
    Ok(Answer::within(
        columns,
        rows,
        arguments.cursor()?,
        arguments.tokens_max()?,
    ))
}

/// Columns and rows.
type Rows = (&'static [&'static str], Vec<Vec<Value>>);
