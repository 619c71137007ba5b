//! Where events go.

use super::Event;
use operator_model::Timestamp;

/// Takes events, in order. It cannot fail: a reader that went away must not stop the operator.
pub trait Sink: Send {
    /// Shows one event.
    fn emit(&mut self, event: &Event);
    /// Shows a line that is no event: progress while components compile.
    fn progress(&mut self, line: &str);
    /// Shows a line of narration, for people only: what the pipeline does not know, such as an injected fault.
    fn narrate(&mut self, observed_at: Timestamp, word: &str, text: &str);
}
