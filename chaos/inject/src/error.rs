//! What can go wrong, by what the caller does next.

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// A person must ask for something else, or arm the project.
    #[error("{0}")]
    Refused(String),
    /// This machine cannot do it.
    #[error("{0}")]
    Impossible(String),
    /// Docker does not answer.
    #[error("docker at {host} does not answer: {why}")]
    Unreachable {
        /// Where it should listen.
        host: String,
        /// What was heard instead.
        why: String,
    },
    /// An act failed. What had been done before is undone.
    #[error("{0}")]
    Failed(String),
    /// Something is not undone; `operator chaos undo` tries again.
    #[error("{0}")]
    Left(String),
}

impl DockerError {
    /// An act that failed: what, and why.
    pub(crate) fn failed(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Failed(format!("cannot {what}: {why}"))
    }
}
