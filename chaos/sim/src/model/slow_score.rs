//! The slow score that a store computes for itself (`tikv: components/health_controller/src/slow_score.rs`).

/// Probes are sent every 100 ms.
pub(crate) const PROBES_PER_SECOND: f64 = 10.0;
/// A probe that takes longer has timed out.
pub(crate) const PROBE_TIMEOUT_MS: f64 = 100.0;
/// A round takes so long.
pub(crate) const ROUND_MS: u64 = 3_000;
/// PD evicts leaders at this score, and it goes no higher.
pub(crate) const SCORE_MAX: f64 = 100.0;
/// From here on PD calls the store slow.
pub(crate) const SCORE_SLOW: f64 = 80.0;
/// A round with this share of timeouts doubles the score.
const TIMEOUT_SHARE: f64 = 0.1;

/// 1 is healthy, 100 is as slow as it gets.
#[derive(Debug, Clone)]
pub(crate) struct SlowScore {
    score: f64,
    probes: f64,
    timeouts: f64,
}

impl SlowScore {
    /// A healthy store.
    pub(crate) fn new() -> Self {
        Self {
            score: 1.0,
            probes: 0.0,
            timeouts: 0.0,
        }
    }

    /// Probes came back, or did not.
    pub(crate) fn record(&mut self, probes: f64, timed_out_share: f64) {
        self.probes += probes;
        self.timeouts += probes * timed_out_share;
    }

    /// A round ends.
    pub(crate) fn end_round(&mut self) {
        let share = if self.probes > 0.0 {
            self.timeouts / self.probes
        } else {
            0.0
        };
        self.score = if share >= TIMEOUT_SHARE {
            self.score * 2.0
        } else {
            self.score - 1.0
        }
        .clamp(1.0, SCORE_MAX);
        (self.probes, self.timeouts) = (0.0, 0.0);
    }

    /// The score.
    pub(crate) fn score(&self) -> f64 {
        self.score
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_rounds(score: &mut SlowScore, rounds: u32, timed_out_share: f64) -> f64 {
        for _ in 0..rounds {
            score.record(30.0, timed_out_share);
            score.end_round();
        }
        score.score()
    }

    #[test]
    fn it_takes_seven_bad_rounds_to_the_top_and_five_minutes_back() {
        let mut score = SlowScore::new();
        assert!((after_rounds(&mut score, 6, 0.5) - 64.0).abs() < 0.01);
        assert!((after_rounds(&mut score, 1, 0.5) - SCORE_MAX).abs() < 0.01);
        assert!((after_rounds(&mut score, 99, 0.05) - 1.0).abs() < 0.01);
    }
}
