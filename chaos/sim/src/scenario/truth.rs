//! The correct diagnosis of a scenario, in the form that scoring uses.

use crate::fault::{Fault, Kind};
use serde::{Deserialize, Serialize};

/// The correct diagnosis of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Whether a ticket is right at all.
    pub ticket: bool,
    /// Kind of the component at fault: `store`, `region`, `member`, `cluster`.
    pub component_kind: String,
    /// Its key within the kind, for example a store id. Empty when it is chosen during the run (the hot region).
    pub component: String,
    /// Other names by which a ticket may call it.
    pub component_aliases: Vec<String>,
    /// The defect, in one phrase.
    pub mechanism: String,
    /// Words of which a correct diagnosis uses some.
    pub words: Vec<String>,
    /// Actions that help or do no harm.
    pub acceptable_actions: Vec<String>,
    /// Actions that an expert would take.
    pub best_actions: Vec<String>,
    /// Actions that make it worse.
    pub harmful_actions: Vec<String>,
}

impl Truth {
    /// The correct diagnosis of a fault.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        let named = fault.truth.component.as_deref().unwrap_or_default();
        let (kind, key) = named.split_once('/').unwrap_or((named, ""));
        let component = if key == "?" { "" } else { key };
        Self {
            ticket: fault.kind != Kind::Benign && fault.truth.component.is_some(),
            component_kind: kind.to_owned(),
            component: component.to_owned(),
            component_aliases: aliases(kind, key),
            mechanism: fault.truth.mechanism.clone(),
            words: fault.truth.words.clone(),
            acceptable_actions: fault.actions.acceptable.clone(),
            best_actions: fault.actions.best.clone(),
            harmful_actions: fault.actions.harmful.clone(),
        }
    }
}

/// Other names by which a ticket may call a component.
fn aliases(kind: &str, key: &str) -> Vec<String> {
    let (ports, index): (&[u64], Option<u64>) = match kind {
        // Stores are numbered 1, 4, 5, 6 …, as in a cluster whose first store bootstrapped it.
        "store" => {
            let id = key.parse::<u64>().ok();
            (&[20_160, 20_180], id.map(|id| id.saturating_sub(3)))
        }
        "member" => {
            let number = key.strip_prefix("pd");
            let number = number.and_then(|number| number.parse::<u64>().ok());
            (&[2_379], number.map(|number| (number - 1) * 100))
        }
        _ => (&[], None),
    };
    let address = |port: &u64| Some(format!("127.0.0.1:{}", port + index?));
    let mut names: Vec<String> = ports.iter().filter_map(address).collect();
    if kind == "region" {
        // A ticket may also name the store that suffers from its region: the one that most faults hit.
        names.extend(["4".to_owned(), "127.0.0.1:20161".to_owned()]);
    }
    names
}
