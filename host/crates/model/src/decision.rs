//! What can be done, what is recommended, and why.

use crate::knowledge::Risk;
use serde::{Deserialize, Serialize};

/// Whether Operator acts itself. It never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionMode {
    /// Operator recommends; a person acts.
    ObserveOnly,
}

/// An option of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketOption {
    /// Id of the action.
    pub action: String,
    /// Title of the action.
    pub title: String,
    /// What it does.
    pub effect: String,
    /// Risk level.
    pub risk: Risk,
    /// What the risk is.
    pub risk_note: String,
    /// Whether it can be undone.
    pub reversible: bool,
    /// How to undo it; empty if it cannot be undone.
    pub reversal: String,
    /// What must be true before it is run.
    pub preconditions: Vec<String>,
    /// Commands to run, filled in for the component.
    pub commands: Vec<String>,
    /// Why it helps or does not, under the likeliest hypotheses.
    pub because: String,
    /// Expected value over the hypotheses, -1 to 1.
    pub expected_value: f64,
    /// It cannot be undone or has a high risk, and is not the best remedy of the likeliest cause: it is
    /// never recommended because nothing better is left.
    #[serde(default)]
    pub last_resort: bool,
}

/// What must not be done, although it suggests itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prohibition {
    /// Id of the action.
    pub action: String,
    /// Title of the action.
    pub title: String,
    /// What it would do.
    pub because: String,
}

impl TicketOption {
    /// What ranks the options: the expected value, less a penalty for risk while the cause is undetermined.
    /// Then a low risk must be worth at least 0.3 more than no risk, and a higher one is never recommended, as a
    /// last resort never is.
    #[must_use]
    pub fn merit(&self, cause_is_undetermined: bool) -> f64 {
        let caution = match self.risk {
            _ if self.last_resort => 3.0,
            _ if !cause_is_undetermined => 0.0,
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
    /// When to reconsider it.
    pub revisit_when: String,
}
