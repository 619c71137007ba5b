//! The history of one signal of one entity: a held-out tail, a baseline, and a run of deviating samples.

use super::is_bad;
use super::thresholds::{
    BASELINE_DENSE_SAMPLES, BASELINE_SAMPLES_MAX, BASELINE_SAMPLES_MIN, BASELINE_SPACING_MS,
    CALM_Z, DEVIATING_Z, HELD_OUT_SAMPLES, IQR_PER_SIGMA, NORMAL_Z, RECENT_SAMPLES,
    RELEARN_AFTER_MS, RUN_SAMPLES, SPREAD_SHARE_OF_MEDIAN,
};
use operator_data::Sample;
use operator_model::knowledge::{Direction, Signal};
use operator_model::statistics::{interquartile_range, median};
use operator_model::{Reading, Timestamp};
use std::collections::VecDeque;

/// What the signal declares as a relevant deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    bad: Direction,
    floor: f64,
}

impl Band {
    pub(super) fn of(signal: &Signal) -> Self {
        Self {
            bad: signal.bad,
            floor: signal.floor,
        }
    }
}

/// Median and spread of what is normal.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    median: f64,
    iqr: f64,
}

impl Baseline {
    /// The floor is divided by [`DEVIATING_Z`], so a deviation of exactly the floor is the smallest that
    /// deviates.
    fn robust_z(self, value: f64, floor: f64) -> f64 {
        let spread = (self.iqr / IQR_PER_SIGMA)
            .max(floor / DEVIATING_Z)
            .max(SPREAD_SHARE_OF_MEDIAN * self.median.abs());
        let distance = value - self.median;
        if spread > 0.0 {
            distance / spread
        } else if distance == 0.0 {
            0.0
        } else {
            // A signal without floor that was always exactly zero: any other value is as far away as possible.
            distance.signum() * Z_MAX
        }
    }
}

/// Larger deviations carry no more information, and JSON cannot represent infinity.
const Z_MAX: f64 = 1_000.0;

/// Deviating samples in a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    onset: (Timestamp, Timestamp),
    deviating: u32,
    calm: u32,
    last_at: Timestamp,
}

impl Run {
    fn is_anomaly(&self) -> bool {
        self.deviating >= RUN_SAMPLES
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct History {
    recent: VecDeque<Sample>,
    settled: VecDeque<Sample>,
    baseline: Option<Baseline>,
    last_normal_at: Option<Timestamp>,
    run: Option<Run>,
    /// Samples up to here belong to an anomaly that is over, and are never learned.
    learn_after: Timestamp,
}

impl History {
    /// Adds a sample, unless it was added before.
    pub(super) fn observe(&mut self, sample: Sample, band: Band) {
        if self
            .recent
            .back()
            .is_some_and(|newest| sample.at <= newest.at)
        {
            return;
        }
        if let Some(z) = self.z_of(sample.value, band) {
            self.update_run(sample.at, z, band);
        }
        self.recent.push_back(sample);
        self.settle();
        while self.recent.len() > RECENT_SAMPLES {
            self.recent.pop_front();
        }
    }

    pub(super) fn newest_at(&self) -> Timestamp {
        self.recent.back().map_or(Timestamp(0), |sample| sample.at)
    }

    /// When the current anomaly began: after the first time, and at the second one at the latest.
    pub(super) fn anomaly_since(&self) -> Option<(Timestamp, Timestamp)> {
        self.run.filter(Run::is_anomaly).map(|run| run.onset)
    }

    /// The reading of this value, which may be newer than the newest sample.
    pub(super) fn reading(&self, value: f64, band: Band) -> Reading {
        let z = self.z_of(value, band);
        let is_lasting = self.anomaly_since().is_some();
        Reading {
            value: Some(value),
            at: self.newest_at(),
            median: self.baseline.map(|baseline| baseline.median),
            iqr: self.baseline.map(|baseline| baseline.iqr),
            robust_z: z,
            anomalous: is_lasting && z.is_some_and(|z| z.abs() >= CALM_Z && is_bad(band.bad, z)),
            deviating: z.is_some_and(|z| deviates(z, band.bad)),
            normal: !is_lasting && z.is_some_and(|z| z.abs() < NORMAL_Z),
            recent: self.recent.iter().map(|sample| sample.value).collect(),
            ..Reading::default()
        }
    }

    fn z_of(&self, value: f64, band: Band) -> Option<f64> {
        self.baseline
            .map(|baseline| baseline.robust_z(value, band.floor).clamp(-Z_MAX, Z_MAX))
    }

    pub(super) fn reading_when_gone(&self) -> Reading {
        let recent = self.recent.iter().map(|sample| sample.value).collect();
        Reading {
            gone: true,
            at: self.newest_at(),
            recent,
            ..Reading::default()
        }
    }

    /// Continues, begins or ends the run of deviating samples.
    fn update_run(&mut self, at: Timestamp, z: f64, band: Band) {
        if z.abs() < NORMAL_Z {
            self.last_normal_at = Some(at);
        }
        if deviates(z, band.bad) {
            let began = (self.last_normal_at.unwrap_or(at), at);
            let run = self.run.get_or_insert(Run {
                onset: began,
                deviating: 0,
                calm: 0,
                last_at: at,
            });
            run.deviating = run.deviating.saturating_add(1);
            run.calm = 0;
            run.last_at = at;
        } else if let Some(run) = &mut self.run {
            let calm = z.abs() < CALM_Z || !is_bad(band.bad, z);
            run.calm = if calm {
                run.calm.saturating_add(1)
            } else {
                run.calm
            };
            if run.is_anomaly() && run.calm >= RUN_SAMPLES {
                self.learn_after = run.last_at;
                self.run = None;
            } else if !run.is_anomaly() {
                self.run = None;
            }
        }
        if self
            .run
            .is_some_and(|run| run.is_anomaly() && at.since_ms(run.onset.1) >= RELEARN_AFTER_MS)
        {
            self.relearn();
        }
    }

    fn relearn(&mut self) {
        self.run = None;
        self.settled.clear();
        self.baseline = None;
        self.last_normal_at = None;
    }

    /// Moves the sample that leaves the held-out tail into the baseline, unless an anomaly lasts.
    fn settle(&mut self) {
        if self.anomaly_since().is_some() {
            return;
        }
        let Some(position) = self.recent.len().checked_sub(HELD_OUT_SAMPLES + 1) else {
            return;
        };
        let Some(sample) = self.recent.get(position).copied() else {
            return;
        };
        let dense = self.settled.len() < BASELINE_DENSE_SAMPLES;
        let gap_ms = self
            .settled
            .back()
            .map_or(u64::MAX, |last| sample.at.since_ms(last.at));
        if sample.at <= self.learn_after || gap_ms == 0 || (!dense && gap_ms < BASELINE_SPACING_MS)
        {
            return;
        }
        self.settled.push_back(sample);
        if self.settled.len() > BASELINE_SAMPLES_MAX {
            self.settled.pop_front();
        }
        self.learn();
    }

    fn learn(&mut self) {
        if self.settled.len() < BASELINE_SAMPLES_MIN {
            return;
        }
        let values: Vec<f64> = self.settled.iter().map(|sample| sample.value).collect();
        self.baseline = median(&values)
            .zip(interquartile_range(&values))
            .map(|(median, iqr)| Baseline { median, iqr });
    }
}

fn deviates(z: f64, bad: Direction) -> bool {
    z.abs() >= DEVIATING_Z && is_bad(bad, z)
}
