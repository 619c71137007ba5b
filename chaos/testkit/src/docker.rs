//! A Docker daemon that belongs to the test, and projects of stand-ins for a cluster in it.

pub mod compose_file;
pub mod daemon;
pub mod machine;
pub mod stand_in;
