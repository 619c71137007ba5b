//! Captures of real clusters, and serving a cluster over HTTP.
//!
//! A [`Capture`] is a file with the HTTP responses and log lines of a real cluster.
//! [`Playback`] plays one in virtual time, as a [`World`](operator_world::World); [`play`] serves it on sockets and in
//! log files; [`trim`] cuts one to size. [`serve`] serves any world over HTTP, also the simulator.

mod capture;
pub mod play;
mod playback;
pub mod serve;
pub mod trim;

pub use capture::{Capture, LoadError, LogLine};
pub use playback::Playback;
