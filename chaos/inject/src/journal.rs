//! Active injections: one file each, written and synced before the first step, deleted after the last undo.
//!
//! A process that works on an injection holds the lock of its file, so no other process undoes it at the same time.

use super::processes::Process;
use super::step::Step;
use super::{DockerError, clock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// How long a lock is waited for: an act takes less.
const LOCK_WAIT_MS: u64 = 20_000;
const LOCK_CHECK_INTERVAL_MS: u64 = 50;

/// An injection, as it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub injection: String,
    /// The fault.
    pub fault: String,
    /// The project.
    pub project: String,
    /// Where Docker listens.
    pub host: String,
    /// When it was decided, in Unix milliseconds.
    pub began_ms: u64,
    /// When its lease ends, in Unix milliseconds.
    pub until_ms: u64,
    /// The injector.
    pub injector: Option<Process>,
    /// The steps, in this order.
    pub steps: Vec<Step>,
}

/// The directory of the entries.
#[derive(Debug, Clone)]
pub struct Journal {
    directory: PathBuf,
}

/// An entry that only this process works on.
#[derive(Debug)]
pub struct Held {
    /// Its content.
    pub entry: Entry,
    path: PathBuf,
    // The lock lives as long as this.
    _file: File,
}

impl Journal {
    /// Opens the directory, and makes it if needed.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn open(state: &Path) -> Result<Self, DockerError> {
        let directory = state.join("journal");
        std::fs::create_dir_all(&directory).map_err(|error| {
            DockerError::failed(&format!("make {}", directory.display()), error)
        })?;
        Ok(Self { directory })
    }

    /// Writes an entry and returns it locked. When this returns, the entry survives a power failure.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&self, entry: Entry) -> Result<Held, DockerError> {
        let path = self.path(&entry.injection);
        let written = self.write_file(&entry, &path);
        let file = written
            .map_err(|error| DockerError::failed(&format!("write {}", path.display()), error))?;
        Ok(Held {
            entry,
            path,
            _file: file,
        })
    }

    fn write_file(&self, entry: &Entry, path: &Path) -> std::io::Result<File> {
        let unfinished = self.unfinished(&entry.injection);
        let mut file = File::create_new(&unfinished)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(file)
    }

    /// Names of all injections that are not undone.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let name = |entry: std::fs::DirEntry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".json")?
                    .to_owned(),
            )
        };
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        names
    }

    /// Reads an entry; nothing when it is undone.
    ///
    /// # Errors
    /// The file is not an entry.
    pub fn read(&self, injection: &str) -> Result<Option<Entry>, DockerError> {
        match File::open(self.path(injection)) {
            Ok(mut file) => parse(&mut file, &self.path(injection)).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Waits until no other process works on an entry and locks it; `None` when it is undone.
    ///
    /// # Errors
    /// Another process works on it for too long, or the file is not an entry.
    pub async fn hold(&self, injection: &str) -> Result<Option<Held>, DockerError> {
        self.hold_within(injection, LOCK_WAIT_MS).await
    }

    async fn hold_within(
        &self,
        injection: &str,
        wait_ms: u64,
    ) -> Result<Option<Held>, DockerError> {
        let path = self.path(injection);
        let Ok(mut file) = File::open(&path) else {
            return Ok(None);
        };
        let mut waited_ms = 0;
        while file.try_lock().is_err() {
            if waited_ms >= wait_ms {
                let message = format!(
                    "another process has been working on injection {injection} for {waited_ms} ms"
                );
                return Err(DockerError::Left(message));
            }
            clock::pause(LOCK_CHECK_INTERVAL_MS).await;
            waited_ms += LOCK_CHECK_INTERVAL_MS;
        }
        if !path.exists() {
            return Ok(None);
        }
        let entry = parse(&mut file, &path)?;
        Ok(Some(Held {
            entry,
            path,
            _file: file,
        }))
    }

    /// Whether an injection is not undone.
    #[must_use]
    pub fn has(&self, injection: &str) -> bool {
        self.path(injection).exists()
    }

    /// Deletes what an injector left that died while it wrote its entry: it had done nothing.
    pub fn sweep(&self, injection: &str) {
        let _ = std::fs::remove_file(self.unfinished(injection));
    }

    /// As [`Self::read`], for every entry that is not being written now.
    pub fn sweep_all(&self) {
        let entries = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        for path in entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "new"))
        {
            if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    fn path(&self, injection: &str) -> PathBuf {
        self.directory.join(format!("{injection}.json"))
    }

    fn unfinished(&self, injection: &str) -> PathBuf {
        self.directory.join(format!(".{injection}.new"))
    }
}

impl Held {
    /// Deletes the entry: everything is undone.
    ///
    /// # Errors
    /// The disk does not let go of it.
    pub fn clear(self) -> Result<(), DockerError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DockerError::Left(
                format!("cannot delete {}: {error}", self.path.display()),
            )),
            _ => Ok(()),
        }
    }
}

fn parse(file: &mut File, path: &Path) -> Result<Entry, DockerError> {
    /// Hundreds of steps fit; a longer file is not an entry.
    const ENTRY_BYTES_MAX: u64 = 4 << 20;
    let mut text = String::new();
    let read = file.take(ENTRY_BYTES_MAX).read_to_string(&mut text);
    let parsed = read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_str(&text).map_err(|error| error.to_string()));
    parsed.map_err(|why| {
        DockerError::Left(format!(
            "cannot read {}: {why}; undo this injection manually",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(injection: &str) -> Entry {
        Entry {
            injection: injection.to_owned(),
            fault: "kill".to_owned(),
            project: "p".to_owned(),
            host: "unix:///x".to_owned(),
            began_ms: 1,
            until_ms: 2,
            injector: Process::own(),
            steps: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_entry_is_there_until_it_is_cleared() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(state.path()).unwrap();
        let held = journal.write(entry("aaaaaaaa")).unwrap();
        assert_eq!(journal.names(), ["aaaaaaaa"]);
        assert_eq!(journal.read("aaaaaaaa").unwrap(), Some(entry("aaaaaaaa")));
        drop(held);
        let held = journal.hold("aaaaaaaa").await.unwrap().unwrap();
        held.clear().unwrap();
        assert!(journal.names().is_empty() && !journal.has("aaaaaaaa"));
        assert!(journal.hold("aaaaaaaa").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_works_on_an_entry_keeps_others_away() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(state.path()).unwrap();
        let held = journal.write(entry("aaaaaaaa")).unwrap();
        assert!(matches!(
            journal.hold_within("aaaaaaaa", 0).await,
            Err(DockerError::Left(_))
        ));
        held.clear().unwrap();
        assert!(journal.hold("aaaaaaaa").await.unwrap().is_none());
    }

    #[test]
    fn an_entry_that_is_damaged_is_said_and_not_skipped() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(state.path()).unwrap();
        std::fs::write(state.path().join("journal/bbbbbbbb.json"), "{").unwrap();
        assert_eq!(journal.names(), ["bbbbbbbb"]);
        assert!(matches!(
            journal.read("bbbbbbbb"),
            Err(DockerError::Left(_))
        ));
    }
}
