//! Order statistics that detection, diagnosis and the verifier must compute identically.

/// Middle of the values, the mean of the two middle ones for an even count; `None` for no values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Quantile by linear interpolation between the closest ranks (R type 7); `None` for no values.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks of a bounded list are far below 2^53 and never negative"
)]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let rank = q.clamp(0.0, 1.0) * (sorted.len().checked_sub(1)? as f64);
    let low = *sorted.get(rank.floor() as usize)?;
    let high = *sorted.get(rank.ceil() as usize)?;
    Some(low + (high - low) * (rank - rank.floor()))
}

/// Interquartile range; `None` for no values.
#[must_use]
pub fn interquartile_range(values: &[f64]) -> Option<f64> {
    Some(quantile(values, 0.75)? - quantile(values, 0.25)?)
}

/// Median of the absolute deviations from `center`; `None` for no values.
#[must_use]
pub fn median_absolute_deviation(values: &[f64], center: f64) -> Option<f64> {
    let deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    median(&deviations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_statistics_ignore_order_and_what_is_not_a_number() {
        assert_eq!(median(&[3.0, f64::NAN, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(interquartile_range(&[1.0, 2.0, 3.0, 4.0, 5.0]), Some(2.0));
        assert_eq!(median_absolute_deviation(&[1.0, 2.0, 9.0], 2.0), Some(1.0));
        assert_eq!(median(&[]), None);
    }
}
