//! What one URL answered, as time went by.

use std::sync::Arc;

/// What came of one recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server answered. Equal bodies share their bytes.
    Response {
        status: u16,
        content_type: Arc<str>,
        body: Arc<[u8]>,
    },
    /// Nothing listened, or the connection broke.
    Refused,
    /// No response in time.
    Timeout,
}

/// The recorded outcomes of one URL in the order of time; never empty.
#[derive(Debug)]
pub(crate) struct Track {
    first: Outcome,
    /// Milliseconds since the beginning, and the outcome from then on.
    outcomes: Vec<(u64, Outcome)>,
}

impl Track {
    pub(crate) fn new(at_ms: u64, outcome: Outcome) -> Self {
        Self {
            first: outcome.clone(),
            outcomes: vec![(at_ms, outcome)],
        }
    }

    pub(crate) fn push(&mut self, at_ms: u64, outcome: Outcome) {
        self.outcomes.push((at_ms, outcome));
    }

    /// The newest outcome at that time; before the first one, the first one.
    ///
    /// Only asked while the server listens, so a refusal that belongs to a time when it did not is passed over.
    pub(crate) fn at(&self, elapsed_ms: u64) -> &Outcome {
        let until_now = self
            .outcomes
            .partition_point(|(at_ms, _)| *at_ms <= elapsed_ms);
        let (past, future) = self.outcomes.split_at(until_now);
        let usable = |(_, outcome): &&(u64, Outcome)| *outcome != Outcome::Refused;
        let found = past
            .iter()
            .rev()
            .find(usable)
            .or_else(|| future.iter().find(usable));
        found.map_or(&self.first, |(_, outcome)| outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Outcome {
        Outcome::Response {
            status: 200,
            content_type: "".into(),
            body: text.as_bytes().into(),
        }
    }

    #[test]
    fn an_answer_holds_until_the_next_one() {
        let mut track = Track::new(1_000, ok("one"));
        track.push(3_000, ok("three"));
        let seen: Vec<&Outcome> = [0, 1_000, 2_999, 3_000, 99_000]
            .iter()
            .map(|at| track.at(*at))
            .collect();
        assert_eq!(
            seen,
            [
                &ok("one"),
                &ok("one"),
                &ok("one"),
                &ok("three"),
                &ok("three")
            ]
        );
    }

    #[test]
    fn a_refusal_is_no_answer_of_a_listening_server() {
        let mut track = Track::new(0, Outcome::Refused);
        track.push(1_000, ok("one"));
        track.push(2_000, Outcome::Refused);
        assert_eq!(track.at(0), &ok("one"));
        assert_eq!(track.at(5_000), &ok("one"));
        assert_eq!(Track::new(0, Outcome::Refused).at(0), &Outcome::Refused);
    }

    #[test]
    fn a_timeout_lasts_until_the_next_answer() {
        let mut track = Track::new(0, ok("zero"));
        track.push(1_000, Outcome::Timeout);
        track.push(2_000, ok("two"));
        assert_eq!(track.at(1_500), &Outcome::Timeout);
        assert_eq!(track.at(2_000), &ok("two"));
    }
}
