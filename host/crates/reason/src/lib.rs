//! The reasoning stages: pure functions from a frozen snapshot and its verdicts to tickets.
//!
//! `detect → diagnose → decide → verify → ticket`. Nothing here reads a clock, a file or a socket,
//! and no stage calls another; the pipeline passes the result of one to the next.

pub mod decide;
pub mod detect;
pub mod diagnose;
pub mod similar;
pub mod ticket;
pub mod verify;
pub mod why;
