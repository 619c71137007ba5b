//! What the tests of several crates share: guests written as WebAssembly text, hostile components, a
//! small example system and tickets about it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a helper of a test fails the test"
)]

pub mod guest;
pub mod hostile;
pub mod nodes;
pub mod tickets;
