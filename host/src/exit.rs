//! Exit codes, and the one message that goes with a failure.
//!
//! The daemon's codes follow sysexits(3), so a supervisor can distinguish failures worth a restart (74) from
//! those that need a person (64, 65, 78). `check` and `verify` use 0, 1 and 2.

use operator_engine::daemon::StartError;
use operator_journal::store::{StoreError, TicketLogError};
use operator_journal::{DataDirError, ScanError};
use operator_recording::RecordingError;
use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; `check`: all pass.
    Success,
    /// `check`: failures. Other commands: an unexpected error.
    Findings,
    /// `check`: inconclusive.
    Inconclusive,
    /// The command line is wrong.
    Usage,
    /// The decision log or a recording is damaged.
    Damaged,
    /// A local resource is not available: the data directory is in use.
    Unavailable,
    /// Internal error.
    Internal,
    /// I/O error; a restart may help.
    Io,
    /// Unusable configuration, plugin or data directory; a restart will not help.
    Config,
}

impl Exit {
    /// The process exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Findings => 1,
            Self::Inconclusive => 2,
            Self::Usage => 64,
            Self::Damaged => 65,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::Io => 74,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Error message and exit code of a failed command.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// Message for stderr.
    pub message: String,
}

impl Failure {
    /// A failure with its message.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<TicketLogError> for Failure {
    fn from(error: TicketLogError) -> Self {
        let exit = match &error {
            TicketLogError::Directory(DataDirError::Busy { .. }) => Exit::Unavailable,
            TicketLogError::Directory(DataDirError::Unusable { .. })
            | TicketLogError::Store(StoreError::Newer { .. }) => Exit::Config,
            TicketLogError::Log(error) => exit_of(error),
            TicketLogError::Journal(_) | TicketLogError::Store(_) => Exit::Io,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::TicketLog(error) => error.into(),
            StartError::Recording(error) => error.into(),
        }
    }
}

impl From<RecordingError> for Failure {
    fn from(error: RecordingError) -> Self {
        let exit = match &error {
            RecordingError::Damaged { .. } => Exit::Damaged,
            RecordingError::Unserialisable { .. } => Exit::Io,
            RecordingError::NotARecording { .. } | RecordingError::Newer { .. } => Exit::Config,
            RecordingError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::AlreadyExists => Exit::Config,
                _ => Exit::Io,
            },
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        Self::new(exit_of(&error), error.to_string())
    }
}

fn exit_of(error: &ScanError) -> Exit {
    match error {
        ScanError::Damage(_) => Exit::Damaged,
        ScanError::Refused { .. } => Exit::Config,
        ScanError::Io { .. } => Exit::Io,
    }
}

#[cfg(feature = "chaos")]
impl From<operator_inject::DockerError> for Failure {
    fn from(error: operator_inject::DockerError) -> Self {
        use operator_inject::DockerError;
        let exit = match &error {
            DockerError::Refused(_) => Exit::Usage,
            DockerError::Impossible(_) => Exit::Config,
            DockerError::Unreachable { .. } => Exit::Unavailable,
            DockerError::Failed(_) => Exit::Findings,
            DockerError::Left(_) => Exit::Io,
        };
        Self::new(exit, error.to_string())
    }
}
