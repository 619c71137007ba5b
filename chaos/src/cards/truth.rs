//! What is true while a card is played, and what may be done about it.

use super::{Card, Kind};
use crate::scenario;
use serde::{Deserialize, Serialize};

/// The right answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// What is at fault: `store/4`, `member/pd3`, `cluster`, `clients`, or `region/?` where only the run can tell.
    /// Absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What is wrong with it, in one phrase.
    pub mechanism: String,
    /// Who suffers from it.
    pub scope: String,
    /// Words of which a right diagnosis uses some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

/// What may be taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// The other card.
    pub card: String,
    /// The one observation that decides.
    pub decided_by: String,
}

/// What one may do about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// What an expert would do.
    #[serde(default)]
    pub best: Vec<String>,
    /// Helps, or does no harm.
    #[serde(default)]
    pub acceptable: Vec<String>,
    /// Makes it worse.
    #[serde(default)]
    pub harmful: Vec<String>,
}

impl Card {
    /// The truth in the form that judges of runs use.
    pub(super) fn scenario_truth(&self) -> scenario::Truth {
        let named = self.truth.component.as_deref().unwrap_or_default();
        let (kind, key) = named.split_once('/').unwrap_or((named, ""));
        scenario::Truth {
            ticket: self.kind != Kind::Benign && self.truth.component.is_some(),
            component_kind: kind.to_owned(),
            component: if key == "?" {
                String::new()
            } else {
                key.to_owned()
            },
            component_aliases: aliases(kind, key),
            mechanism: self.truth.mechanism.clone(),
            words: self.truth.words.clone(),
            acceptable_actions: self.actions.acceptable.clone(),
            best_actions: self.actions.best.clone(),
            harmful_actions: self.actions.harmful.clone(),
        }
    }
}

/// Other names by which a ticket may call a component.
fn aliases(kind: &str, key: &str) -> Vec<String> {
    let (ports, index): (&[u64], Option<u64>) = match kind {
        // Stores are numbered 1, 4, 5, 6 …, as in a cluster whose first store bootstrapped it.
        "store" => (
            &[20_160, 20_180],
            key.parse::<u64>().ok().map(|id| id.saturating_sub(3)),
        ),
        "member" => (
            &[2_379],
            key.strip_prefix("pd")
                .and_then(|number| number.parse::<u64>().ok())
                .map(|n| (n - 1) * 100),
        ),
        _ => (&[], None),
    };
    let address = |port: &u64| Some(format!("127.0.0.1:{}", port + index?));
    let mut names: Vec<String> = ports.iter().filter_map(address).collect();
    if kind == "region" {
        // A ticket may as well name the store that suffers from its region: the one that most cards strike.
        names.extend(["4".to_owned(), "127.0.0.1:20161".to_owned()]);
    }
    names
}
