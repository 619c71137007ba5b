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
///
/// # Errors
/// The cell does not exist, and which it would be.
pub(crate) fn observed(evidence: wit::Evidence, snapshot: &Snapshot) -> Result<Observed, String> {
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
            let found = read(&cell, snapshot);
            (observed.value, observed.unit) = found.ok_or_else(|| no_such(&cell))?;
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
    Ok(observed)
}

fn read(cell: &wit::Cell, snapshot: &Snapshot) -> Option<(Scalar, Option<String>)> {
    let table = snapshot.tables.get(&cell.table)?;
    let field = table.fields.get(table.column_index(&cell.column)?)?;
    let row = usize::try_from(cell.row).ok()?;
    (row < table.rows).then(|| (table.scalar(row, &cell.column), field.unit.clone()))
}

fn no_such(cell: &wit::Cell) -> String {
    let wit::Cell { table, row, column } = cell;
    format!("its evidence refers to {table:?}[{row}].{column:?}, which does not exist")
}
