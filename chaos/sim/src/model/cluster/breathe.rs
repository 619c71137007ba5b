//! Load that rises and falls without any fault: the clients' day, and their bursts.

use super::{Cluster, Event};
use crate::model::number::real;
use crate::noise::{Bursts, Day};
use std::f64::consts::TAU;

/// Load follows its wave in steps of so long.
const BREATH_MS: u64 = 5_000;

impl Cluster {
    /// A constant load needs no update.
    pub(super) fn begin_to_breathe(&mut self) {
        if self.config.noise.day.is_some() || self.config.noise.bursts.is_some() {
            self.after(BREATH_MS, Event::Breathe);
        }
    }

    /// What clients want of the usual load at this moment.
    pub(super) fn breathe(&mut self) {
        self.after(BREATH_MS, Event::Breathe);
        let now_ms = self.now_ms;
        let day = self.config.noise.day.map_or(1.0, |day| wave(day, now_ms));
        let burst = self
            .config
            .noise
            .bursts
            .map_or(1.0, |bursts| self.burst(bursts));
        self.clients.swing(now_ms, day * burst);
    }

    fn burst(&mut self, bursts: Bursts) -> f64 {
        let (from_ms, to_ms) = self.burst_ms;
        if self.now_ms >= to_ms {
            let pause_ms = self
                .rng
                .between_ms(bursts.every_s * 500, bursts.every_s * 1_500);
            let next_ms = self.now_ms + pause_ms;
            self.burst_ms = (next_ms, next_ms + bursts.for_s * 1_000);
            return 1.0;
        }
        if self.now_ms >= from_ms {
            bursts.factor
        } else {
            1.0
        }
    }
}

/// A day begins in its mean and rises.
fn wave(Day { swing, period_s }: Day, now_ms: u64) -> f64 {
    let period_ms = period_s * 1_000;
    1.0 + swing * (real(now_ms % period_ms) / real(period_ms) * TAU).sin()
}
