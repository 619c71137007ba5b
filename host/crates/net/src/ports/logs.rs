//! Log files that the configuration grants by name. Each file is reached through its directory,
//! opened once at the start, so that nothing else of the file system can be named.

mod lines;
mod tail;

use super::{LogLines, Logs};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tail::Tail;

/// Followed log files.
pub struct FileLogs {
    tails: BTreeMap<String, Mutex<Tail>>,
}

impl FileLogs {
    /// Remembers where each file ends now; lines that are written later are read, or all lines if
    /// `from_start`. A file that cannot be opened yet is tried again at each read, and is then read
    /// from its beginning.
    #[must_use]
    pub fn open(sources: &BTreeMap<String, PathBuf>, from_start: bool) -> Self {
        let tails = sources
            .iter()
            .map(|(name, path)| {
                (
                    name.clone(),
                    Mutex::new(Tail::begin(path.clone(), from_start)),
                )
            })
            .collect();
        Self { tails }
    }
}

impl Logs for FileLogs {
    fn sources(&self) -> Vec<String> {
        self.tails.keys().cloned().collect()
    }

    fn read(&self, source: &str, lines_max: usize) -> Result<LogLines, String> {
        let tail = self
            .tails
            .get(source)
            .ok_or_else(|| format!("no log source {source:?} is granted"))?;
        let mut tail = tail.lock();
        tail.read(lines_max)
            .map_err(|error| format!("log source {source:?}: {error}"))
    }
}
