//! The audit log: one entry for every request of a plugin, sent or refused. No bodies, no headers,
//! no credentials.

mod file;

pub use file::{AUDIT_FILE_NAME, AuditError, FileAudit, read_audit};

use super::{RefusalReason, TargetRequest};
use crate::ports::{HttpError, HttpResponse};
use operator_model::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest text of a plugin in an entry, in characters.
const TEXT_CHARS_MAX: usize = 256;

/// Entries that wait for a log to be attached: requests of a plugin while it is loaded.
const WAITING_MAX: usize = 1_024;

/// What happened to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was not sent, or its answer was not passed on.
    Refused,
    /// It was sent, and there was no answer.
    Failed,
    /// It was sent and answered.
    Answered,
}

/// One request as it is written down. What a plugin wrote is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Name of the target as the plugin gave it.
    pub target: String,
    /// Where the target is; absent when it is unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
    /// GET, HEAD, or DISCOVER for a target that could not be added.
    pub method: String,
    /// Path and query; for DISCOVER the origin that was wanted.
    pub path: String,
    /// What happened.
    pub decision: Decision,
    /// Why there is no response.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Bytes of its body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<usize>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Where entries go. Writing must not fail a request: a log that cannot be written reports it
/// itself.
pub trait Audit: Send + Sync {
    /// Keeps one entry.
    fn record(&self, at: Timestamp, entry: &AuditEntry);
}

impl AuditEntry {
    pub(super) fn of(request: &TargetRequest) -> Self {
        Self {
            target: printable(&request.target),
            origin: None,
            method: request.method.as_str().to_owned(),
            path: printable(&request.path_and_query),
            decision: Decision::Failed,
            reason: None,
            status: None,
            bytes: None,
            took_ms: 0,
        }
    }

    pub(super) fn refused_discovery(name: &str, origin: &str, error: &HttpError) -> Self {
        Self {
            target: printable(name),
            origin: None,
            method: "DISCOVER".to_owned(),
            path: printable(origin),
            decision: Decision::Refused,
            reason: Some(printable(&error.to_string())),
            status: None,
            bytes: None,
            took_ms: 0,
        }
    }

    pub(super) fn refuse(&mut self, reason: RefusalReason) {
        self.decision = Decision::Refused;
        self.reason = Some(reason.as_str().to_owned());
    }

    pub(super) fn ended(mut self, result: &Result<HttpResponse, HttpError>, took_ms: u64) -> Self {
        self.took_ms = took_ms;
        match result {
            Ok(response) => {
                self.decision = Decision::Answered;
                self.status = Some(response.status);
                self.bytes = Some(response.body.len());
            }
            Err(error) => {
                let word = self
                    .reason
                    .take()
                    .map(|word| format!("{word}: "))
                    .unwrap_or_default();
                self.reason = Some(printable(&format!("{word}{error}")));
            }
        }
        self
    }
}

/// Escaped, so that no text of a plugin or of a server moves a cursor or looks like something else.
fn printable(text: &str) -> String {
    let mut escaped: String = text
        .chars()
        .take(TEXT_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if !escaped.is_ascii() {
        escaped = escaped.escape_default().to_string();
    }
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        escaped.push_str("...");
    }
    escaped
}

/// Passes entries on, or keeps the first of them until there is someone to pass them to.
#[derive(Default)]
pub(super) struct AuditTrail {
    inner: Mutex<Trail>,
}

enum Trail {
    Waiting(Vec<(Timestamp, AuditEntry)>),
    Attached(Arc<dyn Audit>),
}

impl Default for Trail {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl AuditTrail {
    pub(super) fn attach(&self, audit: Arc<dyn Audit>) {
        let mut trail = self.inner.lock();
        if let Trail::Waiting(entries) = &*trail {
            entries
                .iter()
                .for_each(|(at, entry)| audit.record(*at, entry));
        }
        *trail = Trail::Attached(audit);
    }

    pub(super) fn record(&self, at: Timestamp, entry: AuditEntry) {
        match &mut *self.inner.lock() {
            Trail::Waiting(entries) if entries.len() < WAITING_MAX => entries.push((at, entry)),
            Trail::Waiting(_) => {}
            Trail::Attached(audit) => audit.record(at, &entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_plugin_are_escaped_and_cut() {
        assert_eq!(printable("/a\r\n\u{1b}[31m"), "/a\\r\\n\\u{1b}[31m");
        assert_eq!(printable("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(printable(&"ä".repeat(300)).len(), 256 * "\\u{e4}".len() + 3);
    }
}
