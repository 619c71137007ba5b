//! The outlier rule: whether one entity differs from the others of its kind.

/// An outlier lies more than this many median absolute deviations above the median of the others.
pub const DEVIATIONS: f64 = 5.0;

/// It also exceeds this multiple of their median: machines that share a load differ by less.
pub const FACTOR: f64 = 2.0;

/// With fewer others, each of two values is equally far from the other.
pub const OTHERS_MIN: usize = 2;

/// Median of the finite values; `None` if there is none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    let lower = middle.checked_sub(1).and_then(|index| sorted.get(index))?;
    sorted
        .get(middle)
        .map(|upper| f64::midpoint(*lower, *upper))
}

/// Whether `value` is an outlier above the others. False with fewer than [`OTHERS_MIN`] others.
#[must_use]
pub fn is_outlier(value: f64, others: &[f64]) -> bool {
    let Some(center) = median(others).filter(|_| others.len() >= OTHERS_MIN) else {
        return false;
    };
    let distances: Vec<f64> = others.iter().map(|other| (other - center).abs()).collect();
    let spread = median(&distances).unwrap_or(0.0);
    value > center + DEVIATIONS * spread && value > FACTOR * center
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_far_value_is_an_outlier_and_two_high_ones_are_not() {
        assert!(is_outlier(0.4, &[0.01, 0.02]));
        assert!(!is_outlier(0.4, &[0.01, 0.3]), "another one is high too");
        assert!(
            !is_outlier(0.019, &[0.01, 0.01]),
            "less than twice the others"
        );
    }

    #[test]
    fn one_other_value_is_not_enough_for_a_comparison() {
        assert!(!is_outlier(9.0, &[0.01]));
    }

    #[test]
    fn the_median_of_an_even_number_of_values_is_the_midpoint() {
        assert_eq!(median(&[4.0, 1.0, f64::NAN]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
