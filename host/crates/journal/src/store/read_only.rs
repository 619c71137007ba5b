//! Reading tickets while an operator runs, or without one. Nothing is repaired here.

use super::ticket_log::read_decision;
use super::{FILE_NAME, Projection, Store, TicketLogError};
use crate::ScanError;
use operator_model::Ticket;
use std::collections::BTreeMap;
use std::path::Path;

/// Every ticket of a data directory, oldest first: from the store, completed from the log where the
/// store is behind or lost. The second value states when the log could not be used.
///
/// # Errors
/// There is neither a log nor a store, or only a damaged log.
pub async fn read_tickets(
    directory: &Path,
) -> Result<(Vec<Ticket>, Option<String>), TicketLogError> {
    let stored = from_store(directory).await;
    let path = directory.join(crate::FILE_NAME);
    let mut projection = Projection::default();
    match (
        crate::scan(&path, &mut |record| projection.take(record)),
        stored,
    ) {
        (Ok(_), stored) => {
            let mut stored = stored.unwrap_or_default();
            for (number, place) in &projection.places {
                if stored.get(number).is_none_or(|(seq, _)| *seq < place.seq) {
                    stored.insert(
                        *number,
                        (
                            place.seq,
                            read_decision(&path, place.decision_offset)?.ticket,
                        ),
                    );
                }
            }
            Ok((in_order(stored), None))
        }
        (Err(error), Some(stored)) => Ok((
            in_order(stored),
            Some(format!("showing {FILE_NAME} as it is: {error}")),
        )),
        (Err(ScanError::Io { path: _, source }), None)
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Err(crate::DataDirError::Unusable {
                path: directory.to_owned(),
                source,
            }
            .into())
        }
        (Err(error), None) => Err(error.into()),
    }
}

type Numbered = BTreeMap<u64, (u64, Ticket)>;

async fn from_store(directory: &Path) -> Option<Numbered> {
    let stored = Store::read(directory).await?.written_after(0).await.ok()?;
    Some(
        stored
            .into_iter()
            .filter_map(|row| {
                Some((
                    operator_reason::ticket::number(&row.ticket.id)?,
                    (row.seq, row.ticket),
                ))
            })
            .collect(),
    )
}

fn in_order(tickets: Numbered) -> Vec<Ticket> {
    tickets.into_values().map(|(_, ticket)| ticket).collect()
}
