//! What an observer can see of a cluster: responses to requests and log lines, as virtual time passes.
//!
//! [`World`] is the seam between clusters that are simulated or captured, and whatever observes or serves them.

pub mod calendar;

use std::collections::BTreeMap;

/// A cluster that can be observed: simulated, or captured and played back.
///
/// Time moves only by [`World::advance_to`]: the caller decides how long a second of it takes.
pub trait World: Send {
    /// The world's time, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Lets time pass until `ms`. A time in the past changes nothing.
    fn advance_to(&mut self, ms: u64);

    /// The response to a request at this moment. `origin` is `http://host:port`.
    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer;

    /// Whether a process listens at `origin` at this moment.
    fn listens(&self, origin: &str) -> bool;

    /// Every origin that may respond at some time, sorted.
    fn origins(&self) -> Vec<String>;

    /// The names of the log sources, sorted.
    fn log_sources(&self) -> Vec<String>;

    /// At most `lines_max` unread lines, oldest first, and how many older unread ones were dropped.
    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64);

    /// The targets to configure an operator with: name to origin.
    fn targets(&self) -> BTreeMap<String, String>;
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A server responded.
    Response {
        /// HTTP status code.
        status: u16,
        /// `Content-Type`; empty when the server sends none.
        content_type: String,
        /// The whole body.
        body: Vec<u8>,
        /// The `Date` header, in milliseconds since the Unix epoch.
        server_date_ms: u64,
    },
    /// The connection was refused: no process listens there.
    Refused,
    /// No response arrived within any useful time.
    Timeout,
}
