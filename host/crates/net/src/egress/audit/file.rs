//! The audit log as files: hash-chained lines in the form of the decision log, rotated by size.
//!
//! `egress.jsonl` is written; `egress.1.jsonl` and so on are older. Each file is a chain of its
//! own, whose first record names the last hash of the file before it, so that also a missing file
//! is noticed. It is not synced: what was decided stands in the decision log, and a crash may cost
//! the last lines of this one.

use super::{Audit, AuditEntry};
use operator_journal as journal;
use operator_journal::{Kind, NO_HASH, ScanError, Scanned};
use operator_model::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Name of the file that is written, within the data directory.
pub const AUDIT_FILE_NAME: &str = "egress.jsonl";

/// Files that are kept, the written one included.
const FILES: u64 = 4;

/// The log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log {path}: {source}")]
pub struct AuditError {
    /// The file.
    path: PathBuf,
    /// The error of the operating system.
    source: std::io::Error,
}

/// The log, open for appending.
pub struct FileAudit {
    directory: PathBuf,
    file_bytes_max: u64,
    open: Mutex<OpenFile>,
}

struct OpenFile {
    file: File,
    bytes: u64,
    next_seq: u64,
    last_hash: String,
    failed: bool,
}

/// The first record of a file.
#[derive(Serialize, Deserialize)]
struct Continues {
    /// Last hash of the file before this one; 64 zeros when there was none, or it could not be
    /// trusted.
    continues: String,
}

impl FileAudit {
    /// Opens the log in a data directory that no one else writes to. A file that is damaged or
    /// unfinished is kept as an older one, and a new one is begun.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open(directory: &Path, bytes_max: u64, now: Timestamp) -> Result<Self, AuditError> {
        let path = directory.join(AUDIT_FILE_NAME);
        let failed = |source| AuditError {
            path: path.clone(),
            source,
        };
        let open = match whole(&path) {
            Some(scanned) => append(&path, &scanned),
            None => begin(directory, NO_HASH, now),
        };
        let file_bytes_max = (bytes_max / FILES).max(1);
        Ok(Self {
            directory: directory.to_owned(),
            file_bytes_max,
            open: Mutex::new(open.map_err(failed)?),
        })
    }

    fn write(&self, open: &mut OpenFile, at: Timestamp, entry: &AuditEntry) -> std::io::Result<()> {
        if open.bytes >= self.file_bytes_max {
            *open = begin(&self.directory, &open.last_hash, at)?;
        }
        open.line(at, entry)
    }
}

impl Audit for FileAudit {
    fn record(&self, at: Timestamp, entry: &AuditEntry) {
        let mut open = self.open.lock();
        let result = self.write(&mut open, at, entry);
        if let Err(error) = &result
            && !open.failed
        {
            let directory = self.directory.display();
            tracing::error!(%error, %directory, "cannot write the audit log; requests are no longer audited");
        }
        open.failed = result.is_err();
    }
}

impl OpenFile {
    fn line(&mut self, at: Timestamp, body: &impl Serialize) -> std::io::Result<()> {
        let body = serde_json::to_string(body)?;
        let (line, hash) =
            journal::chained_line(self.next_seq, at, Kind::Egress, &self.last_hash, &body);
        self.file.write_all(line.as_bytes())?;
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.next_seq += 1;
        self.last_hash = hash;
        Ok(())
    }
}

/// What the file holds, if all of it can be trusted.
fn whole(path: &Path) -> Option<Scanned> {
    journal::verify(path)
        .ok()
        .filter(|scanned| scanned.records > 0)
}

fn append(path: &Path, scanned: &Scanned) -> std::io::Result<OpenFile> {
    let file = OpenOptions::new().append(true).open(path)?;
    let bytes = scanned.good_bytes;
    let next_seq = scanned.last_seq + 1;
    let last_hash = scanned.last_hash.clone();
    Ok(OpenFile {
        file,
        bytes,
        next_seq,
        last_hash,
        failed: false,
    })
}

/// Moves the older files on, the oldest out, and begins a new one.
fn begin(directory: &Path, continues: &str, at: Timestamp) -> std::io::Result<OpenFile> {
    for age in (0..FILES - 1).rev() {
        if path_of(directory, age).exists() {
            std::fs::rename(path_of(directory, age), path_of(directory, age + 1))?;
        }
    }
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path_of(directory, 0))?;
    let mut open = OpenFile {
        file,
        bytes: 0,
        next_seq: 1,
        last_hash: NO_HASH.to_owned(),
        failed: false,
    };
    open.line(
        at,
        &Continues {
            continues: continues.to_owned(),
        },
    )?;
    Ok(open)
}

