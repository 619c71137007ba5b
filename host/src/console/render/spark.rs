//! Sparklines and bars.

/// Recent values as `▁▂▃▄▅▆▇█`, newest last, at most `width` of them.
#[must_use]
pub fn sparkline(values: &[f64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown: Vec<f64> = values
        .iter()
        .copied()
        .skip(values.len().saturating_sub(width))
        .collect();
    let finite = || shown.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        if !value.is_finite() {
            return ' ';
        }
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.0
        };
        // The thresholds 1/16, 3/16, … round to the nearest of eight bars without a cast.
        let step = BARS
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(step, _)| share >= STEPS.get(*step).copied().unwrap_or(1.0));
        step.map(|(_, bar)| *bar).max().unwrap_or('▁')
    };
    shown.into_iter().map(bar).collect()
}

/// From which share of the range each bar is used.
const STEPS: [f64; 8] = [0.0, 0.071, 0.214, 0.357, 0.5, 0.643, 0.786, 0.929];

/// A probability as `██████░░░░`.
pub(super) fn bar(share: f64, width: usize) -> String {
    let full = (1..=width)
        .filter(|cell| share >= (f64_of(*cell) - 0.5) / f64_of(width))
        .count();
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

fn f64_of(cells: usize) -> f64 {
    u32::try_from(cells).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_value_is_the_lowest_bar_and_the_highest_the_highest() {
        assert_eq!(
            sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 99),
            "▁▂▃▄▅▆▇█"
        );
        assert_eq!(sparkline(&[9.0, 5.0, 5.0], 2), "▁▁");
        assert_eq!(sparkline(&[0.0, f64::NAN, 9.0], 9), "▁ █");
        assert_eq!(sparkline(&[], 9), "");
    }

    #[test]
    fn a_bar_is_as_full_as_its_share() {
        assert_eq!(
            (bar(0.0, 4), bar(0.5, 4), bar(1.0, 4)),
            ("░░░░".into(), "██░░".into(), "████".into())
        );
    }
}
