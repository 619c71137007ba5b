//! The append-only, hash-chained decision log. It is the truth: the ticket store is computed from
//! it.
//!
//! `journal.jsonl` holds one record a line, written in exactly this form and order:
//!
//! ```text
//! {"seq":7,"at":"2026-01-02T03:04:05.678Z","kind":"decision","prev":"<64 hex>","hash":"<64 hex>","body":{…}}
//! ```
//!
//! There is no white space between tokens; `body` is compact JSON as `serde_json` writes it. `hash`
//! is the sha256 of the line's exact bytes without the hash field (that is without `,"hash":"<64
//! hex>"`) and without the line feed. `prev` is the hash of the previous record, 64 zeros for the
//! first; `seq` counts from 1 without gaps. Nothing may be written that differs between two runs
//! over the same observations: no durations, no paths, no process ids, no order of threads.
//!
//! A batch is written in one call and synced before anything depends on it. A crash can leave only
//! an unfinished end, which is set aside when the log is opened; damage anywhere else is never
//! repaired.

pub mod body;
mod lock;
mod notes;
mod read;
mod record;
pub mod store;

pub use lock::{DataDir, DataDirError};
pub use notes::{Note, Notes, Silence};
pub use read::{Damage, ScanError, Scanned, record_at, scan, verify};
pub use record::encode as chained_line;
pub use record::{Field, Kind, NO_HASH, RECORD_BYTES_MAX, Record};

use operator_model::Timestamp;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Name of the log within the data directory.
pub const FILE_NAME: &str = "journal.jsonl";

/// A checkpoint is written after this many ticks: proof of life in the log every five minutes at
/// one tick a second, 26 MB a year.
pub const CHECKPOINT_TICKS: u64 = 300;

/// The log, open for appending.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes that are synced.
    synced_bytes: u64,
    next_seq: u64,
    last_hash: String,
    /// Records that are appended and not yet written.
    pending: Vec<u8>,
    /// Writing failed once: what the disk holds is no longer known.
    failed: bool,
    /// Lines that were synced since they were last taken, when someone takes them.
    taken: Option<Vec<String>>,
}

/// Why a record could not be kept. Every variant ends the process: no decision without a record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed or is full.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The log.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// An earlier write failed.
    #[error("cannot write {0}: an earlier write failed, so the content of the disk is unknown")]
    Failed(PathBuf),
    /// The record is larger than a reader accepts.
    #[error("a {kind} record has {bytes} bytes; the limit is {RECORD_BYTES_MAX}")]
    TooLarge {
        /// Kind of the record.
        kind: Kind,
        /// Its size.
        bytes: usize,
    },
    /// The body is not JSON.
    #[error("a {kind} record cannot be written as JSON: {source}")]
    Body {
        /// Kind of the record.
        kind: Kind,
        /// The error of the serializer.
        source: serde_json::Error,
    },
}

/// The log as it was found.
#[derive(Debug)]
pub struct Opened {
    /// Ready for appending.
    pub journal: Journal,
    /// What it holds.
    pub scanned: Scanned,
    /// Things a person should know: an unfinished end was set aside.
    pub warnings: Vec<String>,
}

impl Journal {
    /// Opens the log of a data directory, creating it when there is none, and shows every record to
    /// `each`. An unfinished end is moved to `journal.torn-N`.
    ///
    /// # Errors
    /// The log is damaged before its end, `each` refuses a record, or the disk fails.
    pub fn open(
        directory: &DataDir,
        each: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
    ) -> Result<Opened, ScanError> {
        let path = directory.path().join(FILE_NAME);
        let io = |source| ScanError::Io {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io)?;
        let scanned = scan(&path, each)?;
        let warnings = settle_end(&path, &file, &scanned).map_err(io)?;
        let journal = Self {
            synced_bytes: file.metadata().map_err(io)?.len(),
            next_seq: scanned.last_seq + 1,
            last_hash: scanned.last_hash.clone(),
            pending: Vec::new(),
            failed: false,
            taken: None,
            path,
            file,
        };
        sync_directory(directory.path()).map_err(|source| ScanError::Io {
            path: journal.path.clone(),
            source,
        })?;
        Ok(Opened {
            journal,
            scanned,
            warnings,
        })
    }

