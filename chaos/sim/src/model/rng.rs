//! The only source of chance: xoshiro256++, seeded through splitmix64 (both by Blackman and Vigna, public domain).

use super::number::{real, whole};

/// A generator. The same seed produces the same numbers on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator for this seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut mixer = seed;
        let mut word = || {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixer;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self {
            state: [word(), word(), word(), word()],
        }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        let [mut a, mut b, mut c, mut d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = d.rotate_left(45);
        self.state = [a, b, c, d];
        result
    }

    /// Uniform in 0 to 1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits fill the mantissa.
        real(self.bits() >> 11) / real(1 << 53)
    }

    /// Uniform between two measures.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in whole milliseconds, from `low` and below `high`.
    pub(crate) fn between_ms(&mut self, low: u64, high: u64) -> u64 {
        whole(self.between(real(low), real(high)))
    }

    /// A factor around 1, for noise of plus or minus `share`.
    pub(crate) fn noise(&mut self, share: f64) -> f64 {
        self.between(1.0 - share, 1.0 + share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut one = Rng::seeded(7);
        let mut two = Rng::seeded(7);
        let mut other = Rng::seeded(8);
        let first: Vec<u64> = (0..5).map(|_| one.bits()).collect();
        assert_eq!(first, (0..5).map(|_| two.bits()).collect::<Vec<_>>());
        assert_ne!(first, (0..5).map(|_| other.bits()).collect::<Vec<_>>());
    }

    #[test]
    fn uniform_numbers_fill_their_interval() {
        let mut rng = Rng::seeded(1);
        let draws: Vec<f64> = (0..10_000).map(|_| rng.between(10.0, 20.0)).collect();
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!(draws.iter().all(|draw| (10.0..20.0).contains(draw)));
        assert!((14.9..15.1).contains(&mean), "{mean}");
    }
}
