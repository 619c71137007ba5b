//! The conveyor: the only place that knows the order of the stages.

/// A checkpoint is written after this many ticks: proof of life in the log every five minutes at one tick a
/// second, 26 MB a year.
mod changes;

pub const CHECKPOINT_TICKS: u64 = 300;
