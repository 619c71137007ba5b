//! The correct diagnosis of a fault, and the actions that help or harm.

use serde::{Deserialize, Serialize};

/// The correct diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The component at fault: `store/4`, `member/pd3`, `cluster`, `clients`, or `region/?` when it is chosen
    /// during the run. Absent when nothing is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The defect, in one phrase.
    pub mechanism: String,
    /// The parts of the system that suffer from it.
    pub scope: String,
    /// Words of which a correct diagnosis uses some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

/// A fault that may be mistaken for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// The other fault.
    pub fault: String,
    /// The observation that discriminates the two.
    pub decided_by: String,
}

/// Which actions help, and which harm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// Actions that an expert would take.
    #[serde(default)]
    pub best: Vec<String>,
    /// Actions that help or do no harm.
    #[serde(default)]
    pub acceptable: Vec<String>,
    /// Actions that make it worse.
    #[serde(default)]
    pub harmful: Vec<String>,
}
