//! Root-cause analysis without failure modes: which service is the cause, from metrics and a call graph alone.
//!
//! It is scored on public data sets, with one configuration for all of them: [`engine::CONFIGURATION`]. Nothing
//! here knows a particular system, and nothing is learned from labels.
//!
//! The method is robust deviation from a time of normal operation (BARO, FSE 2024: median and interquartile range),
//! and, where a call graph and an alarming metric are given, blame by what the callees do not explain.

pub mod detect;
pub mod engine;
pub mod formats;
pub mod score;

pub use engine::{CallGraph, Observed, Question, Ranked, Target};
pub use formats::{Case, DataSet, Format, FormatError};
pub use score::{Report, score};
