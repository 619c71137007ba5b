//! What PD is doing: operators, each a leader transfer for now.

use crate::sim::ids::{RegionId, StoreId};
use std::collections::BTreeMap;

/// A leader transfer times out after this (`pd: pkg/schedule/operator/`).
pub(crate) const FAST_TIMEOUT_MS: u64 = 60_000;

/// A running operator.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// The scheduler that made it; also the metric's type.
    pub kind: &'static str,
    /// The region.
    pub region: RegionId,
    /// Where its leader was when it was made.
    pub from: StoreId,
    /// Where it shall be.
    pub to: StoreId,
    /// The region's epoch.
    pub epoch: (u64, u64),
    /// The region's size.
    pub size_mib: u64,
    /// When it was made.
    pub created_ms: u64,
}

/// Running operators, one for a region at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operators {
    /// By region.
    pub running: BTreeMap<RegionId, Operator>,
}

impl Operators {
    /// How many a scheduler has running.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.running.values().filter(|operator| operator.kind == kind).count()
    }

    /// Takes those whose time is over.
    pub(crate) fn take_expired(&mut self, now_ms: u64) -> Vec<Operator> {
        let expired = |operator: &Operator| now_ms.saturating_sub(operator.created_ms) >= FAST_TIMEOUT_MS;
        let taken = self.running.values().filter(|operator| expired(operator)).cloned().collect();
        self.running.retain(|_, operator| !expired(operator));
        taken
    }
}

impl Operator {
    /// What it does, in PD's words.
    pub(crate) fn brief(&self) -> String {
        format!("{} {{transfer leader: store {} to {}}}", self.kind, self.from, self.to)
    }

    /// Its only step.
    pub(crate) fn step(&self) -> String {
        format!("transfer leader from store {} to store {}", self.from, self.to)
    }
}
