//! The checklist, as text and as JSON; its schema is docs/schema/verify.json.

use crate::console::render::{escape, human};
use operator_data::Snapshot;
use operator_model::verdict::Observed;
use operator_model::{CheckId, EntityId, ObservationGap, Status, Timestamp, Verdict};
use serde::Serialize;
use std::fmt::Write as _;

/// Longest text of the observed system in one line, in characters: a remedy is a few sentences.
const TEXT_CHARS_MAX: usize = 1_000;

/// The document.
#[derive(Debug, Serialize)]
pub(super) struct Checklist {
    subject: String,
    cluster: String,
    taken_at: Timestamp,
    right: bool,
    checks: Vec<Item>,
    blind: Vec<ObservationGap>,
}

/// One line of the list.
#[derive(Debug, Serialize)]
struct Item {
    check: CheckId,
    status: Status,
    claim: String,
    /// What was observed, or why the check is inconclusive; empty for a failure.
    seen: String,
    /// What to change; empty unless the check fails.
    remedy: String,
    causes: Vec<Cause>,
}

/// One violation.
#[derive(Debug, Serialize)]
struct Cause {
    entity: EntityId,
    name: String,
    summary: String,
    evidence: Vec<String>,
}

impl Checklist {
    pub(super) fn new(snapshot: &Snapshot, verdicts: Vec<Verdict>) -> Self {
        let checks: Vec<Item> = verdicts
            .into_iter()
            .map(|verdict| Item::new(verdict, snapshot))
            .collect();
        Self {
            subject: snapshot.subject.clone(),
            cluster: snapshot.system.clone(),
            taken_at: snapshot.taken_at,
            right: !checks.is_empty() && checks.iter().all(|item| item.status == Status::Pass),
            checks,
            blind: snapshot.blind.clone(),
        }
    }

    pub(super) fn count(&self, status: Status) -> usize {
        self.checks
            .iter()
            .filter(|item| item.status == status)
            .count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// Text output: every item with its mark; failures and inconclusive items with details.
    pub(super) fn human(&self, color: bool) -> String {
        let cluster = if self.cluster.is_empty() {
            "unknown"
        } else {
            &self.cluster
        };
        let mut text = format!(
            "{} cluster {}\n",
            self.subject,
            escape(cluster, TEXT_CHARS_MAX)
        );
        for item in &self.checks {
            item.write(&mut text, color);
        }
        for spot in &self.blind {
            let source = escape(&spot.source.to_string(), TEXT_CHARS_MAX);
            let reason = escape(&spot.reason, TEXT_CHARS_MAX);
            let _ = writeln!(text, "  not observable: {source}: {reason}");
        }
        let count = |status| self.count(status);
        let _ = write!(
            text,
            "\n{} passed, {} failed, {} inconclusive",
            count(Status::Pass),
            count(Status::Fail),
            count(Status::Inconclusive)
        );
        text
    }
}

impl Item {
    fn new(verdict: Verdict, snapshot: &Snapshot) -> Self {
        let cause = |violation: operator_model::verdict::Violation| Cause {
            name: snapshot.topology.name_of(&violation.entity).to_owned(),
            entity: violation.entity,
            summary: violation.summary,
            evidence: violation.evidence.iter().map(evidence).collect(),
        };
        let is_wrong = verdict.status == Status::Fail;
        let (seen, remedy) = if is_wrong {
            (String::new(), verdict.reason)
        } else {
            (verdict.reason, String::new())
        };
        Self {
            check: verdict.check,
            status: verdict.status,
            claim: verdict.claim,
            seen,
            remedy,
            causes: verdict.violations.into_iter().map(cause).collect(),
        }
    }

    fn write(&self, text: &mut String, color: bool) {
        let (mark, code) = match self.status {
            Status::Pass => ("✔", "32"),
            Status::Fail => ("✘", "1;31"),
            Status::Inconclusive => ("?", "33"),
        };
        let mark = if color {
            format!("\u{1b}[{code}m{mark}\u{1b}[0m")
        } else {
            mark.to_owned()
        };
        let claim = escape(&self.claim, TEXT_CHARS_MAX);
        let _ = match self.status {
            Status::Pass => writeln!(
                text,
                "  {mark} {claim} ({})",
                escape(&self.seen, TEXT_CHARS_MAX)
            ),
            Status::Fail | Status::Inconclusive => {
                writeln!(text, "  {mark} {claim} [{}]", self.check.as_str())
            }
        };
        if self.status == Status::Inconclusive {
            let _ = writeln!(text, "      reason  {}", escape(&self.seen, TEXT_CHARS_MAX));
        }
        for cause in &self.causes {
            let _ = writeln!(
                text,
                "      cause   {}",
                escape(&cause.summary, TEXT_CHARS_MAX)
            );
            for line in &cause.evidence {
                let _ = writeln!(text, "              {}", escape(line, TEXT_CHARS_MAX));
            }
        }
        if !self.remedy.is_empty() {
            let _ = writeln!(
                text,
                "      remedy  {}",
                escape(&self.remedy, TEXT_CHARS_MAX)
            );
        }
    }
}

fn evidence(observed: &Observed) -> String {
    let place = match observed.row {
        Some(row) => format!("{}[{row}].{}", observed.table, observed.column),
        None => format!("{}.{}", observed.table, observed.column),
    };
    let expected = observed
        .expected
        .as_ref()
        .map(|expected| format!(" (expected: {expected})"))
        .unwrap_or_default();
    format!(
        "{place} = {}{expected}",
        human(&observed.value, observed.unit.as_deref())
    )
}
