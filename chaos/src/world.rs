//! What an operator can see of a cluster: answers to requests and log lines, as time passes.

use std::collections::BTreeMap;

/// A cluster that can be watched: simulated, or recorded and played again.
///
/// Time moves only by [`World::advance_to`], so that whoever drives the world decides whether a
/// second of it takes a second.
pub trait World: Send {
    /// The world's time, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Lets time pass until `ms`. A time that has passed already changes nothing.
    fn advance_to(&mut self, ms: u64);

    /// What a request gets at this moment. `origin` is `http://host:port`.
    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer;

    /// Whether something listens at `origin` at this moment.
    fn listens(&self, origin: &str) -> bool;

    /// Every origin that the world may ever answer on, sorted.
    fn origins(&self) -> Vec<String>;

    /// The names of the log sources, sorted.
    fn log_sources(&self) -> Vec<String>;

    /// At most `lines_max` lines that were not read before, oldest first, and how many older ones were dropped.
    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64);

    /// What an operator would be configured with: target name to origin.
    fn targets(&self) -> BTreeMap<String, String>;
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A server answered.
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
    /// Nothing listens there.
    Refused,
    /// Nobody answers in any useful time.
    Timeout,
}
