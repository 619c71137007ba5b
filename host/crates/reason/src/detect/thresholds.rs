//! Every threshold of detection, with its reason.

pub(crate) use operator_model::detection::{CALM_Z, DEVIATING_Z, NORMAL_Z};

/// Distinct samples in a row that must deviate. Two can be one burst in two overlapping windows.
pub(crate) const RUN_SAMPLES: u32 = 3;

/// The newest samples, which are not part of the baseline: as many as a run needs, so no sample of a run is
/// learned before the run is recognised.
pub(crate) const HELD_OUT_SAMPLES: usize = 3;

/// With fewer samples quartiles are meaningless; at one scrape every 15 s these are two minutes.
pub(crate) const BASELINE_SAMPLES_MIN: usize = 8;

/// Samples that a baseline keeps: half an hour at [`BASELINE_SPACING_MS`], after a dense start.
pub(crate) const BASELINE_SAMPLES_MAX: usize = 192;

/// The first samples of a baseline are all kept, so a new operator soon has one.
pub(crate) const BASELINE_DENSE_SAMPLES: usize = 32;

/// Later ones are kept this far apart, so the baseline covers half an hour in bounded memory.
pub(crate) const BASELINE_SPACING_MS: u64 = 10_000;

/// A level that lasts this long becomes the new normal, and is learned.
pub(crate) const RELEARN_AFTER_MS: u64 = 30 * 60_000;

/// Deviations below this share of the median are ignored even for a signal that never changes: together
/// with [`DEVIATING_Z`] it takes a change of 30 %.
pub(crate) const SPREAD_SHARE_OF_MEDIAN: f64 = 0.05;

/// Interquartile range of a normal distribution in standard deviations.
pub(crate) const IQR_PER_SIGMA: f64 = 1.349;

/// An equal value of a table column is a new sample after this long: systems refresh the numbers behind
/// their tables every few seconds, and reading one report three times must not yield three samples.
pub(crate) const COLUMN_REFRESH_MS: u64 = 5_000;

/// Recent values that a reading carries for a sparkline: what fits next to a sentence in 80 columns.
pub(crate) const RECENT_SAMPLES: usize = 32;

/// Entities of a kind that are needed for one to be an outlier: with two, each is as far from the other.
pub(crate) const PEERS_MIN: usize = 3;

/// An outlier is further from the median of its peers than this many median absolute deviations.
pub(crate) const OUTLIER_DEVIATIONS: f64 = 5.0;

/// And more than this factor away from that median: machines that share a load evenly differ by less.
pub(crate) const OUTLIER_FACTOR: f64 = 2.0;

/// Pairs of signal and entity that are tracked: 8 192 × (192 + 32) samples × 16 bytes are 30 MB.
pub(crate) const HISTORIES_MAX: usize = 8_192;

/// A signal without samples for an hour starts with an empty history when it returns.
pub(crate) const FORGOTTEN_AFTER_MS: u64 = 60 * 60_000;
