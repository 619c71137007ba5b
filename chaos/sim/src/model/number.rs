//! Conversions between counts and measures. The model computes in `f64` and shows whole numbers.

/// A count as a measure. Exact up to 2^53, far above anything the model counts.
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// A length as a measure.
pub(crate) fn real_len(length: usize) -> f64 {
    length as f64
}

/// The whole part of a measure; negative and not-a-number are 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, which is what is meant"
)]
pub(crate) fn whole(measure: f64) -> u64 {
    measure as u64
}
