//! Named incidents: what is done to the simulated cluster, when, and what the right answer is.
//!
//! The truth is for scoring only. Nothing here reaches what the cluster shows.

mod catalogue;
mod fault_kind;

pub use catalogue::all;
pub use fault_kind::{FaultKind, Pool};

use crate::cards::{self, ClusterShape};

use serde::{Deserialize, Serialize};

/// An incident that can be played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Stable name, for the command line.
    pub id: String,
    /// One line for a list.
    pub title: String,
    /// What happens, for a person who watches.
    pub story: String,
    /// The subject that can watch this cluster.
    pub plugin: String,
    /// When the fault begins, counted from the start of the run.
    pub onset_ms: u64,
    /// How long a run takes.
    pub duration_ms: u64,
    /// What may happen; the seed picks one unless a variant is named. Never empty.
    pub variants: Vec<Variant>,
}

/// One way in which a scenario can go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name within the scenario.
    pub id: String,
    /// The fault card that it plays.
    pub card: String,
    /// What is done, in order.
    pub faults: Vec<Fault>,
    /// How the cluster differs from the usual one.
    pub shape: ClusterShape,
    /// The right answer.
    pub truth: Truth,
}

/// One thing that is done to the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Delay after the onset.
    pub after_ms: u64,
    /// What is done.
    pub kind: FaultKind,
}

/// The right answer to a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Whether a ticket is right at all.
    pub ticket: bool,
    /// Kind of the thing at fault: `store`, `region`, `member`, `cluster`.
    pub component_kind: String,
    /// Its key within the kind, for example a store id. Empty when only the run can tell (the hot region).
    pub component: String,
    /// Other names by which a ticket may call it.
    pub component_aliases: Vec<String>,
    /// What is wrong with it, in one phrase.
    pub mechanism: String,
    /// Words of which a right diagnosis uses some.
    pub words: Vec<String>,
    /// Actions that help or do no harm.
    pub acceptable_actions: Vec<String>,
    /// The actions that an expert would take.
    pub best_actions: Vec<String>,
    /// Actions that make it worse.
    pub harmful_actions: Vec<String>,
}

impl Scenario {
    /// The variant of this name, or the one that the seed picks when no name is given.
    #[must_use]
    pub fn variant(&self, name: Option<&str>, seed: u64) -> Option<&Variant> {
        if let Some(name) = name {
            return self.variants.iter().find(|variant| variant.id == name);
        }
        let count = u64::try_from(self.variants.len()).ok()?;
        let index = usize::try_from(seed.checked_rem(count)?).ok()?;
        self.variants.get(index)
    }
}

/// The scenario of this name, or the card that the simulator can play.
#[must_use]
pub fn find(id: &str) -> Option<Scenario> {
    let of_card = || {
        cards::by_id(id)
            .filter(|card| card.runs_on(cards::Target::Sim))
            .map(cards::Card::scenario)
    };
    all()
        .into_iter()
        .find(|scenario| scenario.id == id)
        .or_else(of_card)
}
