//! Snapshots of the last ticks, and the verdicts of a new version on them before they are used.

use crate::CheckSet;
use crate::history::CheckHistory;
use crate::run::jobs;
use crate::version::Version;
use operator_data::Snapshot;
use operator_model::{CheckId, Status, Verdict};
use parking_lot::MutexGuard;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Samples of series that all kept snapshots may hold, counted as if they shared none: 128 MB.
const SAMPLES_MAX: usize = 8 << 20;

/// The last snapshots, and the last ones on which something failed.
#[derive(Default)]
pub(super) struct SnapshotHistory {
    last: VecDeque<KeptSnapshot>,
    fired: VecDeque<KeptSnapshot>,
}

/// One snapshot with its verdicts.
#[derive(Clone)]
struct KeptSnapshot {
    snapshot: Arc<Snapshot>,
    statuses: Arc<BTreeMap<CheckId, Status>>,
    samples: usize,
}

impl SnapshotHistory {
    /// Keeps one more, within the bounds.
    pub(super) fn keep(
        &mut self,
        snapshot: &Arc<Snapshot>,
        verdicts: &[Verdict],
        snapshots_max: usize,
    ) {
        if snapshots_max == 0 {
            return;
        }
        let statuses = verdicts
            .iter()
            .map(|verdict| (verdict.check.clone(), verdict.status))
            .collect();
        let samples = snapshot.series.all().map(|(_, series)| series.len()).sum();
        let kept = KeptSnapshot {
            snapshot: Arc::clone(snapshot),
            statuses: Arc::new(statuses),
            samples,
        };
        self.last.push_back(kept);
        while self.last.len() > snapshots_max {
            let oldest = self.last.pop_front();
            self.fired.extend(oldest.filter(KeptSnapshot::fired));
        }
        while self.fired.len() > snapshots_max {
            self.fired.pop_front();
        }
        while self.samples() > SAMPLES_MAX && self.last.len() > 1 {
            if self.fired.pop_front().is_none() {
                self.last.pop_front();
            }
        }
    }

    fn samples(&self) -> usize {
        self.fired
            .iter()
            .chain(&self.last)
            .map(|kept| kept.samples)
            .sum()
    }

    /// All, oldest first.
    fn all(&self) -> Vec<KeptSnapshot> {
        self.fired.iter().chain(&self.last).cloned().collect()
    }
}

impl KeptSnapshot {
    fn fired(&self) -> bool {
        self.statuses.values().any(|status| *status == Status::Fail)
    }
}

impl CheckSet {
    pub(super) fn ring(&self) -> MutexGuard<'_, SnapshotHistory> {
        self.ring.lock()
    }

    /// Runs a version on the kept snapshots, in their order, in the background. Returns the checks
    /// whose verdicts differ from the recorded ones.
    ///
    /// # Errors
    /// What it did wrong.
    pub(super) fn rehearse(
        &self,
        source: &str,
        version: &Arc<Version>,
    ) -> Result<BTreeSet<CheckId>, String> {
        let kept = self.ring().all();
        let (mut history, limits, mut differs) = (
            CheckHistory::default(),
            self.engine.limits(),
            BTreeSet::new(),
        );
        let count = kept.len();
        for KeptSnapshot {
            snapshot, statuses, ..
        } in kept
        {
            let jobs = jobs(&history, source, version, &snapshot, true);
            for ended in self.evaluate_all(jobs, &snapshot) {
                let check = &ended.job.check.id;
                let Some(evaluated) = ended.evaluated else {
                    continue;
                };
                match evaluated.result {
                    Ok(outcome) => {
                        if statuses
                            .get(check)
                            .is_some_and(|status| *status != outcome.status)
                        {
                            differs.insert(check.clone());
                        }
                        history.succeeded(check, outcome.state, snapshot.tick, limits);
                    }
                    Err(failure) if failure.is_strike() => {
                        let tick = snapshot.tick.0;
                        return Err(format!(
                            "rehearsed on {count} snapshots, tick {tick}: {check}: it {failure}"
                        ));
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(differs)
    }
}
