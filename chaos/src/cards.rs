//! Fault cards: everything that can be done to a cluster, one TOML file each in `chaos/faults`, built into the program.
//!
//! A card says what is done, to whom, how strongly and when; what is then true; what an observer must and must not
//! see; what looks alike; which actions are right; and how it is undone. The truth is for judges. Cards know nothing of
//! the model that plays them, and nothing of those who watch.

mod check;
mod docker;
mod evidence;
mod files;
mod truth;

pub use docker::{Direction, DockerAction, DockerPlan, DockerStep};
pub use evidence::{Evidence, Reading, Sign, Where};
pub use truth::{Actions, LookAlike, Truth};

use crate::scenario::{Fault, FaultKind, Scenario, Variant};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// One thing that can happen to a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Stable name, also of the file.
    pub id: String,
    /// One line for a list.
    pub title: String,
    /// Whether something is wrong at all.
    pub kind: Kind,
    /// Which part of the system it belongs to.
    pub family: Family,
    /// What happens, for a person who watches.
    pub story: String,
    /// Where it can be made.
    pub targets: Vec<Target>,
    /// How it is undone, for a person.
    pub undo: String,
    /// When it begins, counted from the start of a run: long enough for an observer to learn what is usual.
    #[serde(default = "usual_onset_s")]
    pub onset_s: u64,
    /// How long a run takes.
    pub duration_s: u64,
    /// The two cards that happen together, when this card is a combination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<Part>,
    /// What the simulator does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sim: Option<SimPlan>,
    /// What is done to containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerPlan>,
    /// What is true from then on.
    pub truth: Truth,
    /// What must move, and what must not.
    #[serde(default)]
    pub evidence: Evidence,
    /// What may be taken for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look_alikes: Vec<LookAlike>,
    /// What one may do about it.
    #[serde(default)]
    pub actions: Actions,
}

/// Whether something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something breaks.
    Fault,
    /// Something happens that is in order: no ticket is right.
    Benign,
    /// Two cards at once.
    Combination,
}

/// Which part of the system a card belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// What clients ask for, and where.
    Load,
    /// Processes of stores.
    Stores,
    /// Processors, memory and disks of machines.
    Machines,
    /// Links between machines.
    Network,
    /// The storage engine and the queues before it.
    Engine,
    /// Garbage collection, locks and timestamps of transactions.
    Transactions,
    /// Space on disks.
    Space,
    /// Number, place and state of replicas.
    Replicas,
    /// The placement driver.
    Pd,
    /// Clocks.
    Time,
    /// Certificates.
    Security,
    /// Settings and versions.
    Config,
    /// What people and tools do on purpose.
    Operations,
}

/// Where a card can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The deterministic simulator.
    Sim,
    /// Containers of a Compose project.
    Docker,
}

/// One of the two cards of a combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub card: String,
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
}

/// What the simulator does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimPlan {
    /// The cluster, where it is not the usual one.
    #[serde(default)]
    pub cluster: ClusterShape,
    /// In order.
    #[serde(default)]
    pub steps: Vec<SimStep>,
    /// What brings the cluster back.
    #[serde(default)]
    pub undo: Vec<FaultKind>,
}

/// How the simulated cluster differs from the usual one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterShape {
    /// Stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stores: Option<u64>,
    /// Regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<u64>,
    /// Usual size of a region, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_mib: Option<u64>,
    /// Share of the regions that nobody uses, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_percent: Option<u64>,
    /// No store has ever registered when the run begins.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fresh: bool,
}

/// One thing that the simulator does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimStep {
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
    /// What is done.
    #[serde(rename = "do")]
    pub fault: FaultKind,
}

/// Two minutes: the detectors' baselines need about one.
fn usual_onset_s() -> u64 {
    120
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Something is wrong with the cards that are built in. All of it, not only the first thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} problems in fault cards:\n{}", problems.len(), problems.join("\n"))]
pub struct CardError {
    /// One line each, beginning with the card.
    pub problems: Vec<String>,
}

