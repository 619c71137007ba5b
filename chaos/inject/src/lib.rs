//! Faults in the containers of one armed Docker project, which are always undone.
//!
//! The order of an injection guarantees that: a [watchdog] is started, the undo is written to the [`journal`] and synced,
//! and only then the [steps](step::Step) are taken. The injector undoes them on time or on a signal, the watchdog when
//! the injector dies or hangs, and the next start when both have died.
//! Every undo can be repeated: it checks first, and does only the rest.
//!
//! Modules depend on each other in one direction: [`step`], steps of faults, [`catalogue`], [`plan`], [`inject`](mod@inject).

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

/// How to start this program again, as a watchdog or an agent.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program itself.
    pub program: std::path::PathBuf,
    /// The arguments before `watchdog` and `agent`.
    pub leading: Vec<String>,
}

/// The socket that dockerd listens on by default.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The default directory of the journal. It must outlive the process; only root can write to it, and faults need root anyway.
pub const DEFAULT_STATE: &str = "/var/lib/operator-chaos";
