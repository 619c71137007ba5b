//! Stage 3, in parallel with the checks: finds signals that leave their learned baseline.
//!
//! A pure function of the snapshots so far. It must never learn a fault as normal, and never report a
//! single deviating sample as an anomaly: see `detect/thresholds.rs`.

mod history;
mod peers;
mod sources;
mod thresholds;

use history::{Band, History};
use operator_data::{Sample, Snapshot};
use operator_model::knowledge::{Direction, KnowledgeBase, Signal};
use operator_model::sentence::deviation;
use operator_model::{Anomaly, Detection, EntityId, Reading, Scalar, SignalId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use thresholds::{FORGOTTEN_AFTER_MS, HISTORIES_MAX};

/// Tracks every signal of the knowledge base for every entity.
#[derive(Debug, Clone)]
pub struct Detector {
    signals: Arc<[Signal]>,
    histories: BTreeMap<(SignalId, EntityId), History>,
}

impl Detector {
    /// A detector without any baseline.
    #[must_use]
    pub fn new(knowledge: &KnowledgeBase) -> Self {
        let mut signals = knowledge.signals.clone();
        signals.sort_by(|a, b| a.id.cmp(&b.id));
        Self {
            signals: signals.into(),
            histories: BTreeMap::new(),
        }
    }

    /// Reads every signal of the snapshot and reports which have left their baseline.
    pub fn detect(&mut self, snapshot: &Snapshot) -> Detection {
        self.forget_long_gone(snapshot.taken_at);
        let mut detection = Detection::default();
        for signal in Arc::clone(&self.signals).iter() {
            self.track(signal, snapshot, &mut detection);
        }
        detection
    }

    fn track(&mut self, signal: &Signal, snapshot: &Snapshot, detection: &mut Detection) {
        let samples = sources::read(signal, snapshot);
        for (entity, sample) in &samples {
            let Some(history) = self.history(signal, entity) else {
                continue;
            };
            history.observe(*sample, Band::of(signal));
            let reading = history.reading(sample.value, Band::of(signal));
            if let Some(onset) = history.anomaly_since() {
                detection
                    .anomalies
                    .push(anomaly(signal, entity, onset, &reading));
            }
            detection
                .readings
                .insert((signal.id.clone(), entity.clone()), reading);
        }
        peers::mark(signal, detection);
        self.report_gone(signal, &samples, detection);
    }

    fn history(&mut self, signal: &Signal, entity: &EntityId) -> Option<&mut History> {
        let key = (signal.id.clone(), entity.clone());
        if !self.histories.contains_key(&key) && self.histories.len() >= HISTORIES_MAX {
            return None;
        }
        Some(self.histories.entry(key).or_default())
    }

    fn report_gone(
        &self,
        signal: &Signal,
        samples: &BTreeMap<EntityId, Sample>,
        detection: &mut Detection,
    ) {
        let from = (signal.id.clone(), EntityId(String::new()));
        for ((id, entity), history) in self.histories.range(from..) {
            if id != &signal.id {
                break;
            }
            if !samples.contains_key(entity) {
                detection
                    .readings
                    .insert((id.clone(), entity.clone()), history.reading_when_gone());
            }
        }
    }

    fn forget_long_gone(&mut self, now: Timestamp) {
        self.histories
            .retain(|_, history| now.since_ms(history.newest_at()) < FORGOTTEN_AFTER_MS);
    }
}

fn anomaly(
    signal: &Signal,
    entity: &EntityId,
    onset: (Timestamp, Timestamp),
    reading: &Reading,
) -> Anomaly {
    let scalar = |value: Option<f64>| value.map_or(Scalar::Null, Scalar::Float);
    let usual = reading.median.map(Scalar::Float);
    let deviation = deviation(&scalar(reading.value), usual.as_ref(), Some(&signal.unit));
    let summary = format!("{} {deviation}", signal.title);
    Anomaly {
        signal: signal.id.clone(),
        entity: entity.clone(),
        onset,
        summary,
    }
}

/// Whether a signed deviation is in the bad direction.
fn is_bad(direction: Direction, signed: f64) -> bool {
    match direction {
        Direction::Up => signed > 0.0,
        Direction::Down => signed < 0.0,
        Direction::Either => signed.abs() > 0.0,
    }
}

#[cfg(test)]
mod tests;
