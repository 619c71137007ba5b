//! Latencies, kept in buckets that are at most 3 % wide, so that quantiles cost no memory.

/// Buckets of each power of two: 32 of them are 3 % wide.
const SUB_BITS: u32 = 5;
/// Powers of two: up to 2^40 µs, twelve days.
const POWERS: u32 = 40;

/// How long operations took, in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Latency {
    counts: Vec<u64>,
    count: u64,
    sum_us: u128,
    max_us: u64,
}

impl Default for Latency {
    fn default() -> Self {
        let buckets = ((POWERS - SUB_BITS + 1) as usize) << SUB_BITS;
        Self {
            counts: vec![0; buckets],
            count: 0,
            sum_us: 0,
            max_us: 0,
        }
    }
}

impl Latency {
    /// One operation took this long.
    pub(crate) fn record(&mut self, us: u64) {
        let last = self.counts.len().saturating_sub(1);
        if let Some(count) = self.counts.get_mut(index(us).min(last)) {
            *count += 1;
        }
        self.count += 1;
        self.sum_us += u128::from(us);
        self.max_us = self.max_us.max(us);
    }

    /// Takes over everything that another one saw.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum_us += other.sum_us;
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Operations seen.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub(crate) fn max_us(&self) -> u64 {
        self.max_us
    }

    /// The mean; 0 for none.
    pub(crate) fn mean_us(&self) -> u64 {
        let mean = self
            .sum_us
            .checked_div(u128::from(self.count))
            .unwrap_or_default();
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// The time within which this many of a million ended; 0 for none.
    pub(crate) fn quantile_us(&self, per_million: u64) -> u64 {
        let wanted = (u128::from(self.count) * u128::from(per_million)).div_ceil(1_000_000);
        let mut seen: u128 = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if *count > 0 && seen >= wanted {
                return upper_bound(index).min(self.max_us);
            }
        }
        self.max_us
    }
}

/// Exact up to 64, then the highest bits.
fn index(us: u64) -> usize {
    let power = u64::BITS - us.leading_zeros();
    if power <= SUB_BITS + 1 {
        return usize::try_from(us).unwrap_or(usize::MAX);
    }
    let shift = power - SUB_BITS - 1;
    let within = usize::try_from(us >> shift).unwrap_or(usize::MAX);
    ((shift as usize) << SUB_BITS) + within
}

/// The largest value of a bucket.
fn upper_bound(index: usize) -> u64 {
    let whole = 1_usize << SUB_BITS;
    if index < 2 * whole {
        return index as u64;
    }
    let shift = index / whole - 1;
    let within = index - (shift << SUB_BITS);
    ((within as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_values_are_within_three_percent() {
        let mut latency = Latency::default();
        (1..=100_000).for_each(|us| latency.record(us));
        for (per_million, exact) in [
            (500_000, 50_000.0),
            (990_000, 99_000.0),
            (999_000, 99_900.0),
        ] {
            let found = latency.quantile_us(per_million) as f64;
            assert!(
                (found / exact - 1.0).abs() < 0.032,
                "{per_million}: {found}"
            );
        }
        assert_eq!(
            (latency.count(), latency.max_us(), latency.mean_us()),
            (100_000, 100_000, 50_000)
        );
        assert_eq!(latency.quantile_us(1_000_000), 100_000);
    }

    #[test]
    fn small_values_are_exact_and_huge_ones_do_not_break_it() {
        let mut latency = Latency::default();
        latency.record(7);
        assert_eq!(latency.quantile_us(500_000), 7);
        latency.record(u64::MAX);
        assert_eq!(latency.max_us(), u64::MAX);
        assert_eq!(Latency::default().quantile_us(500_000), 0);
    }

    #[test]
    fn every_value_is_in_the_bucket_that_ends_at_or_after_it() {
        for us in (0..2_000).chain([65_535, 65_536, 1 << 30]) {
            let bucket = index(us);
            assert!(upper_bound(bucket) >= us, "{us}");
            assert!(bucket == 0 || upper_bound(bucket - 1) < us, "{us}");
        }
    }

    #[test]
    fn two_halves_are_the_whole() {
        let mut all = Latency::default();
        let mut one = Latency::default();
        let mut two = Latency::default();
        for us in 0..1_000 {
            all.record(us);
            if us % 2 == 0 {
                one.record(us)
            } else {
                two.record(us)
            }
        }
        one.add(&two);
        assert_eq!(
            (one.quantile_us(900_000), one.count()),
            (all.quantile_us(900_000), all.count())
        );
    }
}