fn path_of(directory: &Path, age: u64) -> PathBuf {
    directory.join(if age == 0 {
        AUDIT_FILE_NAME.to_owned()
    } else {
        format!("egress.{age}.jsonl")
    })
}

/// Reads the whole log, oldest entry first, checks the chain of every file and that each continues
/// the one before, and shows every entry to `each`. Returns the number of entries.
///
/// # Errors
/// The first record that does not fit, or a file that cannot be read.
pub fn read_audit(
    directory: &Path,
    each: &mut dyn FnMut(&str, AuditEntry),
) -> Result<u64, ScanError> {
    let mut entries = 0;
    let mut last_hash: Option<String> = None;
    for age in (0..FILES).rev() {
        let path = path_of(directory, age);
        if age > 0 && !path.exists() {
            continue;
        }
        let scanned = journal::scan(&path, &mut |record| {
            if record.seq == 1 {
                return continues(record.body, last_hash.as_deref());
            }
            entries += 1;
            each(
                record.at,
                serde_json::from_str(record.body).map_err(|error| error.to_string())?,
            );
            Ok(())
        })?;
        last_hash = Some(scanned.last_hash);
    }
    Ok(entries)
}

/// Whether a file continues the one before it. The oldest may continue one that is gone.
fn continues(first_body: &str, last_hash: Option<&str>) -> Result<(), String> {
    let first: Continues = serde_json::from_str(first_body).map_err(|error| error.to_string())?;
    match last_hash {
        Some(last_hash) if first.continues != last_hash => Err(format!(
            "it continues {}, the file before ends with {last_hash}",
            first.continues
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::audit::Decision;

    fn entry(path: &str) -> AuditEntry {
        AuditEntry {
            target: "head".to_owned(),
            origin: None,
            method: "GET".to_owned(),
            path: path.to_owned(),
            decision: Decision::Answered,
            reason: None,
            status: Some(200),
            bytes: Some(7),
            took_ms: 3,
        }
    }

    fn paths(directory: &Path) -> Vec<String> {
        let mut paths = Vec::new();
        read_audit(directory, &mut |_, entry| paths.push(entry.path)).unwrap();
        paths
    }

    #[test]
    fn entries_are_kept_in_order_over_restarts_and_rotations_and_no_more_than_allowed() {
        let directory = tempfile::tempdir().unwrap();
        for run in 0..3 {
            // Each file holds two or three entries.
            let audit = FileAudit::open(directory.path(), 4 * 1_000, Timestamp(5)).unwrap();
            (0..10).for_each(|request| {
                audit.record(Timestamp(request), &entry(&format!("/{run}/{request}")))
            });
        }
        let kept = paths(directory.path());
        assert_eq!(kept.last().unwrap(), "/2/9");
        assert!((6..=12).contains(&kept.len()), "{kept:?}");
        let all: Vec<String> = (0..3)
            .flat_map(|run| (0..10).map(move |request| format!("/{run}/{request}")))
            .collect();
        assert!(
            all.ends_with(&kept),
            "nothing in between is missing: {kept:?}"
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 4);
    }

    #[test]
    fn a_changed_entry_and_a_missing_file_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let audit = FileAudit::open(directory.path(), 4 * 1_000, Timestamp(5)).unwrap();
        (0..10).for_each(|request| audit.record(Timestamp(request), &entry("/x")));
        let file = directory.path().join(AUDIT_FILE_NAME);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replacen("\"continues\":\"", "\"continues\":\"0", 1),
        )
        .unwrap();
        assert!(
            read_audit(directory.path(), &mut |_, _| {}).is_err(),
            "changed"
        );
        std::fs::write(&file, text).unwrap();
        std::fs::remove_file(directory.path().join("egress.1.jsonl")).unwrap();
        let error = read_audit(directory.path(), &mut |_, _| {}).unwrap_err();
        assert!(
            error.to_string().contains("the file before ends with"),
            "{error}"
        );
    }

    #[test]
    fn an_unfinished_end_is_kept_aside_and_writing_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        FileAudit::open(directory.path(), 1 << 20, Timestamp(5))
            .unwrap()
            .record(Timestamp(1), &entry("/a"));
        let file = directory.path().join(AUDIT_FILE_NAME);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.extend_from_slice(b"{\"seq\":3,\"at");
        std::fs::write(&file, &bytes).unwrap();
        FileAudit::open(directory.path(), 1 << 20, Timestamp(6))
            .unwrap()
            .record(Timestamp(7), &entry("/b"));
        assert_eq!(
            std::fs::read(directory.path().join("egress.1.jsonl")).unwrap(),
            bytes
        );
        assert!(std::fs::read_to_string(&file).unwrap().contains("/b"));
    }
}
