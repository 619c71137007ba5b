//! Breaks containers of one armed Docker project, and puts everything back.
//!
//! The order of an injection is the promise: a [watchdog] stands by, what will be undone is written down and
//! synced ([`journal`]), then the [steps](step::Step) are taken. Whoever notices the end first undoes them: the injector on time
//! or on a signal, the watchdog when the injector dies or hangs, and the next start when both died.
//! Every undo may run again: it looks first and does what is left.

pub mod agent;
pub mod arm;
pub mod capability;
pub mod cards;
pub mod catalogue;
mod cgroup;
mod clock;
mod command;
mod engine;
pub mod error;
pub mod inject;
pub mod journal;
mod namespace;
pub mod plan;
pub mod processes;
pub mod roles;
pub mod stage;
pub mod step;
pub mod target;
mod undo;
pub mod undoing;
pub mod watchdog;

pub use engine::{Container, Engine, Mount};
pub use error::DockerError;

/// How this program is started again, as a watchdog or an agent.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program itself.
    pub program: std::path::PathBuf,
    /// What comes before `watchdog` and `agent` on its command line.
    pub leading: Vec<String>,
}

/// The socket that dockerd listens on unless told otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Where the journal is unless told otherwise. It must outlive the process, and reaching a container needs root anyway.
pub const DEFAULT_STATE: &str = "/var/lib/operator-chaos";

/// Waits in a task, for commands that end by themselves.
pub(crate) async fn pause(time: std::time::Duration) {
    clock::pause(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).await;
}
