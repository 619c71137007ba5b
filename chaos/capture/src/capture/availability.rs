//! Whether a server listened, as time went by: what all of its URLs together tell.
//!
//! A refused connection shows that no process listens, for every URL. A request that timed out may be one
//! slow URL; only when two different ones in a row stay without an answer is the server itself silent.

use std::collections::BTreeSet;

/// What a server did with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It answered.
    Listening,
    /// Nothing listened.
    Refusing,
    /// It accepted the connection and did not respond: hung, stopped, or cut off.
    Silent,
}

/// What one captured request shows about its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Answered,
    Refused,
    TimedOut,
}

/// The states of one server in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Availability {
    changes: Vec<(u64, State)>,
    /// URLs without an answer since the last answer.
    silent_urls: BTreeSet<String>,
}

impl Availability {
    /// Takes the next request in the order of time.
    pub(crate) fn note(&mut self, at_ms: u64, url: &str, sign: Sign) {
        match sign {
            Sign::Answered => {
                self.silent_urls.clear();
                self.change(at_ms, State::Listening);
            }
            Sign::Refused => {
                self.silent_urls.clear();
                self.change(at_ms, State::Refusing);
            }
            Sign::TimedOut => {
                self.silent_urls.insert(url.to_owned());
                let state = if self.silent_urls.len() > 1 {
                    State::Silent
                } else {
                    State::Listening
                };
                self.change(at_ms, state);
            }
        }
    }

    fn change(&mut self, at_ms: u64, state: State) {
        if self.changes.last().is_none_or(|(_, last)| *last != state) {
            self.changes.push((at_ms, state));
        }
    }

    /// The state at that time; before the first request, the state that it found.
    pub(crate) fn at(&self, elapsed_ms: u64) -> State {
        let until_now = self
            .changes
            .partition_point(|(at_ms, _)| *at_ms <= elapsed_ms);
        let found = self.changes.get(until_now.saturating_sub(1));
        found.map_or(State::Listening, |(_, state)| *state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(signs: &[(u64, &str, Sign)]) -> Vec<(u64, State)> {
        let mut availability = Availability::default();
        signs
            .iter()
            .for_each(|(at_ms, url, sign)| availability.note(*at_ms, url, *sign));
        availability.changes
    }

    #[test]
    fn one_refused_connection_closes_the_server_and_one_answer_opens_it() {
        let signs = [
            (0, "/a", Sign::Answered),
            (10, "/b", Sign::Refused),
            (20, "/a", Sign::Refused),
            (30, "/a", Sign::Answered),
        ];
        assert_eq!(
            states(&signs),
            [
                (0, State::Listening),
                (10, State::Refusing),
                (30, State::Listening)
            ]
        );
    }

    #[test]
    fn one_slow_url_is_not_a_silent_server_but_two_are() {
        let slow = [
            (0, "/a", Sign::Answered),
            (10, "/b", Sign::TimedOut),
            (20, "/b", Sign::TimedOut),
        ];
        assert_eq!(states(&slow), [(0, State::Listening)]);
        let hung = [
            (0, "/a", Sign::TimedOut),
            (10, "/b", Sign::TimedOut),
            (20, "/a", Sign::Answered),
        ];
        assert_eq!(
            states(&hung),
            [
                (0, State::Listening),
                (10, State::Silent),
                (20, State::Listening)
            ]
        );
    }

    #[test]
    fn before_the_first_request_the_server_was_as_it_found_it() {
        let mut availability = Availability::default();
        availability.note(500, "/a", Sign::Refused);
        assert_eq!(availability.at(0), State::Refusing);
        assert_eq!(Availability::default().at(0), State::Listening);
    }
}
