//! Failures, by what the caller can do next.

/// Why a fault was not injected or not undone.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The request is not allowed: change it, or arm the project.
    #[error("{0}")]
    Refused(String),
    /// This machine cannot do it.
    #[error("{0}")]
    Impossible(String),
    /// Docker does not respond.
    #[error("docker at {host} does not respond: {why}")]
    Unreachable {
        /// Its socket.
        host: String,
        /// The error.
        why: String,
    },
    /// A step failed. The steps before it are undone.
    #[error("{0}")]
    Failed(String),
    /// A step is not undone; `operator chaos undo` tries again.
    #[error("{0}")]
    Left(String),
}

impl DockerError {
    /// A step that failed, and the reason.
    #[must_use]
    pub fn failed(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Failed(format!("cannot {what}: {why}"))
    }
}
