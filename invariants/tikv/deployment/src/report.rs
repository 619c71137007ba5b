//! Findings with their remedies.

use operator_plugin::{EntityId, Findings, Outcome, Violation};

/// Collects findings and what to do about them.
#[derive(Default)]
pub(crate) struct Report {
    findings: Findings,
    remedies: Vec<String>,
}

impl Report {
    /// The entity passes.
    pub(crate) fn pass(&mut self, entity: EntityId) {
        self.findings.pass(entity);
    }

    /// The entity could not be evaluated.
    pub(crate) fn unknown(&mut self, entity: &EntityId, because: &str) {
        self.findings.unknown(entity, because);
    }

    /// The entity violates the check; `remedy` says what to change.
    pub(crate) fn fail(&mut self, violation: Violation, remedy: impl Into<String>) {
        self.findings.fail(violation);
        let remedy = remedy.into();
        if !self.remedies.contains(&remedy) {
            self.remedies.push(remedy);
        }
    }

    /// The outcome. The reason of a failure is the remedies; otherwise it is what was examined.
    pub(crate) fn conclude(self, examined: impl Into<String>) -> Outcome {
        let outcome = self.findings.conclude(examined);
        if self.remedies.is_empty() {
            outcome
        } else {
            outcome.because(self.remedies.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, entity};

    #[test]
    fn a_remedy_of_two_violations_is_listed_once() {
        let mut report = Report::default();
        report.fail(Violation::new(entity("store", "1"), "down"), "start it");
        report.fail(Violation::new(entity("store", "4"), "down"), "start it");
        let outcome = report.conclude("2 stores");
        assert_eq!(
            (
                outcome.status(),
                outcome.reason(),
                outcome.violations().len()
            ),
            (Status::Fail, "start it", 2)
        );
    }

    #[test]
    fn the_reason_of_a_pass_is_what_was_examined() {
        let mut report = Report::default();
        report.pass(entity("store", "1"));
        assert_eq!(report.conclude("1 store").reason(), "1 store");
    }
}
