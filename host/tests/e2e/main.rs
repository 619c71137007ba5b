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

mod bad_input;
mod containers;
mod control;
mod crash;
mod demo;
mod languages;
mod newcomer;
mod people;
mod recordings;
mod replay;
mod running;
mod schema;
mod support;
mod trust;
mod verify;
