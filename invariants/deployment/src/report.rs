//! Findings, each with what would change it.

use operator_plugin::{Findings, Outcome, Violation};

/// Collects what is wrong and what to do about it.
#[derive(Default)]
pub(crate) struct Report {
    findings: Findings,
    remedies: Vec<String>,
}

impl Report {
    /// The entity is in order.
    pub(crate) fn pass(&mut self, entity: impl Into<String>) {
        self.findings.pass(entity);
    }

    /// The entity could not be judged.
    pub(crate) fn unknown(&mut self, entity: &str, because: &str) {
        self.findings.unknown(entity, because);
    }

    /// The entity is wrong, and this changes it.
    pub(crate) fn fail(&mut self, violation: Violation, remedy: impl Into<String>) {
        self.findings.fail(violation);
        let remedy = remedy.into();
        if !self.remedies.contains(&remedy) {
            self.remedies.push(remedy);
        }
    }

    /// The outcome: the reason of a failure is what to change, otherwise what was looked at.
    pub(crate) fn conclude(self, looked_at: impl Into<String>) -> Outcome {
        let mut outcome = self.findings.conclude(looked_at);
        if !self.remedies.is_empty() {
            outcome.reason = self.remedies.join("; ");
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;

    #[test]
    fn a_remedy_that_helps_twice_is_said_once() {
        let mut report = Report::default();
        report.fail(Violation::new("store/1", "down"), "start it");
        report.fail(Violation::new("store/4", "down"), "start it");
        let outcome = report.conclude("2 stores");
        assert_eq!(
            (
                outcome.status,
                outcome.reason.as_str(),
                outcome.violations.len()
            ),
            (Status::Fail, "start it", 2)
        );
    }

    #[test]
    fn without_anything_wrong_the_reason_is_what_was_looked_at() {
        let mut report = Report::default();
        report.pass("store/1");
        assert_eq!(report.conclude("1 store").reason, "1 store");
    }
}
