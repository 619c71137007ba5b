//! What is wrong with a recording, and where.

use std::fmt;
use std::path::PathBuf;

/// A place in a recording.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// Line of the decompressed text, from 1.
    pub line: u64,
    /// The last tick that was whole; 0 before the first.
    pub after_tick: u64,
    /// About here in the file: as much of it had been read.
    pub byte: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} (after tick {}, before byte {} of the file)",
            self.line, self.after_tick, self.byte
        )
    }
}

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be opened, read or written.
    #[error("cannot use the recording {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A part of it has no JSON form: an internal error.
    #[error("internal error: cannot serialise the {what} for the recording: {source}")]
    Unserialisable {
        /// Which part.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// It is something else, or it ends before its first tick could be prepared.
    #[error("{path} is not a recording of this operator: {why}")]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        why: String,
    },
    /// It was made by a newer operator.
    #[error(
        "{path} has format {found}; this operator supports up to {}: use a newer operator",
        super::FORMAT
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It was changed or corrupted.
    #[error("{path} is damaged at {place}: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Position,
        /// What does not fit.
        why: String,
    },
}
