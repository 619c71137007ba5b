//! A capture in memory: loaded once, checked line by line, shared by every playback.

mod availability;
mod line;
pub(crate) mod read;
mod track;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use availability::State;
use availability::{Availability, Sign};
pub(crate) use line::Line;
pub(crate) use track::Outcome;
use track::Track;

/// Everything that was captured of a cluster.
#[derive(Debug)]
pub struct Capture {
    begins_at_ms: u64,
    length_ms: u64,
    servers: BTreeMap<String, Server>,
    logs: BTreeMap<String, Vec<LogLine>>,
}

/// One origin of the captured cluster.
#[derive(Debug, Default)]
pub(crate) struct Server {
    availability: Availability,
    tracks: BTreeMap<String, Track>,
    /// Path and sorted query parameters, to the path and query that was recorded.
    any_order: BTreeMap<String, String>,
}

/// One line of a log file.
#[derive(Debug)]
pub struct LogLine {
    at_ms: u64,
    text: String,
}

/// Why a file is not a usable capture.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is missing, or cannot be read.
    #[error("cannot read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A line is malformed.
    #[error("{path:?}, line {line}: {why}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The file has no response of any server.
    #[error("{path:?} is not a capture: {why}")]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
}

impl Capture {
    /// Reads a capture, compressed or not.
    ///
    /// # Errors
    /// The file cannot be read, a line is wrong, or there is nothing to play.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let mut builder = Builder::default();
        read::each_line(path, |line| builder.take(line))?;
        builder.finish().map_err(|why| LoadError::NotACapture {
            path: path.to_owned(),
            why,
        })
    }

    /// Start of the capture, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn begins_at_ms(&self) -> u64 {
        self.begins_at_ms
    }

    /// Time of the last captured event.
    #[must_use]
    pub fn ends_at_ms(&self) -> u64 {
        self.begins_at_ms.saturating_add(self.length_ms)
    }

    /// Length of the capture.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.length_ms
    }

    /// Every captured origin, sorted.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// Every log file, sorted.
    pub fn log_sources(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The lines of a log file up to this time after the start.
    #[must_use]
    pub fn log_lines_until(&self, source: &str, elapsed_ms: u64) -> &[LogLine] {
        let lines = self.logs.get(source).map(Vec::as_slice).unwrap_or_default();
        let until = lines.partition_point(|line| line.at_ms <= elapsed_ms);
        lines.get(..until).unwrap_or_default()
    }

    /// The targets to configure an operator with: the PD member with the most captured requests.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<String, String> {
        let asks = |server: &Server| {
            server
                .tracks
                .keys()
                .filter(|path| path.starts_with("/pd/"))
                .count()
        };
        let mut best: Option<(&str, usize)> = None;
        for (origin, server) in &self.servers {
            let count = asks(server);
            if count > best.map_or(0, |(_, most)| most) {
                best = Some((origin, count));
            }
        }
        best.into_iter()
            .map(|(origin, _)| ("pd".to_owned(), origin.to_owned()))
            .collect()
    }

    pub(crate) fn server(&self, origin: &str) -> Option<&Server> {
        self.servers.get(origin)
    }
}

impl Server {
    pub(crate) fn availability(&self) -> &Availability {
        &self.availability
    }

    /// The captured URL, or one that differs only in the order of its parameters.
    pub(crate) fn track(&self, path_and_query: &str) -> Option<&Track> {
        let exact = self.tracks.get(path_and_query);
        exact.or_else(|| {
            self.tracks
                .get(self.any_order.get(&sorted_query(path_and_query))?)
        })
    }
}

impl LogLine {
    /// The line without its line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A capture while it is loaded.
#[derive(Default)]
struct Builder {
    began_at_ms: Option<u64>,
    exchanges: Vec<Exchange>,
    last_bodies: BTreeMap<String, Arc<[u8]>>,
    content_types: BTreeMap<String, Arc<str>>,
    logs: BTreeMap<String, Vec<LogLine>>,
}

struct Exchange {
    at_ms: u64,
    origin: String,
    path_and_query: String,
    outcome: Outcome,
}

impl Builder {
    fn take(&mut self, line: Line) -> Result<(), String> {
        if line.is_log() {
            self.take_log(line)
        } else if line.is_exchange() {
            self.take_exchange(line)
        } else {
            Ok(())
        }
    }

