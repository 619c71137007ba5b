//! What could be done, what is recommended, and why.

use crate::knowledge::Risk;
use serde::{Deserialize, Serialize};

/// Whether a machine acts. It never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionMode {
    /// Operator recommends, a person acts.
    ObserveOnly,
}

/// An option of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketOption {
    /// Id of the action.
    pub action: String,
    /// For people.
    pub title: String,
    /// What it does.
    pub effect: String,
    /// How risky.
    pub risk: Risk,
    /// What the risk is.
    pub risk_note: String,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// How; empty when it cannot be.
    pub reversal: String,
    /// What must be true before.
    pub preconditions: Vec<String>,
    /// What a person would run, filled in for the component.
    pub commands: Vec<String>,
    /// Why it fits or does not, under the likeliest hypotheses.
    pub because: String,
    /// Expected value over the hypotheses, -1 to 1.
    pub expected_value: f64,
}

impl TicketOption {
    /// What decides between options: the expected value, less what it costs to dare it while the cause is
    /// open. Then a low risk must promise a third of a cure more than none, and a higher one is never taken.
    #[must_use]
    pub fn merit(&self, cause_is_open: bool) -> f64 {
        let caution = match self.risk {
            _ if !cause_is_open => 0.0,
            Risk::None => 0.0,
            Risk::Low if self.reversible => 0.3,
            Risk::Low | Risk::Medium | Risk::High => 3.0,
        };
        self.expected_value - caution
    }
}

/// The recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Action id of the recommended option.
    pub option: String,
    /// Always observe-only.
    pub mode: DecisionMode,
    /// What would change it.
    pub revisit_when: String,
}
