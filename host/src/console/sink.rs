//! Event output as JSON lines.

use operator_engine::event::{Event, Sink};
use operator_model::Timestamp;
use std::io::Write;

/// Writes one JSON object per line.
#[derive(Debug)]
pub struct JsonSink<W> {
    out: LineWriter<W>,
}

impl<W: Write> JsonSink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: LineWriter::new(out),
        }
    }
}

impl<W: Write + Send> Sink for JsonSink<W> {
    fn emit(&mut self, event: &Event) {
        match serde_json::to_string(event) {
            Ok(line) => self.out.line(&line),
            Err(error) => {
                tracing::error!(%error, event = event.what.name(), "Cannot serialize an event.")
            }
        }
    }

    fn progress(&mut self, line: &str) {
        tracing::info!("{line}");
    }

    fn narrate(&mut self, observed_at: Timestamp, word: &str, text: &str) {
        tracing::info!(%observed_at, word, "{text}");
    }
}

/// Writes lines; after the first error it warns once and discards the rest.
#[derive(Debug)]
pub(crate) struct LineWriter<W> {
    out: W,
    closed: bool,
}

impl<W: Write> LineWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, closed: false }
    }

    pub(crate) fn line(&mut self, line: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = writeln!(self.out, "{line}").and_then(|()| self.out.flush()) {
            self.closed = true;
            tracing::warn!(%error, "Cannot write events; tickets and the decision log continue.");
        }
    }
}
