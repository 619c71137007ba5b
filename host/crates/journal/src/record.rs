//! One line of the log: how it is written and how it is taken apart again, byte by byte.

use operator_model::Timestamp;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A larger body is refused, so that a reader can bound its memory. The largest ticket of the tests
/// has 60 KB; a hundred times that leaves room for every limit of the stages.
pub const RECORD_BYTES_MAX: usize = 8 << 20;

/// What the first record has as `prev`.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The operator started: versions, digests, limits.
    Started,
    /// The status of a check changed.
    VerdictChanged,
    /// A signal left its baseline.
    Anomaly,
    /// Symptoms point to a cause, and have not lasted for long enough yet.
    IncidentSuspected,
    /// Symptoms with one cause were seen for the first time.
    IncidentOpened,
    /// A full ticket: observations, diagnosis, options, decision, rationale.
    Decision,
    /// The decision before it opened a ticket.
    TicketOpened,
    /// The decision before it changed a ticket.
    TicketUpdated,
    /// The decision before it resolved a ticket.
    TicketResolved,
    /// The decision before it reopened a ticket.
    TicketReopened,
    /// The ticket was in the store, but its records were lost from the log.
    TicketRecovered,
    /// What a person found out about a ticket.
    Judgement,
    /// A person asked not to be notified of some tickets for a while.
    SilenceAdded,
    /// A silence ended before its time.
    SilenceLifted,
    /// An agent asked a question.
    AgentCall,
    /// A check plugin was swapped for a newer file.
    PluginSwapped,
    /// A check plugin was rolled back to its previous version.
    PluginRolledBack,
    /// A check plugin was switched off for a while.
    PluginQuarantined,
    /// What cannot be seen changed.
    Blind,
    /// A request of a plugin; only in the audit log.
    Egress,
    /// Proof of life, now and then.
    TickCheckpoint,
    /// The operator stopped in good order.
    Stopped,
}

impl Kind {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::VerdictChanged => "verdict-changed",
            Self::Anomaly => "anomaly",
            Self::IncidentSuspected => "incident-suspected",
            Self::IncidentOpened => "incident-opened",
            Self::Decision => "decision",
            Self::TicketOpened => "ticket-opened",
            Self::TicketUpdated => "ticket-updated",
            Self::TicketResolved => "ticket-resolved",
            Self::TicketReopened => "ticket-reopened",
            Self::TicketRecovered => "ticket-recovered",
            Self::Judgement => "judgement",
            Self::SilenceAdded => "silence-added",
            Self::SilenceLifted => "silence-lifted",
            Self::AgentCall => "agent-call",
            Self::PluginSwapped => "plugin-swapped",
            Self::PluginRolledBack => "plugin-rolled-back",
            Self::PluginQuarantined => "plugin-quarantined",
            Self::Blind => "blind",
            Self::Egress => "egress",
            Self::TickCheckpoint => "tick-checkpoint",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field of a record, for saying what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Sequence number.
    Seq,
    /// Time.
    At,
    /// Kind.
    Kind,
    /// Hash of the previous record.
    Prev,
    /// Hash of this record.
    Hash,
    /// Body.
    Body,
    /// The end of the line or of the file.
    End,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seq => "seq",
            Self::At => "at",
            Self::Kind => "kind",
            Self::Prev => "prev",
            Self::Hash => "hash",
            Self::Body => "body",
            Self::End => "end",
        })
    }
}

/// A line, taken apart. Borrowed from the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Counts from 1.
    pub seq: u64,
    /// RFC 3339 text.
    pub at: &'a str,
    /// Word of the kind; a newer version may have written one that is unknown here.
    pub kind: &'a str,
    /// Hash of the previous record.
    pub prev: &'a str,
    /// Hash that the record states.
    pub hash: &'a str,
    /// The body's JSON text.
    pub body: &'a str,
    /// Where the line begins in the file.
    pub offset: u64,
    /// Where `,"hash":"…"` begins in the line.
    hash_start: usize,
    /// Where `,"body":` begins in the line.
    body_start: usize,
}

/// The field that is not written as it should be, and where it begins in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) field: Field,
    pub(super) at_byte: usize,
}

