//! Writers of events: one JSON object a line, or lines for people.

use operator_engine::event::{Event, Sink};
use operator_model::Timestamp;
use std::io::Write;

/// One JSON object a line.
#[derive(Debug)]
pub struct JsonSink<W> {
    out: Quiet<W>,
}

impl<W: Write> JsonSink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: Quiet::new(out),
        }
    }
}

impl<W: Write + Send> Sink for JsonSink<W> {
    fn emit(&mut self, event: &Event) {
        match serde_json::to_string(event) {
            Ok(line) => self.out.line(&line),
            Err(error) => {
                tracing::error!(%error, event = event.what.name(), "An event cannot be written as JSON.")
            }
        }
    }

    fn progress(&mut self, line: &str) {
        tracing::info!("{line}");
    }

    fn story(&mut self, observed_at: Timestamp, word: &str, text: &str) {
        tracing::info!(%observed_at, word, "{text}");
    }
}

/// A writer that says once that nobody reads any more, and is silent then.
#[derive(Debug)]
pub(crate) struct Quiet<W> {
    out: W,
    closed: bool,
}

impl<W: Write> Quiet<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, closed: false }
    }

    pub(crate) fn line(&mut self, line: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = writeln!(self.out, "{line}").and_then(|()| self.out.flush()) {
            self.closed = true;
            tracing::warn!(%error, "Nobody reads the events any more; tickets and the decision log go on.");
        }
    }
}
