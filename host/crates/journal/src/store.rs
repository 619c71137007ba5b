//! The ticket store: a projection of the journal in SQLite, for reading.
//!
//! It may be lost at any time: it is computed again from the journal, with the same ticket ids.
//! Each write is one transaction that also keeps `applied_seq`, the journal record up to which the
//! store is complete.

mod history;
mod projection;
mod read_only;
mod schema;
mod ticket_log;

pub use history::read_history;
pub use projection::Projection;
pub use read_only::read_tickets;
pub use ticket_log::{Opened, TicketLog, TicketLogError};

use operator_model::{Severity, Ticket, TicketState};
use schema::Found;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};
use std::path::{Path, PathBuf};

/// Name of the store within the data directory.
pub const FILE_NAME: &str = "tickets.db";

/// Rows of one transaction while the store is rebuilt, so that memory stays bounded.
const ROWS_PER_WRITE: usize = 64;

/// The store, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: SqliteConnection,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer operator wrote it.
    #[error(
        "{path} was written by a newer operator (schema {found}; this operator supports up to {known})"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The disk failed, or the file cannot be opened.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// SQLite failed.
    #[error("ticket store: {0}")]
    Sqlite(#[from] sqlx::Error),
    /// A document in it is not a ticket.
    #[error("ticket store: the document of {id} is not a ticket: {source}")]
    Document {
        /// Which ticket.
        id: String,
        /// The error of the serializer.
        source: serde_json::Error,
    },
}

/// A ticket and the journal record that wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTicket {
    /// Sequence number of the effect in the journal.
    pub seq: u64,
    /// The ticket.
    pub ticket: Ticket,
}

/// The first eight fields of a ticket.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TicketLine {
    /// Short id.
    pub id: String,
    /// Incident key.
    pub key: String,
    /// Open or resolved.
    pub state: TicketState,
    /// Worst severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// When it was opened.
    pub opened_at: operator_model::Timestamp,
    /// When it was last written.
    pub updated_at: operator_model::Timestamp,
    /// Suspect first.
    pub entities: Vec<operator_model::EntityId>,
}

impl From<&Ticket> for TicketLine {
    fn from(ticket: &Ticket) -> Self {
        Self {
            id: ticket.id.clone(),
            key: ticket.key.to_string(),
            state: ticket.state,
            severity: ticket.severity,
            title: ticket.title.clone(),
            opened_at: ticket.opened_at,
            updated_at: ticket.updated_at,
            entities: ticket.entities.clone(),
        }
    }
}

impl Store {
    /// Opens the store of a data directory, creating it when there is none. A file that is damaged
    /// or not ours is renamed aside; the second value states it.
    ///
    /// # Errors
    /// The file was written by a newer operator, or the disk fails.
    pub async fn open(directory: &Path) -> Result<(Self, Option<String>), StoreError> {
        let path = directory.join(FILE_NAME);
        match schema::open(&path).await? {
            Found::Ready(connection) => Ok((Self { connection }, None)),
            Found::Unusable(why) => {
                let aside = schema::rename_aside(&path)?;
                let warning = format!(
                    "{} was unusable ({why}); it was moved to {} and is rebuilt from the log",
                    path.display(),
                    aside.display()
                );
                match schema::open(&path).await? {
                    Found::Ready(connection) => Ok((Self { connection }, Some(warning))),
                    Found::Unusable(why) => Err(StoreError::Io {
                        path,
                        source: std::io::Error::other(why),
                    }),
                }
            }
        }
    }

    /// Opens an existing store for reading, while an operator runs. `None` when there is no usable
    /// one.
    pub async fn read(directory: &Path) -> Option<Self> {
        let path = directory.join(FILE_NAME);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false);
        let mut connection = SqliteConnection::connect_with(&options).await.ok()?;
        schema::is_ours(&mut connection)
            .await
            .ok()?
            .then_some(Self { connection })
    }

    /// The journal record up to which the store is complete; 0 for a new one.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn applied_seq(&mut self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT value FROM meta WHERE name = 'applied_seq'")
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(row
            .map(|row| row.get::<i64, _>(0))
            .and_then(|seq| u64::try_from(seq).ok())
            .unwrap_or(0))
    }

    /// Writes tickets and how far the journal is applied with them, all or nothing.
    ///
    /// # Errors
    /// SQLite fails; nothing was written.
    pub async fn write(
        &mut self,
        tickets: &[StoredTicket],
        applied_seq: u64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin().await?;
        for stored in tickets {
            let document =
                serde_json::to_string(&stored.ticket).map_err(|source| StoreError::Document {
                    id: stored.ticket.id.clone(),
                    source,
                })?;
            sqlx::query(schema::UPSERT)
                .bind(&stored.ticket.id)
                .bind(stored.ticket.key.as_str())
                .bind(word(&stored.ticket.state))
                .bind(word(&stored.ticket.severity))
                .bind(&stored.ticket.title)
                .bind(stored.ticket.opened_at.to_string())
                .bind(stored.ticket.updated_at.to_string())
                .bind(document)
                .bind(i64::try_from(stored.seq).unwrap_or(i64::MAX))
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('applied_seq', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
        )
        .bind(i64::try_from(applied_seq).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Tickets that records after `seq` wrote, oldest ticket first.
    ///
    /// # Errors
    /// SQLite fails, or a document is not a ticket.
    pub async fn written_after(&mut self, seq: u64) -> Result<Vec<StoredTicket>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, document, seq FROM tickets WHERE seq > ?1 ORDER BY length(id), id",
        )
        .bind(i64::try_from(seq).unwrap_or(i64::MAX))
        .fetch_all(&mut self.connection)
        .await?;
        rows.iter().map(stored).collect()
    }

    /// Says that no record is applied, so that the whole log is applied again.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn forget_progress(&mut self) -> Result<(), StoreError> {
        self.write(&[], 0).await
    }

    /// One ticket.
    ///
    /// # Errors
    /// SQLite fails, or the document is not a ticket.
    pub async fn ticket(&mut self, id: &str) -> Result<Option<Ticket>, StoreError> {
        let row = sqlx::query("SELECT id, document, seq FROM tickets WHERE id = ?1")
            .bind(id)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(row
            .as_ref()
            .map(stored)
            .transpose()?
            .map(|stored| stored.ticket))
    }

    /// Closes the file in good order.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

fn stored(row: &SqliteRow) -> Result<StoredTicket, StoreError> {
    let id: String = row.get(0);
    let document: String = row.get(1);
    let ticket =
        serde_json::from_str(&document).map_err(|source| StoreError::Document { id, source })?;
    Ok(StoredTicket {
        seq: u64::try_from(row.get::<i64, _>(2)).unwrap_or(0),
        ticket,
    })
}

/// The word that serde writes for a unit variant.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
