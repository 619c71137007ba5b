//! Every claim is checked against the recorded evidence before anyone reads it.
//!
//! Nothing here trusts the stages that wrote the ticket: predicates are evaluated again on the recorded
//! values, sentences are rendered again, odds are added up again.

mod argument;
mod case;
mod claims;
mod parts;

use case::Case;
use operator_model::{Ticket, Topology};
use serde::Serialize;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// 0 to 100; 0 means unsafe to show.
    pub score: u8,
    /// What is wrong, in words; empty when all checks pass.
    pub failures: Vec<String>,
}

/// Checks a ticket as it would be shown. `topology` is the newest one that had entities.
#[must_use]
pub fn verify(ticket: &Ticket, topology: &Topology) -> Verification {
    let case = Case::new(ticket, topology);
    let (mut score, mut is_unsafe, mut failures) = (0_u8, false, Vec::new());
    for check in &CHECKS {
        let found = (check.run)(&case);
        if found.is_empty() {
            score = score.saturating_add(check.weight);
        } else {
            is_unsafe |= check.is_fatal;
            failures.extend(
                found
                    .into_iter()
                    .map(|what| format!("{}: {what}", check.what)),
            );
        }
    }
    Verification {
        score: if is_unsafe { 0 } else { score },
        failures,
    }
}

/// One of the fourteen questions.
struct Check {
    what: &'static str,
    /// Share of the score; they add up to 100.
    weight: u8,
    /// A ticket that fails it says something that was not observed.
    is_fatal: bool,
    run: fn(&Case<'_>) -> Vec<String>,
}

/// In the order of `reference/field.md` §5. Weights follow what a wrong answer would cost the reader:
/// first the truth of a sentence, then the argument, then its form.
const CHECKS: [Check; 14] = [
    Check {
        what: "every claim cites evidence",
        weight: 8,
        is_fatal: true,
        run: claims::cite_something,
    },
    Check {
        what: "cited evidence is recorded",
        weight: 8,
        is_fatal: true,
        run: claims::cite_what_is_recorded,
    },
    Check {
        what: "claims hold on the evidence",
        weight: 14,
        is_fatal: true,
        run: claims::hold,
    },
    Check {
        what: "units and directions are right",
        weight: 6,
        is_fatal: false,
        run: claims::units_and_directions,
    },
    Check {
        what: "evidence is of the time of the incident",
        weight: 6,
        is_fatal: false,
        run: claims::windows,
    },
    Check {
        what: "quotations are exact",
        weight: 6,
        is_fatal: true,
        run: claims::quotations,
    },
    Check {
        what: "named components exist",
        weight: 8,
        is_fatal: true,
        run: parts::components,
    },
    Check {
        what: "the path follows edges and time",
        weight: 6,
        is_fatal: false,
        run: parts::path,
    },
    Check {
        what: "rivals are told apart",
        weight: 10,
        is_fatal: false,
        run: argument::rivals,
    },
    Check {
        what: "odds follow from the listed evidence",
        weight: 6,
        is_fatal: false,
        run: argument::odds,
    },
    Check {
        what: "gaps are named",
        weight: 6,
        is_fatal: false,
        run: argument::gaps,
    },
    Check {
        what: "options are complete and the choice follows",
        weight: 8,
        is_fatal: false,
        run: argument::options,
    },
    Check {
        what: "title and scope match what is seen",
        weight: 4,
        is_fatal: false,
        run: parts::scope,
    },
    Check {
        what: "confidence matches the odds",
        weight: 4,
        is_fatal: false,
        run: argument::confidence,
    },
];

#[cfg(test)]
mod tests;
