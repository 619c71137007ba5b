//! Telling one entity from the others of its kind.

/// A value is far from the others when it lies more than this many median absolute deviations above their median.
pub const DEVIATIONS: f64 = 5.0;

/// And when it is more than this many times their median: machines that share a load differ by less.
pub const FACTOR: f64 = 2.0;

/// With fewer others than this, each of two is as far from the other.
pub const OTHERS_MIN: usize = 2;

/// Median; `None` of nothing.
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

/// Whether `value` stands out above the others. False when there are too few others to say.
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
    fn one_far_value_stands_out_and_two_high_ones_do_not() {
        assert!(is_outlier(0.4, &[0.01, 0.02]));
        assert!(
            !is_outlier(0.4, &[0.01, 0.3]),
            "the others are high as well"
        );
        assert!(
            !is_outlier(0.019, &[0.01, 0.01]),
            "less than twice the others"
        );
    }

    #[test]
    fn nobody_stands_out_from_one_other() {
        assert!(!is_outlier(9.0, &[0.01]));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[4.0, 1.0, f64::NAN]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
