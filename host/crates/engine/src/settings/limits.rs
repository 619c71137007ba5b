//! Every bound that a user may change, with its unit and its reason.

use operator_data::series::SeriesLimits;
use operator_net::egress::EgressLimits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The bounds of the operator itself. What a plugin may use up is bounded by `[plugin_limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Duration of one observation. A person waits five seconds for `operator check`.
    #[schemars(extend("x-unit" = "ms", "x-when-reached" = "the rest is left out and an observation gap reports it"))]
    pub tick_deadline_ms: u64,
    /// Earlier ticks whose tables checks can read. They share unchanged columns.
    #[schemars(extend("x-unit" = "ticks", "x-when-reached" = "older ticks are forgotten"))]
    pub history_ticks: usize,
    /// Traffic of the subject.
    #[serde(flatten)]
    pub egress: EgressLimits,
    /// Collected series.
    #[serde(flatten)]
    pub series: SeriesLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tick_deadline_ms: 5_000,
            history_ticks: 16,
            egress: EgressLimits::default(),
            series: SeriesLimits::default(),
        }
    }
}
