//! Every bound that a user may change, with its unit and its reason.

use operator_data::series::SeriesLimits;
use operator_net::egress::EgressLimits;
use serde::Serialize;

/// The bounds of the operator itself. What a plugin may use up is bounded by `[plugin_limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How long one observation may take, in milliseconds. A tick that needs longer is incomplete,
    /// and what is missing is named; five seconds is what a person waits for `operator check`.
    pub tick_deadline_ms: u64,
    /// Earlier ticks whose tables checks can look back at. They share unchanged columns.
    pub history_ticks: usize,
    /// Traffic of the subject.
    pub egress: EgressLimits,
    /// Collected series.
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
