//! Support for tests: captures of real clusters, and a Docker daemon that belongs to the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test helper fails the test, measures real time, and is documented where it is not obvious"
)]

pub mod captures;
pub mod docker;
