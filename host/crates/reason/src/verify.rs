//! Verifies every claim against the recorded evidence before the ticket is written.
//!
//! It does not trust the stages that composed the ticket: it evaluates predicates again on the recorded
//! values, renders sentences again, and adds up the odds again.

mod argument;
mod claims;
mod components;
mod ticket_view;

use operator_model::{Ticket, Topology};
use serde::Serialize;
use ticket_view::TicketView;

/// The result of verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// 0 to 100; 0 means unsafe to show.
    pub score: u8,
    /// What is wrong; empty if all checks pass.
    pub failures: Vec<String>,
}

/// Verifies a ticket as it would be shown. `topology` is the newest one that had entities.
#[must_use]
pub fn verify(ticket: &Ticket, topology: &Topology) -> Verification {
    let view = TicketView::new(ticket, topology);
    let mut score = 0_u8;
    let mut is_unsafe = false;
    let mut failures = Vec::new();
    for check in &CHECKS {
        let found = (check.run)(&view);
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

/// One of the fourteen checks.
struct Check {
    what: &'static str,
    /// Share of the score; they add up to 100.
    weight: u8,
    /// A ticket that fails it states something that was not observed.
    is_fatal: bool,
    run: fn(&TicketView<'_>) -> Vec<String>,
}

/// Weights follow what an error would cost the reader: first the truth of a sentence, then the argument,
/// then its form.
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
        what: "units and directions are correct",
        weight: 6,
        is_fatal: false,
        run: claims::units_and_directions,
    },
    Check {
        what: "evidence is from the time of the incident",
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
        run: components::components,
    },
    Check {
        what: "the path follows edges and time",
        weight: 6,
        is_fatal: false,
        run: components::path,
    },
    Check {
        what: "alternatives are discriminated",
        weight: 10,
        is_fatal: false,
        run: argument::alternatives,
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
        what: "options are complete and the recommendation follows from them",
        weight: 8,
        is_fatal: false,
        run: argument::options,
    },
    Check {
        what: "title and scope match the symptoms",
        weight: 4,
        is_fatal: false,
        run: components::scope,
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