/// Every card that is built in, by name.
///
/// A test loads them, so that a program that was tested has no error here.
#[must_use]
pub fn all() -> &'static [Card] {
    static CARDS: OnceLock<Vec<Card>> = OnceLock::new();
    CARDS.get_or_init(|| load(&files::FILES).unwrap_or_default())
}

/// The card of this name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Card> {
    all().iter().find(|card| card.id == id)
}

/// Reads cards from name and text.
///
/// # Errors
/// Every problem of every card.
pub fn load(files: &[(&str, &str)]) -> Result<Vec<Card>, CardError> {
    let (mut cards, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in files {
        match toml::from_str::<Card>(text) {
            Ok(card) if card.id == *name => cards.push(card),
            Ok(card) => problems.push(format!(
                "{name}: its id is {}, not the name of its file",
                card.id
            )),
            Err(error) => {
                problems.push(format!("{name}: {}", error.to_string().replace('\n', " ")))
            }
        }
    }
    cards.sort_by(|left, right| left.id.cmp(&right.id));
    problems.extend(check::problems(&cards));
    if problems.is_empty() {
        Ok(cards)
    } else {
        Err(CardError { problems })
    }
}

impl Card {
    /// Whether it can be made there.
    #[must_use]
    pub fn runs_on(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }

    /// What the simulator does, with delays after the onset; of a combination that of both parts.
    #[must_use]
    pub fn sim_steps(&self) -> Vec<SimStep> {
        let mut steps: Vec<SimStep> = self
            .sim
            .iter()
            .flat_map(|sim| sim.steps.iter().cloned())
            .collect();
        for part in &self.of {
            let of_part = by_id(&part.card).map(Self::sim_steps).unwrap_or_default();
            steps.extend(of_part.into_iter().map(|step| SimStep {
                after_s: step.after_s + part.after_s,
                ..step
            }));
        }
        steps.sort_by_key(|step| step.after_s);
        steps
    }

    /// What is done to containers, with delays after the onset; of a combination that of both parts.
    #[must_use]
    pub fn docker_steps(&self) -> Vec<DockerStep> {
        let mut steps: Vec<DockerStep> = self
            .docker
            .iter()
            .flat_map(|docker| docker.steps.iter().cloned())
            .collect();
        for part in &self.of {
            let of_part = by_id(&part.card)
                .map(Self::docker_steps)
                .unwrap_or_default();
            steps.extend(of_part.into_iter().map(|step| DockerStep {
                after_s: step.after_s + part.after_s,
                ..step
            }));
        }
        steps.sort_by_key(|step| step.after_s);
        steps
    }

    /// The shape of the simulated cluster; of a combination that of the part that asks for one.
    #[must_use]
    pub fn cluster_shape(&self) -> ClusterShape {
        let own = self
            .sim
            .as_ref()
            .map(|sim| sim.cluster.clone())
            .unwrap_or_default();
        let parts = self
            .of
            .iter()
            .filter_map(|part| by_id(&part.card))
            .map(Self::cluster_shape);
        parts.fold(own, |shape, part| ClusterShape {
            stores: shape.stores.or(part.stores),
            regions: shape.regions.or(part.regions),
            region_mib: shape.region_mib.or(part.region_mib),
            idle_percent: shape.idle_percent.or(part.idle_percent),
            fresh: shape.fresh || part.fresh,
        })
    }

    /// One way in which a scenario can go.
    #[must_use]
    pub fn variant(&self, id: &str) -> Variant {
        let fault = |step: SimStep| Fault {
            after_ms: step.after_s * 1_000,
            kind: step.fault,
        };
        let faults = self.sim_steps().into_iter().map(fault).collect();
        Variant {
            id: id.to_owned(),
            card: self.id.clone(),
            faults,
            shape: self.cluster_shape(),
            truth: self.scenario_truth(),
        }
    }

    /// The card as a scenario that can be played.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        Scenario {
            id: self.id.clone(),
            title: self.title.clone(),
            story: self.story.clone(),
            plugin: "tikv.wasm".into(),
            onset_ms: self.onset_s * 1_000,
            duration_ms: self.duration_s * 1_000,
            variants: vec![self.variant(&self.id)],
        }
    }
}

#[cfg(test)]
mod tests;
