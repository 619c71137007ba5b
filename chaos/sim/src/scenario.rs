//! Scenarios: named incidents that can be played, with the correct diagnosis of each.
//!
//! A scenario plays one fault, or one of several that look alike at first.
//! Its truth is only for scoring: nothing of it reaches what the cluster shows.

mod catalogue;
mod truth;

pub use catalogue::all;
pub use truth::Truth;

use crate::fault::{self, ClusterShape, Fault, SimAction, SimStep, Target};
use serde::{Deserialize, Serialize};

/// An incident that can be played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Stable name, for the command line.
    pub id: String,
    /// One line for lists.
    pub title: String,
    /// What happens, for a person who observes it.
    pub description: String,
    /// The subject plugin that can observe this cluster.
    pub plugin: String,
    /// When the fault begins, counted from the start of the run.
    pub onset_ms: u64,
    /// Length of a run.
    pub duration_ms: u64,
    /// The variants; the seed picks one unless a variant is named. Never empty.
    pub variants: Vec<Variant>,
}

/// One way in which a scenario can go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name within the scenario.
    pub id: String,
    /// The fault that it plays.
    pub fault: String,
    /// The actions of the simulator, in the order of time.
    pub actions: Vec<ScheduledAction>,
    /// How the cluster differs from the default one.
    pub shape: ClusterShape,
    /// The correct diagnosis.
    pub truth: Truth,
}

/// An action and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduledAction {
    /// Delay after the onset.
    pub after_ms: u64,
    /// The action.
    pub action: SimAction,
}

impl Scenario {
    /// A fault as a scenario with one variant, which has the name of the fault.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        Self {
            id: fault.id.clone(),
            title: fault.title.clone(),
            description: fault.description.clone(),
            plugin: "tikv.wasm".into(),
            onset_ms: fault.onset_s * 1_000,
            duration_ms: fault.duration_s * 1_000,
            variants: vec![Variant::of_fault(&fault.id, fault)],
        }
    }

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

impl Variant {
    /// A variant of this name that plays a fault.
    #[must_use]
    pub fn of_fault(id: &str, fault: &Fault) -> Self {
        let scheduled = |step: SimStep| ScheduledAction {
            after_ms: step.after_s * 1_000,
            action: step.action,
        };
        Self {
            id: id.to_owned(),
            fault: fault.id.clone(),
            actions: fault.sim_steps().into_iter().map(scheduled).collect(),
            shape: fault.cluster_shape(),
            truth: Truth::of_fault(fault),
        }
    }
}

/// The scenario of this name, or the fault of this name that the simulator can play.
#[must_use]
pub fn find(id: &str) -> Option<Scenario> {
    let scenario = all().into_iter().find(|scenario| scenario.id == id);
    scenario.or_else(|| {
        let fault = fault::by_id(id).filter(|fault| fault.runs_on(Target::Sim));
        fault.map(Scenario::of_fault)
    })
}
