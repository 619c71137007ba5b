//! Every number that decides what is abnormal, with its reason.

pub use operator_model::detection::{CALM_Z, DEVIATING_Z, NORMAL_Z};

/// Distinct samples in a row that must deviate. Two can be one burst seen by two windows that overlap.
pub const RUN_SAMPLES: u32 = 3;

/// The newest samples, which the baseline does not know: as many as a run needs, so that no sample of a
/// run is learned before the run is recognised.
pub const HELD_OUT_SAMPLES: usize = 3;

/// Below this many samples quartiles say nothing; at one scrape each 15 s it is two minutes.
pub const BASELINE_SAMPLES_MIN: usize = 8;

/// Samples that a baseline keeps: half an hour at [`BASELINE_SPACING_MS`], after a dense start.
pub const BASELINE_SAMPLES_MAX: usize = 192;

/// The first samples of a baseline are kept as they come, so that a young operator soon knows something.
pub const BASELINE_DENSE_SAMPLES: usize = 32;

/// Later ones are kept this far apart, so that the baseline covers half an hour in bounded memory.
pub const BASELINE_SPACING_MS: u64 = 10_000;

/// After deviating for so long the new level is what is normal, and is learned.
pub const RELEARN_AFTER_MS: u64 = 30 * 60_000;

/// Deviations below this share of the median are nothing even for a signal that never moves: together
/// with [`DEVIATING_Z`] it takes a change of 30 %.
pub const SPREAD_SHARE_OF_MEDIAN: f64 = 0.05;

/// Interquartile range of a normal distribution in standard deviations.
pub const IQR_PER_SIGMA: f64 = 1.349;

/// An equal value of a table column is a new sample after this long: systems refresh the numbers behind
/// their tables every few seconds, and reading one report thrice must not make three samples.
pub const COLUMN_REFRESH_MS: u64 = 5_000;

/// Recent values that a reading carries for a sparkline: what fits beside a sentence in 80 columns.
pub const RECENT_SAMPLES: usize = 32;

/// Entities of a kind that are needed to call one of them an outlier: with two, each is as far from the
/// other.
pub const PEERS_MIN: usize = 3;

/// An outlier is further from the median of its peers than this many median absolute deviations.
pub const OUTLIER_DEVIATIONS: f64 = 5.0;

/// And more than this factor away from that median: machines that share a load evenly differ by less.
pub const OUTLIER_FACTOR: f64 = 2.0;

/// Pairs of signal and entity that are followed: 8 192 × (192 + 32) samples × 16 bytes are 30 MB.
pub const HISTORIES_MAX: usize = 8_192;

/// What was not seen for an hour starts anew when it comes back.
pub const FORGOTTEN_AFTER_MS: u64 = 60 * 60_000;
