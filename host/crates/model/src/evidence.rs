//! What a claim can cite.

use crate::{EntityId, EvidenceId, Scalar, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a value was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// A row of a table of the snapshot.
    Table,
    /// A query on collected series.
    Metrics,
    /// A signal of the subject's knowledge.
    Signal,
    /// The verdict of a check.
    Check,
    /// The operator's own state: an observation gap, a plugin failure.
    Operator,
}

/// One recorded observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Unique within its document.
    pub id: EvidenceId,
    /// Where it was read.
    pub source: EvidenceSource,
    /// The query, for example `stores[2].state` or `rate(cpu_seconds_total[1m])`.
    pub query: String,
    /// The entity it is about.
    pub entity: Option<EntityId>,
    /// First and last time that the value covers, by the observed clock.
    pub window: (Timestamp, Timestamp),
    /// When the value was last observed, if it cannot be observed now; absent while it is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// The value.
    pub value: Scalar,
    /// Unit of the value.
    pub unit: Option<String>,
    /// The usual value: the learned median, or the expectation in words.
    pub baseline: Option<Scalar>,
    /// Robust deviation from the baseline, where one was learned.
    pub robust_z: Option<f64>,
    /// Recent values of the signal, oldest first, for a sparkline; may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<f64>,
    /// True when the value is text of the observed system.
    pub tainted: bool,
}
