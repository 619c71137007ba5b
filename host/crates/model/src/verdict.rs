//! What checks declare and what they find.

use crate::{CheckId, EntityId, Scalar};
use serde::{Deserialize, Serialize};

/// How bad a violation is.
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
    /// Everything it looked at is in order.
    Pass,
    /// At least one violation.
    Fail,
    /// It could not tell. Never healthy.
    Inconclusive,
}

/// A check as its module declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDeclaration {
    /// Unique among all modules.
    pub id: CheckId,
    /// What must hold, in one sentence.
    pub claim: String,
    /// Severity of its violations, unless one says otherwise.
    pub severity: Severity,
    /// How long a violation must last before it counts, in observed milliseconds.
    pub hold_ms: u64,
    /// Tables that it reads.
    pub tables: Vec<String>,
}

/// A value that a check points to.
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
    /// What it would be if all were well.
    pub expected: Option<String>,
}

/// A broken rule on one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// Who breaks it.
    pub entity: EntityId,
    /// One sentence without a full stop.
    pub summary: String,
    /// Severity of this violation.
    pub severity: Severity,
    /// Independent observations agree: `hold_ms` need not be waited for.
    pub confirmed: bool,
    /// What was seen; at least one.
    pub evidence: Vec<Observed>,
}

/// The outcome of one check on one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which check.
    pub check: CheckId,
    /// Which module, by plugin name.
    pub module: String,
    /// Pass, fail or inconclusive.
    pub status: Status,
    /// Worst severity of the violations; the declared one when there are none.
    pub severity: Severity,
    /// What must hold.
    pub claim: String,
    /// How long a violation must last before it counts, in observed milliseconds.
    pub hold_ms: u64,
    /// Why inconclusive, or what was looked at.
    pub reason: String,
    /// Sorted by entity.
    pub violations: Vec<Violation>,
    /// Entities that were looked at and are in order, sorted.
    pub passed: Vec<EntityId>,
    /// Fuel that the evaluation used; the same on every run of the same component.
    pub fuel: u64,
}
