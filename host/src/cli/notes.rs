//! Entries of people in the decision log: through the operator that runs, or directly where none does.

use crate::exit::{Exit, Failure};
use operator_engine::daemon::control::{self, Answer, ControlError, Request};
use operator_journal::Note;
use operator_journal::store::TicketLog;
use operator_model::Timestamp;
use operator_net::ports::Clock as _;
use operator_net::ports::real::RealClock;
use std::path::Path;

/// Longest text of a person, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 1_000;

/// Who is at the keyboard, unless the command line says so.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ByArgs {
    /// Your name, for the log
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown", value_parser = text)]
    pub(super) by: String,
}

/// The operator's time.
pub(super) fn now() -> Timestamp {
    RealClock.now()
}

/// A text of a person: not empty, of one line, of bounded length.
pub(super) fn text(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err("the text is empty".to_owned());
    }
    if trimmed.chars().any(char::is_control) {
        return Err("the text has a control character or a line break".to_owned());
    }
    let count = trimmed.chars().count();
    if count > TEXT_CHARS_MAX {
        return Err(format!(
            "the text has {count} characters; the limit is {TEXT_CHARS_MAX}"
        ));
    }
    Ok(trimmed.to_owned())
}

/// When an entry is in the decision log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is there.
    Now,
    /// The operator that runs writes it with its next tick, or when it stops.
    WithNextTick,
}

impl Written {
    /// The end of a sentence about the entry.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Now => "recorded in the decision log",
            Self::WithNextTick => {
                "accepted by the running operator, which records it with its next tick"
            }
        }
    }
}

/// Writes the entry, or hands it to the operator that runs.
pub(super) async fn write(data: &Path, note: Note) -> Result<Written, Failure> {
    let request = Request::Note { note: note.clone() };
    match control::ask(data, &request).await {
        Ok(Answer::Noted) => Ok(Written::WithNextTick),
        Ok(Answer::Wrong { reason }) => Err(Failure::new(Exit::Unavailable, reason)),
        Ok(_unexpected) => {
            let message = "the running operator sent an unexpected response".to_owned();
            Err(Failure::new(Exit::Unavailable, message))
        }
        Err(ControlError::NotRunning(_)) => {
            append(data, &note).await?;
            Ok(Written::Now)
        }
        Err(error) => Err(Failure::new(Exit::Unavailable, error.to_string())),
    }
}

async fn append(data: &Path, note: &Note) -> Result<(), Failure> {
    if !data.join(operator_journal::FILE_NAME).is_file() {
        let message = format!("there is no decision log in {}", data.display());
        return Err(Failure::new(Exit::Findings, message));
    }
    let mut ticket_log = TicketLog::open(data, now()).await?.ticket_log;
    ticket_log.note_of_person(note, now())?;
    ticket_log.close().await?;
    Ok(())
}
