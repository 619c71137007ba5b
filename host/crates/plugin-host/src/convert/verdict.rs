//! What checks declare and what their evidence refers to.

use super::ms_of;
use crate::bindings::checks::findings as wit;
use operator_data::Snapshot;
use operator_model::verdict::Observed;
use operator_model::{CheckDeclaration, CheckId, ObservationGap, Scalar};

impl From<wit::CheckDeclaration> for CheckDeclaration {
    fn from(check: wit::CheckDeclaration) -> Self {
        Self {
            id: CheckId(check.id),
            claim: check.claim,
            severity: check.severity.into(),
            hold_ms: ms_of(check.pending),
            tables: check.tables,
        }
    }
}

/// A piece of evidence with its value, which is read from the frozen table where it refers to a cell.
pub(crate) fn observed(evidence: wit::Evidence, snapshot: &Snapshot) -> Observed {
    let value = evidence.observed.map_or(Scalar::Null, Scalar::from);
    let mut observed = Observed {
        table: String::new(),
        row: None,
        column: String::new(),
        value,
        unit: evidence.unit,
        expected: evidence.expected,
    };
    match evidence.source {
        wit::EvidenceSource::Cell(cell) => {
            let (value, unit) = read(&cell, snapshot);
            observed.value = value;
            observed.unit = unit;
            observed.table = cell.table;
            observed.row = Some(cell.row);
            observed.column = cell.column;
        }
        wit::EvidenceSource::Table(name) => observed.table = name,
        wit::EvidenceSource::Query(query) => {
            "metrics".clone_into(&mut observed.table);
            observed.column = query;
        }
        wit::EvidenceSource::Gap(gap) => {
            let gap = ObservationGap::from(gap);
            "observation-gap".clone_into(&mut observed.table);
            observed.column = gap.source.to_string();
            if observed.value == Scalar::Null {
                observed.value = Scalar::Text(gap.reason);
            }
        }
        wit::EvidenceSource::Other(text) => {
            "other".clone_into(&mut observed.table);
            observed.column = text;
        }
    }
    observed
}

/// Null where there is no such cell.
fn read(cell: &wit::Cell, snapshot: &Snapshot) -> (Scalar, Option<String>) {
    let Some(table) = snapshot.tables.get(&cell.table) else {
        return (Scalar::Null, None);
    };
    let field = table
        .column_index(&cell.column)
        .and_then(|index| table.fields.get(index));
    let row = usize::try_from(cell.row).unwrap_or(usize::MAX);
    (
        table.scalar(row, &cell.column),
        field.and_then(|field| field.unit.clone()),
    )
}
