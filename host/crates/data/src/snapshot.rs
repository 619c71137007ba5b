//! One tick's frozen observations.

use crate::{SeriesStore, Table};
use operator_model::{Digest, ObservationGap, Tick, Timestamp, Topology};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that checks, detectors and diagnosis may look at. Shared by `Arc`, never changed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which tick.
    pub tick: Tick,
    /// Time by the observed clock: holds, windows and rates use it.
    pub taken_at: Timestamp,
    /// Time by the operator's own clock.
    pub host_at: Timestamp,
    /// Name of the subject plugin.
    pub subject: String,
    /// Which system was observed; empty while unknown.
    pub system: String,
    /// Tables by name.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// The tables of earlier ticks, the last tick first, bounded by `limits.history_ticks`.
    pub past: Vec<Arc<BTreeMap<String, Arc<Table>>>>,
    /// All series as they were when the tick was frozen.
    pub series: Arc<SeriesStore>,
    /// Parts and edges.
    pub topology: Topology,
    /// What could not be seen, sorted.
    pub blind: Vec<ObservationGap>,
    /// sha256 over tables, topology and observation gaps in a fixed order.
    pub hash: Digest,
}

impl Snapshot {
    /// A tick in which nothing was seen.
    #[must_use]
    pub fn nothing(tick: Tick) -> Self {
        Self {
            tick,
            taken_at: Timestamp::default(),
            host_at: Timestamp::default(),
            subject: String::new(),
            system: String::new(),
            tables: BTreeMap::new(),
            past: Vec::new(),
            series: Arc::default(),
            topology: Topology::default(),
            blind: Vec::new(),
            hash: Digest(String::new()),
        }
    }
}
