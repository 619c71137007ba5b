//! What a failure tells the author of a plugin: where it was, and where to look first.

use crate::failure::{ErrorKind, PluginFailure};
use crate::place::Place;

impl PluginFailure {
    /// Where in the guest it happened, as far as the component tells.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Trap { place, .. }
            | Self::OutOfFuel { place, .. }
            | Self::Deadline { place, .. }
            | Self::Memory { place, .. }
            | Self::HostcallBytes { place, .. }
            | Self::Handles { place, .. } => Some(place),
            _ => None,
        }
    }

    /// Where to look first.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Trap { cause, .. } => hint_of_trap(cause),
            Self::OutOfFuel { .. } => {
                "push filters and groups down to the host, or look for a loop that never ends"
            }
            Self::Deadline { .. } => {
                "it waits or computes for too long; fuel is the limit that is the same everywhere"
            }
            Self::Memory { .. } => {
                "read tables in windows instead of whole, and drop what was read"
            }
            Self::TableElements { .. } => {
                "it makes functions while it runs; build it without dynamic linking"
            }
            Self::HostcallBytes { .. } => {
                "hand over less in one call: columns in windows, texts packed"
            }
            Self::Handles { .. } => "drop tables as soon as they are read",
            Self::OutputTooLarge { .. } => "report the worst first and count the rest",
            Self::Nonsense(_) => "the contract in wit/ says what an outcome must be",
            Self::Answered {
                kind: ErrorKind::Limit,
                ..
            } => "a capability refused more: ask for less in one tick",
            Self::Answered { .. } => "the message is the plugin's own",
            Self::NoSlot(_) | Self::Host(_) => "not the plugin's fault: see the operator's own log",
        }
    }
}

fn hint_of_trap(cause: &str) -> &'static str {
    if cause.contains("unreachable") {
        "it gave up: a panic, a failed assertion or an unwrap; its log has the message where the language writes one"
    } else if cause.contains("out of bounds") {
        "it read or wrote outside of its memory: a wrong index or a handle that was used after it was dropped"
    } else if cause.contains("stack") {
        "it called itself too deeply"
    } else if cause.contains("divide") || cause.contains("overflow") {
        "a division by zero or a number that does not fit: look at rows that are empty or new"
    } else if cause.contains("utf-8") || cause.contains("UTF-8") {
        "it handed over text that is not UTF-8"
    } else {
        "run it on this snapshot with `operator plugin test` to see it again"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_a_hint_and_those_of_the_guest_a_place() {
        let place = Place {
            function: Some("check::run".to_owned()),
            line: Some("src/lib.rs:7".to_owned()),
        };
        let trap = PluginFailure::Trap {
            cause: "wasm `unreachable` instruction executed".to_owned(),
            place,
        };
        assert_eq!(
            trap.place().and_then(|place| place.line.as_deref()),
            Some("src/lib.rs:7")
        );
        assert!(trap.hint().contains("panic"), "{}", trap.hint());
        assert_eq!(PluginFailure::Nonsense(String::new()).place(), None);
        let different = [
            "unreachable",
            "out of bounds memory access",
            "call stack exhausted",
            "integer divide by zero",
        ];
        let hints: std::collections::BTreeSet<&str> =
            different.into_iter().map(hint_of_trap).collect();
        assert_eq!(hints.len(), different.len());
    }
}
