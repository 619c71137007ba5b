//! The text exposition format of Prometheus: one parser and one writer.
//!
//! [`parse`] iterates over the samples of a page, and of OpenMetrics as far as it is the same format.
//! Samples borrow from the page, and a line whose metric is not wanted costs no allocation.
//! [`Writer`] renders metric families as the Rust and Go client libraries do.

mod parser;
mod writer;

pub use parser::{LABELS_MAX, Parser, Sample, family_names, parse, types};
pub use writer::{Buckets, FamilyWriter, NumberFormat, Writer};
