//! Playing a capture in virtual time.
//!
//! A capture contains only what was requested while it was made. A request between two captured responses gets the
//! older one, a request that was never captured gets 404, and a node that refused connections refuses them all.

use crate::capture::{Capture, Outcome, State};
use operator_world::{Answer, World};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One playback of a capture. Cheap to create: the capture itself is shared.
#[derive(Debug, Clone)]
pub struct Playback {
    capture: Arc<Capture>,
    now_ms: u64,
    /// How many lines of each log source have been read.
    read_lines: BTreeMap<String, usize>,
}

impl Playback {
    /// A playback at the first moment of the capture.
    #[must_use]
    pub fn new(capture: Arc<Capture>) -> Self {
        Self {
            now_ms: capture.begins_at_ms(),
            capture,
            read_lines: BTreeMap::new(),
        }
    }

    /// The capture.
    #[must_use]
    pub fn capture(&self) -> &Arc<Capture> {
        &self.capture
    }

    /// Whether the whole capture has been played. From then on, the last responses are repeated.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.now_ms >= self.capture.ends_at_ms()
    }

    /// Time since the start of the capture, in its own clock.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.now_ms.saturating_sub(self.capture.begins_at_ms())
    }

    /// The clock stops with the responses: otherwise every last heartbeat would look old.
    fn server_date_ms(&self) -> u64 {
        self.now_ms.min(self.capture.ends_at_ms())
    }

    fn response(&self, status: u16, content_type: &str, body: &[u8]) -> Answer {
        Answer::Response {
            status,
            content_type: content_type.to_owned(),
            body: body.to_vec(),
            server_date_ms: self.server_date_ms(),
        }
    }
}

impl World for Playback {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn advance_to(&mut self, ms: u64) {
        self.now_ms = self.now_ms.max(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        let Some(server) = self.capture.server(origin) else {
            return Answer::Refused;
        };
        match server.availability().at(self.elapsed_ms()) {
            State::Listening => {}
            State::Refusing => return Answer::Refused,
            State::Silent => return Answer::Timeout,
        }
        if !matches!(method, "GET" | "HEAD") {
            return self.response(405, "text/plain", b"a capture is read-only\n");
        }
        let Some(track) = server.track(path_and_query) else {
            return self.response(404, "text/plain", b"not recorded\n");
        };
        match track.at(self.elapsed_ms()) {
            Outcome::Response {
                status,
                content_type,
                body,
            } => {
                let body = if method == "HEAD" { &[] } else { body.as_ref() };
                self.response(*status, content_type, body)
            }
            Outcome::Refused => Answer::Refused,
            Outcome::Timeout => Answer::Timeout,
        }
    }

    fn listens(&self, origin: &str) -> bool {
        let state = self
            .capture
            .server(origin)
            .map(|server| server.availability().at(self.elapsed_ms()));
        matches!(state, Some(State::Listening | State::Silent))
    }

    fn origins(&self) -> Vec<String> {
        self.capture.origins().map(str::to_owned).collect()
    }

    fn log_sources(&self) -> Vec<String> {
        self.capture.log_sources().map(str::to_owned).collect()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        let elapsed_ms = self.elapsed_ms();
        let lines = self.capture.log_lines_until(source, elapsed_ms);
        let read = self.read_lines.entry(source.to_owned()).or_default();
        let unread = lines.get(*read..).unwrap_or_default();
        *read = lines.len();
        let skipped = unread.len().saturating_sub(lines_max);
        let kept = unread
            .iter()
            .skip(skipped)
            .map(|line| line.text().to_owned())
            .collect();
        (kept, u64::try_from(skipped).unwrap_or(u64::MAX))
    }

    fn targets(&self) -> BTreeMap<String, String> {
        self.capture.targets()
    }
}

#[cfg(test)]
mod tests;
