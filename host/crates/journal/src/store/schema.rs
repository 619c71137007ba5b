//! The SQLite file: its schema, and whether a file that is there belongs to the operator and is
//! complete.

use super::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Row as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "OPRT" in ASCII: distinguishes the store from any other database.
const APPLICATION_ID: i64 = 0x4F50_5254;

/// Version of the schema below.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    document TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_by_key ON tickets (key, state);
CREATE INDEX tickets_by_seq ON tickets (seq);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

pub(super) const UPSERT: &str = "
INSERT INTO tickets (id, key, state, severity, title, opened_at, updated_at, document, seq)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO UPDATE SET key = ?2, state = ?3, severity = ?4, title = ?5, opened_at = ?6, updated_at = ?7,
    document = ?8, seq = ?9";

/// What opening the file gave.
pub(super) enum Found {
    /// Ours and whole, or new.
    Ready(SqliteConnection),
    /// Damaged, or another program's; why.
    Unusable(String),
}

pub(super) async fn open(path: &Path) -> Result<Found, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // A reader in parallel holds the file for milliseconds only.
        .busy_timeout(Duration::from_secs(5));
    match prepare(&options).await {
        Ok(Ok(connection)) => Ok(Found::Ready(connection)),
        Ok(Err(why)) => Ok(Found::Unusable(why)),
        Err(error) if is_damage(&error) => Ok(Found::Unusable(error.to_string())),
        Err(sqlx::Error::Decode(source)) if source.is::<Newer>() => {
            let found = source.downcast_ref::<Newer>().map_or(0, |newer| newer.0);
            Err(StoreError::Newer {
                path: path.to_owned(),
                found,
                known: SCHEMA_VERSION,
            })
        }
        Err(error) => Err(StoreError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        }),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("schema {0}")]
struct Newer(i64);

async fn prepare(
    options: &SqliteConnectOptions,
) -> Result<Result<SqliteConnection, String>, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    if number(&mut connection, "SELECT count(*) FROM sqlite_master").await? == 0 {
        create(&mut connection).await?;
        return Ok(Ok(connection));
    }
    if number(&mut connection, "PRAGMA application_id").await? != APPLICATION_ID {
        return Ok(Err("written by another program".to_owned()));
    }
    let version = number(&mut connection, "PRAGMA user_version").await?;
    if version > SCHEMA_VERSION {
        return Err(sqlx::Error::Decode(Box::new(Newer(version))));
    }
    let answer: String = sqlx::query("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await?
        .get(0);
    Ok(if answer == "ok" {
        Ok(connection)
    } else {
        Err(answer)
    })
}

/// One transaction, so that a crash leaves an empty file or a whole schema.
async fn create(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let text = format!(
        "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    );
    sqlx::raw_sql(&text).execute(connection).await.map(drop)
}

pub(super) async fn is_ours(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    Ok(
        number(connection, "PRAGMA application_id").await? == APPLICATION_ID
            && number(connection, "PRAGMA user_version").await? == SCHEMA_VERSION,
    )
}

async fn number(connection: &mut SqliteConnection, query: &str) -> Result<i64, sqlx::Error> {
    Ok(sqlx::query(query).fetch_one(connection).await?.get(0))
}

/// SQLITE_CORRUPT is 11 and SQLITE_NOTADB 26, in the low byte of extended codes.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xff), Some(11 | 26))
}

/// Renames the file and what SQLite keeps next to it; returns the new name.
pub(super) fn rename_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let io = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let free = |number: &u32| !with_suffix(path, &format!(".damaged-{number}")).exists();
    let number = (1_u32..).find(free).unwrap_or(u32::MAX);
    let aside = with_suffix(path, &format!(".damaged-{number}"));
    std::fs::rename(path, &aside).map_err(io)?;
    for suffix in ["-wal", "-shm"] {
        let beside = with_suffix(path, suffix);
        if beside.exists() {
            std::fs::rename(&beside, with_suffix(&aside, suffix)).map_err(io)?;
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
