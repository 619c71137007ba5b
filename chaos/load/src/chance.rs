//! Chance that a seed decides.

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and good enough for picking keys.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    /// The same seed and stream give the same numbers.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self {
            state: seed ^ stream.wrapping_mul(0xA24B_AED4_963E_E407),
        };
        chance.next();
        chance
    }

    /// Any 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.state)
    }

    /// At least 0, below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end.max(1));
        u64::try_from(wide >> 64).unwrap_or_default()
    }
}

/// Spreads neighbours over all 64 bits.
pub(crate) fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Which of `n` is picked: some far more often than others, and a few hot ones more often still.
#[derive(Debug, Clone)]
pub(crate) struct Skew {
    n: u64,
    exponent: f64,
    /// The integral of the density up to 1.5 and up to n + 0.5.
    integral: (f64, f64),
    shortcut: f64,
    hot: u64,
    hot_share: f64,
}

impl Skew {
    /// Ranks 1 to `n` with weights rank^-exponent.
    #[expect(clippy::cast_precision_loss, reason = "keys are at most a billion")]
    pub(crate) fn new(n: u64, exponent: f64, hot: u64, hot_share: f64) -> Self {
        let mut skew = Self {
            n: n.max(1),
            exponent,
            integral: (0.0, 0.0),
            shortcut: 0.0,
            hot: hot.min(n),
            hot_share,
        };
        skew.integral = (
            skew.integral(1.5) - 1.0,
            skew.integral(n.max(1) as f64 + 0.5),
        );
        skew.shortcut = 2.0 - skew.inverse(skew.integral(2.5) - 2.0_f64.powf(-exponent));
        skew
    }

    /// A number below n. The popular ones are spread over the whole range, as popular users are.
    pub(crate) fn pick(&self, chance: &mut Chance) -> u64 {
        if self.hot > 0 && chance.share() < self.hot_share {
            return mixed(chance.below(self.hot)) % self.n;
        }
        if self.exponent <= 0.0 {
            return chance.below(self.n);
        }
        mixed(self.rank(chance)) % self.n
    }

    /// A rank from 1 on, by rejection-inversion (Hörmann, Derflinger 1996): no table, any n.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is clamped to 1..=n before it is cast"
    )]
    fn rank(&self, chance: &mut Chance) -> u64 {
        let (low, high) = self.integral;
        loop {
            let u = high + chance.share() * (low - high);
            let x = self.inverse(u);
            let rank = x.round().clamp(1.0, self.n as f64);
            if rank - x <= self.shortcut
                || u >= self.integral(rank + 0.5) - rank.powf(-self.exponent)
            {
                return rank as u64;
            }
        }
    }

    fn integral(&self, x: f64) -> f64 {
        if self.is_harmonic() {
            x.ln()
        } else {
            (x.powf(1.0 - self.exponent) - 1.0) / (1.0 - self.exponent)
        }
    }

    fn inverse(&self, x: f64) -> f64 {
        if self.is_harmonic() {
            x.exp()
        } else {
            (1.0 + x * (1.0 - self.exponent)).powf(1.0 / (1.0 - self.exponent))
        }
    }

    fn is_harmonic(&self) -> bool {
        (self.exponent - 1.0).abs() < 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const PICKS: u64 = 200_000;

    fn shares(exponent: f64) -> Vec<f64> {
        let skew = Skew::new(1_000, exponent, 0, 0.0);
        let mut chance = Chance::new(7, 0);
        let mut counts = vec![0_u64; 1_001];
        (0..PICKS).for_each(|_| counts[usize::try_from(skew.rank(&mut chance)).unwrap()] += 1);
        counts
            .iter()
            .map(|count| *count as f64 / PICKS as f64)
            .collect()
    }

    #[test]
    fn ranks_come_as_often_as_the_law_says() {
        for exponent in [0.5, 0.99, 1.0, 1.5] {
            let total: f64 = (1..=1_000)
                .map(|rank| f64::from(rank).powf(-exponent))
                .sum();
            let shares = shares(exponent);
            for rank in [1_u32, 2, 10, 100] {
                let expected = f64::from(rank).powf(-exponent) / total;
                let found = shares[rank as usize];
                assert!(
                    (found - expected).abs() < 0.1 * expected + 0.001,
                    "{exponent} {rank}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn hot_keys_get_their_share() {
        let skew = Skew::new(1_000_000, 0.0, 3, 0.5);
        let mut chance = Chance::new(7, 0);
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        (0..10_000).for_each(|_| *counts.entry(skew.pick(&mut chance)).or_default() += 1);
        let mut most: Vec<u64> = counts.into_values().collect();
        most.sort_unstable_by(|a, b| b.cmp(a));
        let hot: u64 = most.iter().take(3).sum();
        assert!((4_700..5_300).contains(&hot), "{hot}");
    }

    #[test]
    fn the_seed_decides_and_streams_differ() {
        let of = |seed, stream| Chance::new(seed, stream).next();
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
    }

    #[test]
    fn picks_stay_below_the_end() {
        let mut chance = Chance::new(1, 1);
        assert!((0..1_000).all(|_| chance.below(3) < 3));
        let one = Skew::new(1, 0.99, 0, 0.0);
        assert!((0..100).all(|_| one.pick(&mut chance) == 0));
    }
}
