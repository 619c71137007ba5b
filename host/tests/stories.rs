//! Stories: whole runs, through the command line or through the daemon, from a world to the tickets on disk.
//!
//! One test program, so that it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why a story is skipped"
)]

#[path = "stories/bad_input.rs"]
mod bad_input;
#[path = "stories/containers.rs"]
mod containers;
#[path = "stories/control.rs"]
mod control;
#[path = "stories/crash.rs"]
mod crash;
#[path = "stories/demo.rs"]
mod demo;
#[path = "stories/languages.rs"]
mod languages;
#[path = "stories/newcomer.rs"]
mod newcomer;
#[path = "stories/recordings.rs"]
mod recordings;
#[path = "stories/replay.rs"]
mod replay;
#[path = "stories/running.rs"]
mod running;
#[path = "stories/schema.rs"]
mod schema;
#[path = "stories/support.rs"]
mod support;
#[path = "stories/trust.rs"]
mod trust;
#[path = "stories/verify.rs"]
mod verify;