/// Writes a record; returns the line with its line feed, and the hash.
#[must_use]
pub fn encode(seq: u64, at: Timestamp, kind: Kind, prev: &str, body: &str) -> (String, String) {
    let head = format!(r#"{{"seq":{seq},"at":"{at}","kind":"{kind}","prev":"{prev}""#);
    let tail = format!(r#","body":{body}}}"#);
    let hash = hash_of(head.as_bytes(), tail.as_bytes());
    (format!("{head},\"hash\":\"{hash}\"{tail}\n"), hash)
}

/// Takes a line without its line feed apart. Only the exact form of [`encode`] is accepted, so
/// every byte of a line is either fixed, compared, or covered by the hash.
pub(super) fn decode(line: &[u8]) -> Result<Record<'_>, Malformed> {
    let text = std::str::from_utf8(line).map_err(|error| Malformed {
        field: Field::Body,
        at_byte: error.valid_up_to(),
    })?;
    let mut cursor = Cursor { text, at_byte: 0 };
    cursor.expect(r#"{"seq":"#, Field::Seq)?;
    let seq = cursor.number()?;
    let at = cursor.quoted(r#","at":""#, Field::At, 24, |c| {
        c.is_ascii_graphic() && c != '"'
    })?;
    let kind = cursor.quoted(r#","kind":""#, Field::Kind, 32, |c| {
        c.is_ascii_lowercase() || c == '-'
    })?;
    let prev = cursor.quoted(r#","prev":""#, Field::Prev, 64, is_hex)?;
    let hash_start = cursor.at_byte;
    let hash = cursor.quoted(r#","hash":""#, Field::Hash, 64, is_hex)?;
    let body_start = cursor.at_byte;
    cursor.expect(r#","body":"#, Field::Body)?;
    let rest = cursor.rest();
    let end = Malformed {
        field: Field::End,
        at_byte: text.len(),
    };
    let body = rest
        .strip_suffix('}')
        .filter(|body| body.starts_with('{') && body.ends_with('}'))
        .ok_or(end)?;
    Ok(Record {
        seq,
        at,
        kind,
        prev,
        hash,
        body,
        offset: 0,
        hash_start,
        body_start,
    })
}

impl Record<'_> {
    /// The hash of the bytes of the line. `line` is the line that the record was taken from.
    pub(super) fn computed_hash(&self, line: &[u8]) -> String {
        let head = line.get(..self.hash_start).unwrap_or_default();
        let tail = line.get(self.body_start..).unwrap_or_default();
        hash_of(head, tail)
    }

    /// Where a field begins in the line, for error messages.
    pub(super) fn start_of(&self, field: Field) -> usize {
        match field {
            Field::Seq => r#"{"seq":"#.len(),
            Field::Hash => self.hash_start,
            Field::Prev => self
                .hash_start
                .saturating_sub(r#","prev":"""#.len() + self.prev.len()),
            Field::Body | Field::End => self.body_start,
            Field::At | Field::Kind => 0,
        }
    }
}

fn hash_of(head: &[u8], tail: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(head);
    hasher.update(tail);
    hex::encode(hasher.finalize())
}

fn is_hex(c: char) -> bool {
    c.is_ascii_digit() || ('a'..='f').contains(&c)
}

struct Cursor<'a> {
    text: &'a str,
    at_byte: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at_byte..).unwrap_or_default()
    }

    fn expect(&mut self, literal: &str, field: Field) -> Result<(), Malformed> {
        if !self.rest().starts_with(literal) {
            return Err(Malformed {
                field,
                at_byte: self.at_byte,
            });
        }
        self.at_byte += literal.len();
        Ok(())
    }

    /// Decimal without sign or leading zero.
    fn number(&mut self) -> Result<u64, Malformed> {
        let malformed = Malformed {
            field: Field::Seq,
            at_byte: self.at_byte,
        };
        let digits = self
            .rest()
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        let number = digits
            .parse()
            .ok()
            .filter(|_| !digits.starts_with('0'))
            .ok_or(malformed)?;
        self.at_byte += digits.len();
        Ok(number)
    }

    /// `literal`, then at most `length_max` allowed characters, then a quote.
    fn quoted(
        &mut self,
        literal: &str,
        field: Field,
        length_max: usize,
        allowed: fn(char) -> bool,
    ) -> Result<&'a str, Malformed> {
        self.expect(literal, field)?;
        let malformed = Malformed {
            field,
            at_byte: self.at_byte,
        };
        let text = self.rest().split('"').next().unwrap_or_default();
        let exact = !matches!(field, Field::Kind);
        let fits = if exact {
            text.len() == length_max
        } else {
            (1..=length_max).contains(&text.len())
        };
        if !fits || !text.chars().all(allowed) {
            return Err(malformed);
        }
        self.at_byte += text.len();
        self.expect("\"", field)?;
        Ok(text)
    }
}
