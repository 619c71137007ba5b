//! Recordings of real clusters, played again as if they were the cluster.
//!
//! A recording knows only what was asked while it was made. What is asked between two recorded answers gets the
//! older one, what was never asked gets 404, and a node that refused connections refuses them all. [`Cassette`]
//! is one playing of a [`Recording`]: it moves in virtual time, and can be served on sockets by [`play`].

pub mod play;
pub mod recording;
pub mod trim;

mod availability;
mod line;
mod log_files;
mod track;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::world::{Answer, World};
use availability::State;
pub use recording::{LoadError, Recording};
use track::Outcome;

/// One playing of a recording. Cheap to make: the recording itself is shared.
#[derive(Debug, Clone)]
pub struct Cassette {
    recording: Arc<Recording>,
    now_ms: u64,
    /// How many lines of each log source have been read.
    read_lines: BTreeMap<String, usize>,
}

impl Cassette {
    /// A playing that stands at the first moment of the recording.
    #[must_use]
    pub fn new(recording: Arc<Recording>) -> Self {
        Self {
            now_ms: recording.begins_at_ms(),
            recording,
            read_lines: BTreeMap::new(),
        }
    }

    /// The recording that is played.
    #[must_use]
    pub fn recording(&self) -> &Arc<Recording> {
        &self.recording
    }

    /// Whether everything recorded has been played. From then on the last answers hold.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.now_ms >= self.recording.ends_at_ms()
    }

    /// Time since the beginning of the recording, in its own clock.
    fn elapsed_ms(&self) -> u64 {
        self.now_ms.saturating_sub(self.recording.begins_at_ms())
    }

    /// A clock that ran on while the answers stand still would make every last heartbeat look old.
    fn server_date_ms(&self) -> u64 {
        self.now_ms.min(self.recording.ends_at_ms())
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

impl World for Cassette {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn advance_to(&mut self, ms: u64) {
        self.now_ms = self.now_ms.max(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        let Some(server) = self.recording.server(origin) else {
            return Answer::Refused;
        };
        match server.availability().at(self.elapsed_ms()) {
            State::Listening => {}
            State::Refusing => return Answer::Refused,
            State::Silent => return Answer::Timeout,
        }
        if !matches!(method, "GET" | "HEAD") {
            return self.response(405, "text/plain", b"a recording can only be read\n");
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
            .recording
            .server(origin)
            .map(|server| server.availability().at(self.elapsed_ms()));
        matches!(state, Some(State::Listening | State::Silent))
    }

    fn origins(&self) -> Vec<String> {
        self.recording.origins().map(str::to_owned).collect()
    }

    fn log_sources(&self) -> Vec<String> {
        self.recording.log_sources().map(str::to_owned).collect()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        let elapsed_ms = self.elapsed_ms();
        let lines = self.recording.log_lines_until(source, elapsed_ms);
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
        self.recording.targets()
    }
}

#[cfg(test)]
mod tests;
