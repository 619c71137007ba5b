//! What checks declare and point to.

use super::enums;
use crate::bindings::invariant::operator::plugin::checks as wit;
use operator_model::verdict::Observed;
use operator_model::{CheckDeclaration, CheckId, Status};

enums!(wit::Status => Status { Pass, Fail, Inconclusive });

impl From<wit::CheckDeclaration> for CheckDeclaration {
    fn from(check: wit::CheckDeclaration) -> Self {
        Self {
            id: CheckId(check.id),
            claim: check.claim,
            severity: check.severity.into(),
            hold_ms: check.hold,
            tables: check.tables,
        }
    }
}

impl From<wit::Evidence> for Observed {
    fn from(evidence: wit::Evidence) -> Self {
        Self {
            table: evidence.table,
            row: evidence.row,
            column: evidence.column,
            value: evidence.observed.into(),
            unit: evidence.unit,
            expected: evidence.expected,
        }
    }
}