    fn take_log(&mut self, line: Line) -> Result<(), String> {
        let at_ms = line.at_ms()?;
        let source = line
            .source
            .ok_or("field `source` of a log line is missing")?;
        let text = line.line.ok_or("field `line` of a log line is missing")?;
        self.logs
            .entry(source)
            .or_default()
            .push(LogLine { at_ms, text });
        Ok(())
    }

    fn take_exchange(&mut self, line: Line) -> Result<(), String> {
        let at_ms = line.at_ms()?;
        let url = line
            .url
            .clone()
            .ok_or("the line is neither a response (`url`) nor a log line (`kind: log`)")?;
        let (origin, path_and_query) = line::split_url(&url)?;
        if let (None, Some(unix_ms)) = (self.began_at_ms, line.unix_ms) {
            self.began_at_ms = Some(unix_ms.saturating_sub(at_ms));
        }
        let origin = origin.to_owned();
        let path_and_query = path_and_query.to_owned();
        let outcome = self.outcome(url, line)?;
        self.exchanges.push(Exchange {
            at_ms,
            origin,
            path_and_query,
            outcome,
        });
        Ok(())
    }

    fn outcome(&mut self, url: String, line: Line) -> Result<Outcome, String> {
        if let Some(error) = line.error {
            let timed_out = error.to_lowercase().contains("timed out")
                || error.to_lowercase().contains("timeout");
            return Ok(if timed_out {
                Outcome::Timeout
            } else {
                Outcome::Refused
            });
        }
        let status = line.status.ok_or("neither `status` nor `error`")?;
        let body = match line.body {
            Some(text) => Arc::from(text.into_bytes()),
            None if line.same => Arc::clone(
                self.last_bodies
                    .get(&url)
                    .ok_or("`same` is set, but the URL has no earlier body")?,
            ),
            None => return Err("neither `body` nor `same`".to_owned()),
        };
        self.last_bodies.insert(url, Arc::clone(&body));
        let content_type = line.content_type.unwrap_or_default();
        let content_type = self
            .content_types
            .entry(content_type)
            .or_insert_with_key(|text| Arc::from(text.as_str()));
        Ok(Outcome::Response {
            status,
            content_type: Arc::clone(content_type),
            body,
        })
    }

    fn finish(mut self) -> Result<Capture, String> {
        let begins_at_ms = self
            .began_at_ms
            .ok_or("it has no response with `url` and `unix_ms`")?;
        // Recorders of several servers write in the order of arrival, which is nearly that of time.
        self.exchanges.sort_by_key(|exchange| exchange.at_ms);
        self.logs
            .values_mut()
            .for_each(|lines| lines.sort_by_key(|line| line.at_ms));
        let last_log_ms = self
            .logs
            .values()
            .filter_map(|lines| lines.last())
            .map(|line| line.at_ms)
            .max();
        let last_exchange_ms = self.exchanges.last().map(|exchange| exchange.at_ms);
        let length_ms = last_exchange_ms.max(last_log_ms).unwrap_or_default();
        let mut servers: BTreeMap<String, Server> = BTreeMap::new();
        for exchange in self.exchanges {
            servers
                .entry(exchange.origin.clone())
                .or_default()
                .take(exchange);
        }
        Ok(Capture {
            begins_at_ms,
            length_ms,
            servers,
            logs: self.logs,
        })
    }
}

impl Server {
    fn take(&mut self, exchange: Exchange) {
        let Exchange {
            at_ms,
            path_and_query,
            outcome,
            ..
        } = exchange;
        let sign = match outcome {
            Outcome::Response { .. } => Sign::Answered,
            Outcome::Refused => Sign::Refused,
            Outcome::Timeout => Sign::TimedOut,
        };
        self.availability.note(at_ms, &path_and_query, sign);
        self.any_order
            .entry(sorted_query(&path_and_query))
            .or_insert_with(|| path_and_query.clone());
        match self.tracks.get_mut(&path_and_query) {
            Some(track) => track.push(at_ms, outcome),
            None => {
                self.tracks
                    .insert(path_and_query, Track::new(at_ms, outcome));
            }
        }
    }
}

fn sorted_query(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{path}?{}", parameters.join("&"))
}
