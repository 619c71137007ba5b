//! What checks declare and what they report.

use crate::{CheckId, EntityId, Scalar};
use serde::{Deserialize, Serialize};

/// Severity of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a note.
    Info,
    /// Needs a person within the day.
    Warning,
    /// Needs a person now.
    Critical,
}

/// Outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Everything that it covered is healthy.
    Pass,
    /// At least one violation.
    Fail,
    /// It could not be evaluated. Never treated as healthy.
    Inconclusive,
}

/// A check as its plugin declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDeclaration {
    /// Unique among all check plugins.
    pub id: CheckId,
    /// What must hold, in one sentence.
    pub claim: String,
    /// Severity of its violations, unless one says otherwise.
    pub severity: Severity,
    /// Pending time: how long a violation must last before it is active, in observed milliseconds.
    pub hold_ms: u64,
    /// Tables that it reads.
    pub tables: Vec<String>,
}

/// A value that a check cites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// A table of the snapshot, or `metrics`.
    pub table: String,
    /// The row, for tables.
    pub row: Option<u32>,
    /// The column, or the query.
    pub column: String,
    /// The value.
    pub value: Scalar,
    /// Its unit.
    pub unit: Option<String>,
    /// The expected value, in words.
    pub expected: Option<String>,
}

/// A violation of a check by one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The entity that violates it.
    pub entity: EntityId,
    /// One sentence without a full stop.
    pub summary: String,
    /// Severity of this violation.
    pub severity: Severity,
    /// Independent observations agree: it is active without any pending time.
    pub confirmed: bool,
    /// The observed values; at least one.
    pub evidence: Vec<Observed>,
}

/// The outcome of one check on one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The check.
    pub check: CheckId,
    /// Name of the check plugin.
    pub module: String,
    /// Pass, fail or inconclusive.
    pub status: Status,
    /// Worst severity of the violations; the declared one when there are none.
    pub severity: Severity,
    /// What the check requires.
    pub claim: String,
    /// Pending time: how long a violation must last before it is active, in observed milliseconds.
    pub hold_ms: u64,
    /// Why it is inconclusive, or what was covered.
    pub reason: String,
    /// Sorted by entity.
    pub violations: Vec<Violation>,
    /// Entities that pass, sorted.
    pub passed: Vec<EntityId>,
    /// Fuel that the evaluation used; the same on every run of the same component.
    pub fuel: u64,
}
