//! Breaks containers of one armed Docker project, and puts everything back.
//!
//! The order of an injection is the promise: a [watchdog] stands by, what will be undone is written down and
//! synced ([`journal`]), then the [steps](step::Step) are taken. Whoever notices the end first undoes them: the injector on time
//! or on a signal, the watchdog when the injector dies or hangs, and the next start when both died.
//! Every undo may run again: it looks first and does what is left.

pub mod agent;
pub mod arm;
pub mod capability;
pub mod catalogue;
mod cgroup;
mod clock;
mod command;
mod engine;
mod error;
pub mod fault_plan;
pub mod inject;
pub mod journal;
mod namespace;
mod need;
pub mod plan;
pub mod processes;
mod request;
pub mod roles;
pub mod stage;
pub mod step;
mod steps;
pub mod target;
mod undo;
pub mod undoing;
mod units;
pub mod watchdog;

pub use engine::{Container, Engine, Mount};
pub use error::DockerError;
pub use need::Need;
pub use request::{Part, Request};

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
