//! What people add to the log: what they found out about tickets, and silences.

use crate::{Kind, Record, ScanError, body, scan};
use operator_model::{Ticket, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// One entry of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// What the person found out about a ticket.
    Judgement(body::Judgement),
    /// A silence begins.
    SilenceAdded(body::SilenceAdded),
    /// A silence ends.
    SilenceLifted(body::SilenceLifted),
    /// An agent asked a question.
    AgentCall(body::AgentCall),
}

impl Note {
    /// The kind of its record.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Judgement(_) => Kind::Judgement,
            Self::SilenceAdded(_) => Kind::SilenceAdded,
            Self::SilenceLifted(_) => Kind::SilenceLifted,
            Self::AgentCall(_) => Kind::AgentCall,
        }
    }

    /// Whether records of this kind are entries of people.
    #[must_use]
    pub fn is_kind(kind: &str) -> bool {
        [
            Kind::Judgement,
            Kind::SilenceAdded,
            Kind::SilenceLifted,
            Kind::AgentCall,
        ]
        .iter()
        .any(|one| one.as_str() == kind)
    }

    fn of_record(record: &Record<'_>) -> Result<Option<Self>, serde_json::Error> {
        let note = match record.kind {
            kind if kind == Kind::Judgement.as_str() => {
                Self::Judgement(serde_json::from_str(record.body)?)
            }
            kind if kind == Kind::SilenceAdded.as_str() => {
                Self::SilenceAdded(serde_json::from_str(record.body)?)
            }
            kind if kind == Kind::SilenceLifted.as_str() => {
                Self::SilenceLifted(serde_json::from_str(record.body)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(note))
    }
}

/// A silence, with its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// When it was asked for.
    pub at: Timestamp,
    /// Whom and how long it silences, and why.
    #[serde(flatten)]
    pub added: body::SilenceAdded,
    /// Who lifted it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifted: Option<(Timestamp, String)>,
}

impl Silence {
    /// Whether it silences at this time.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.lifted.is_none() && now < self.added.until
    }
}

/// Everything that people added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    judgements: BTreeMap<String, Vec<(Timestamp, body::Judgement)>>,
    silences: Vec<Silence>,
}

impl Notes {
    /// Reads the log of a data directory. A directory without a log has no notes.
    ///
    /// # Errors
    /// The log is damaged.
    pub fn read(directory: &Path) -> Result<Self, ScanError> {
        let mut notes = Self::default();
        let path = directory.join(crate::FILE_NAME);
        if !path.exists() {
            return Ok(notes);
        }
        scan(&path, &mut |record| {
            let note = Note::of_record(record)
                .map_err(|error| format!("not a {} record: {error}", record.kind))?;
            if let Some(note) = note {
                let at = record
                    .at
                    .parse()
                    .map_err(|_| format!("{:?} is not a time", record.at))?;
                notes.take(at, note);
            }
            Ok(())
        })?;
        Ok(notes)
    }

    /// Takes in one more.
    pub fn take(&mut self, at: Timestamp, note: Note) {
        match note {
            Note::Judgement(judgement) => {
                let of_ticket = self.judgements.entry(judgement.ticket.clone());
                of_ticket.or_default().push((at, judgement));
            }
            Note::SilenceAdded(added) => self.silences.push(Silence {
                at,
                added,
                lifted: None,
            }),
            Note::SilenceLifted(lifted) => {
                let silence = self
                    .silences
                    .iter_mut()
                    .find(|one| one.added.id == lifted.id && one.lifted.is_none());
                if let Some(silence) = silence {
                    silence.lifted = Some((at, lifted.by));
                }
            }
            // Nothing depends on what agents asked.
            Note::AgentCall(_) => {}
        }
    }

    /// What people found out about a ticket, oldest first.
    #[must_use]
    pub fn judgements_of(&self, ticket: &str) -> &[(Timestamp, body::Judgement)] {
        self.judgements.get(ticket).map_or(&[], Vec::as_slice)
    }

    /// The newest finding about a ticket.
    #[must_use]
    pub fn finding_of(&self, ticket: &str) -> Option<body::Finding> {
        let (_, newest) = self.judgements_of(ticket).last()?;
        Some(newest.finding)
    }

    /// Every silence, oldest first.
    #[must_use]
    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// The silence that concerns the ticket now; the one that lasts longest.
    #[must_use]
    pub fn silence_of(&self, ticket: &Ticket, now: Timestamp) -> Option<&Silence> {
        self.silences
            .iter()
            .filter(|silence| silence.is_active(now) && silence.added.matches(ticket))
            .max_by_key(|silence| silence.added.until)
    }

    /// The id for the next silence.
    #[must_use]
    pub fn next_silence_id(&self) -> String {
        format!("S-{}", self.silences.len() + 1)
    }
}
