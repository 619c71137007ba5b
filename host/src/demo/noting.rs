//! A sink that passes events on and notes when causes were suspected.

use operator_engine::event::{Event, EventKind, Sink};
use operator_model::{IncidentKey, Timestamp};

/// Passes everything on.
pub(super) struct NotingSink<'a> {
    inner: &'a mut dyn Sink,
    /// When a cause was suspected, by its incident's key, in order of time.
    pub(super) suspected: Vec<(IncidentKey, Timestamp)>,
}

impl<'a> NotingSink<'a> {
    pub(super) fn around(inner: &'a mut dyn Sink) -> Self {
        Self {
            inner,
            suspected: Vec::new(),
        }
    }
}

impl Sink for NotingSink<'_> {
    fn emit(&mut self, event: &Event) {
        if let EventKind::IncidentSuspected(incident) = &event.what {
            self.suspected
                .push((incident.key.clone(), event.observed_at));
        }
        self.inner.emit(event);
    }

    fn progress(&mut self, line: &str) {
        self.inner.progress(line);
    }

    fn narrate(&mut self, observed_at: Timestamp, word: &str, text: &str) {
        self.inner.narrate(observed_at, word, text);
    }
}
