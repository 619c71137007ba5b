//! Operator: watches a distributed system, finds what is wrong, explains why with evidence, and
//! writes a ticket that a person can act on.
//!
//! This package is the command line over the crates in `host/crates`: it reads the configuration,
//! starts the engine, and shows what the engine reports.

pub mod cli;
pub mod config;
pub mod console;
#[cfg(feature = "chaos")]
pub mod demo;
#[cfg(feature = "chaos")]
pub mod eval;
pub mod exit;
