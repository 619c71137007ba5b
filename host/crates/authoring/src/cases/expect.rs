//! What a case expects, and how an outcome differs from it. What is left out is not compared.

use operator_model::{EntityId, Status};
use operator_plugin_host::{Outcome, PluginFailure};
use serde::Deserialize;

/// The part of an outcome that matters to a case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Pass, fail or inconclusive.
    pub status: Status,
    /// Exactly these entities break the rule.
    violations: Option<Vec<String>>,
    /// Exactly these entities are in order.
    passed: Option<Vec<String>>,
    /// A part of the reason.
    reason: Option<String>,
    /// A part of the summary of each violation, in the order of the entities.
    summaries: Option<Vec<String>>,
    /// What is remembered.
    state: Option<String>,
}

impl Expected {
    pub(super) fn differences(&self, result: &Result<Outcome, PluginFailure>) -> Vec<String> {
        match result {
            Ok(outcome) => self.of_outcome(outcome),
            Err(failure) => self.of_failure(failure),
        }
    }

    /// A check that answers with an error is inconclusive, and says why.
    fn of_failure(&self, failure: &PluginFailure) -> Vec<String> {
        let said = failure.to_string();
        let mut found = Vec::new();
        if self.status != Status::Inconclusive {
            found.push(format!(
                "expected {}, but the check {said}",
                word(self.status)
            ));
        }
        found.extend(lacks("reason", self.reason.as_deref(), &said));
        found
    }

    fn of_outcome(&self, outcome: &Outcome) -> Vec<String> {
        let mut found = Vec::new();
        if self.status != outcome.status {
            let (wanted, got) = (word(self.status), word(outcome.status));
            found.push(format!("expected {wanted}, got {got}: {}", outcome.reason));
        }
        let violations: Vec<&EntityId> = outcome
            .violations
            .iter()
            .map(|violation| &violation.entity)
            .collect();
        found.extend(differs(
            "violations",
            self.violations.as_deref(),
            &violations,
        ));
        found.extend(differs(
            "passed",
            self.passed.as_deref(),
            &outcome.passed.iter().collect::<Vec<_>>(),
        ));
        found.extend(lacks("reason", self.reason.as_deref(), &outcome.reason));
        for (wanted, violation) in self.summaries.iter().flatten().zip(&outcome.violations) {
            found.extend(lacks("summary", Some(wanted), &violation.summary));
        }
        let state = outcome
            .state
            .as_deref()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        if self.state.as_ref().is_some_and(|wanted| **wanted != *state) {
            found.push(format!(
                "state: expected {:?}, got {state:?}",
                self.state.as_deref().unwrap_or_default()
            ));
        }
        found
    }
}

fn differs(what: &str, wanted: Option<&[String]>, got: &[&EntityId]) -> Option<String> {
    let wanted = wanted?;
    let got: Vec<&str> = got.iter().map(|entity| entity.0.as_str()).collect();
    let mut sorted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    (sorted != got).then(|| format!("{what}: expected {sorted:?}, got {got:?}"))
}

fn lacks(what: &str, wanted: Option<&str>, got: &str) -> Option<String> {
    let wanted = wanted?;
    (!got.contains(wanted)).then(|| format!("{what}: expected {wanted:?} in {got:?}"))
}

pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
    }
}

/// Bytes of an answer, as JSON has it.
pub(super) fn size(outcome: &Outcome) -> usize {
    let parts = (&outcome.reason, &outcome.violations, &outcome.passed);
    let written = serde_json::to_vec(&parts).map_or(0, |bytes| bytes.len());
    written + outcome.state.as_ref().map_or(0, Vec::len)
}
