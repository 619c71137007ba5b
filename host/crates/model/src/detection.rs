//! The state of the subject's signals in one snapshot.

use crate::{EntityId, SignalId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value deviates from this robust z on. For normally distributed noise, 6 is reached once in
/// 10^9 samples; a hundred signals of a hundred entities sampled each second make 10^9 in a day.
pub const DEVIATING_Z: f64 = 6.0;

/// An anomaly lasts until the robust z is below this: the gap to [`DEVIATING_Z`] keeps a value that
/// hovers at the threshold from opening and closing an anomaly with every sample.
pub const CALM_Z: f64 = 4.0;

/// Closer to the baseline than this is called normal: three sigma, the usual control limit.
pub const NORMAL_Z: f64 = 3.0;

/// One signal of one entity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The newest value; absent when the entity had values and has none now.
    pub value: Option<f64>,
    /// Time of the newest sample that the value rests on, by the observed clock.
    pub at: Timestamp,
    /// Median of the baseline; absent while there are too few samples.
    pub median: Option<f64>,
    /// Interquartile range of the baseline.
    pub iqr: Option<f64>,
    /// Signed robust deviation from the baseline.
    pub robust_z: Option<f64>,
    /// Median of the other entities of the kind; absent when there are too few.
    pub peers_median: Option<f64>,
    /// The value from which on this entity is an outlier; absent if there are too few peers.
    pub outlier_limit: Option<f64>,
    /// Far from its baseline in the bad direction, for long enough, and still above [`CALM_Z`].
    pub anomalous: bool,
    /// Far from its baseline in the bad direction now; not yet for long enough when `anomalous` is false.
    pub deviating: bool,
    /// Far from the same signal of the other entities, in the bad direction.
    pub outlier: bool,
    /// Close to its baseline.
    pub normal: bool,
    /// It had values and has none now, which is not the same as zero.
    pub gone: bool,
    /// Recent values, oldest first.
    pub recent: Vec<f64>,
}

/// A signal that left its baseline in the bad direction and stayed there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Which signal.
    pub signal: SignalId,
    /// Of which entity.
    pub entity: EntityId,
    /// The last normal sample and the first deviating one: it began between them.
    pub onset: (Timestamp, Timestamp),
    /// One sentence with the value and the usual value.
    pub summary: String,
}

/// All signals of one snapshot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// By signal, then entity.
    pub readings: BTreeMap<(SignalId, EntityId), Reading>,
    /// Sorted by signal, then entity.
    pub anomalies: Vec<Anomaly>,
}

impl Detection {
    /// The reading of a signal of an entity.
    #[must_use]
    pub fn reading(&self, signal: &SignalId, entity: &EntityId) -> Option<&Reading> {
        self.readings.get(&(signal.clone(), entity.clone()))
    }

    /// All readings of a signal, by entity.
    pub fn of_signal<'a>(
        &'a self,
        signal: &'a SignalId,
    ) -> impl Iterator<Item = (&'a EntityId, &'a Reading)> {
        let from = (signal.clone(), EntityId(String::new()));
        self.readings
            .range(from..)
            .take_while(move |((id, _), _)| id == signal)
            .map(|((_, entity), reading)| (entity, reading))
    }
}
