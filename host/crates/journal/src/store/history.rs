//! Every version of one ticket, from the log.

use crate::{FILE_NAME, Kind, ScanError, body, scan};
use std::path::Path;

/// The decisions about the ticket with this id, oldest first. Nothing is repaired; an unfinished end is ignored.
///
/// # Errors
/// There is no log, or it is damaged.
pub fn read_history(directory: &Path, id: &str) -> Result<Vec<body::Decision>, ScanError> {
    let mut versions = Vec::new();
    // Most records are about other tickets: their bodies need not be parsed.
    let named = format!("\"id\":\"{id}\"");
    scan(&directory.join(FILE_NAME), &mut |record| {
        if record.kind == Kind::Decision.as_str() && record.body.contains(&named) {
            let decision: body::Decision = serde_json::from_str(record.body)
                .map_err(|error| format!("not a decision: {error}"))?;
            if decision.ticket.id == id {
                versions.push(decision);
            }
        }
        Ok(())
    })?;
    Ok(versions)
}