    /// Adds a record to the batch and returns its sequence number. Nothing may depend on it before
    /// [`Journal::sync`] returned.
    ///
    /// # Errors
    /// The body is not JSON or too large.
    pub fn append(
        &mut self,
        kind: Kind,
        at: Timestamp,
        body: &impl Serialize,
    ) -> Result<u64, JournalError> {
        let body =
            serde_json::to_string(body).map_err(|source| JournalError::Body { kind, source })?;
        if body.len() > RECORD_BYTES_MAX {
            return Err(JournalError::TooLarge {
                kind,
                bytes: body.len(),
            });
        }
        let seq = self.next_seq;
        let (line, hash) = record::encode(seq, at, kind, &self.last_hash, &body);
        self.pending.extend_from_slice(line.as_bytes());
        self.last_hash = hash;
        self.next_seq += 1;
        Ok(seq)
    }

    /// Writes the batch and waits until the disk has it. Does nothing when the batch is empty.
    ///
    /// # Errors
    /// The disk failed; the log accepts nothing from then on.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Failed(self.path.clone()));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self
            .file
            .write_all(&self.pending)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            self.failed = true;
            // Best effort: half a batch is rolled back; if this fails too, the next start sets it
            // aside.
            let _ = self.file.set_len(self.synced_bytes);
            return Err(JournalError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.synced_bytes += self.pending.len() as u64;
        if let Some(taken) = &mut self.taken {
            taken.extend(
                String::from_utf8_lossy(&self.pending)
                    .lines()
                    .map(str::to_owned),
            );
        }
        self.pending.clear();
        Ok(())
    }

    /// Lines that were synced since the last call. The first call starts to keep them, so a caller
    /// that calls it once must go on.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(self.taken.get_or_insert_default())
    }

    /// Goes on after a record of another log: a recording is decided again, from where its log
    /// stood.
    pub fn continue_after(&mut self, seq: u64, hash: &str) {
        self.next_seq = seq + 1;
        hash.clone_into(&mut self.last_hash);
    }

    /// Sequence number of the newest record, pending ones included; 0 when there is none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// Hash of the newest record, pending ones included.
    #[must_use]
    pub fn last_hash(&self) -> &str {
        &self.last_hash
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the log end after its last whole record.
fn settle_end(path: &Path, file: &File, scanned: &Scanned) -> std::io::Result<Vec<String>> {
    if let Some(torn) = &scanned.torn {
        let aside = set_aside(path, scanned.good_bytes)?;
        file.set_len(scanned.good_bytes)?;
        file.sync_all()?;
        return Ok(vec![format!(
            "the decision log ended in an unfinished record ({} bytes after record {}, byte offset {}); it was moved to {}",
            torn.bytes,
            scanned.last_seq,
            scanned.good_bytes,
            aside.display()
        )]);
    }
    if scanned.line_feed_missing {
        let mut end = file;
        end.write_all(b"\n")?;
        file.sync_all()?;
    }
    Ok(Vec::new())
}

/// Copies everything from `offset` to a new file next to the log.
fn set_aside(path: &Path, offset: u64) -> std::io::Result<PathBuf> {
    use std::io::Seek as _;
    let mut from = File::open(path)?;
    from.seek(std::io::SeekFrom::Start(offset))?;
    for number in 1_u32.. {
        let aside = path.with_file_name(format!("journal.torn-{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            Ok(mut to) => {
                std::io::copy(&mut from, &mut to)?;
                to.sync_all()?;
                return Ok(aside);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other(
        "no free name for the unfinished record",
    ))
}

/// Makes new and removed names of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests;
