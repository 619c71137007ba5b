//! Faults: everything that can happen to a cluster, one TOML file each in `chaos/sim/faults`, built into the program.
//!
//! A fault file states what is done, to which component, how strongly and when; what is then true;
//! what an observer must and must not see; which faults look alike; which actions are right; and how it is undone.
//! The truth is only for scoring. Faults know nothing of the model that plays them, nor of those who observe it.

mod action;
mod check;
mod docker;
mod evidence;
mod library;
mod truth;

pub use action::{Pool, SimAction};
pub use docker::{Direction, DockerAction, DockerPlan, DockerStep};
pub use evidence::{Evidence, Reading, Sign, SignLocation};
pub use library::{FaultFileError, all, by_id, load};
pub use truth::{Actions, LookAlike, Truth};

use serde::{Deserialize, Serialize};

/// One event that can happen to a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Stable name; the file has the same.
    pub id: String,
    /// One line for lists.
    pub title: String,
    /// Whether something is wrong at all.
    pub kind: Kind,
    /// The part of the system that it belongs to.
    pub family: Family,
    /// What happens, for a person who observes it.
    pub description: String,
    /// Where it can be injected.
    pub targets: Vec<Target>,
    /// How it is undone, in words.
    pub undo: String,
    /// When it begins, counted from the start of a run. Observers need the time before it to learn a baseline.
    #[serde(default = "default_onset_s")]
    pub onset_s: u64,
    /// Length of a run.
    pub duration_s: u64,
    /// The two faults that happen together, when this is a combination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<Part>,
    /// The steps of the simulator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sim: Option<SimPlan>,
    /// The steps in containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerPlan>,
    /// The correct diagnosis.
    pub truth: Truth,
    /// The signs that must show, and those that must not.
    #[serde(default)]
    pub evidence: Evidence,
    /// Faults that may be mistaken for this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look_alikes: Vec<LookAlike>,
    /// Which actions help, and which harm.
    #[serde(default)]
    pub actions: Actions,
}

/// Whether something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something breaks.
    Fault,
    /// A normal event: the right answer is no ticket.
    Benign,
    /// Two faults at once.
    Combination,
}

/// The part of the system that a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The requests of clients, and where they go.
    Load,
    /// Processes of stores.
    Stores,
    /// CPUs, memory and disks of machines.
    Machines,
    /// Links between machines.
    Network,
    /// The storage engine and its queues.
    Engine,
    /// Garbage collection, locks and timestamps of transactions.
    Transactions,
    /// Disk space.
    Space,
    /// Number, placement and state of replicas.
    Replicas,
    /// The placement driver.
    Pd,
    /// Clocks.
    Time,
    /// Certificates.
    Security,
    /// Settings and versions.
    Config,
    /// Deliberate operations of people and tools.
    Operations,
}

/// Where a fault can be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The deterministic simulator.
    Sim,
    /// Containers of a Compose project.
    Docker,
}

/// One of the two faults of a combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub fault: String,
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
}

/// The steps of the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimPlan {
    /// How the cluster differs from the default one.
    #[serde(default)]
    pub cluster: ClusterShape,
    /// Steps, in the order of time.
    #[serde(default)]
    pub steps: Vec<SimStep>,
    /// Actions that restore the cluster.
    #[serde(default)]
    pub undo: Vec<SimAction>,
}

/// How the simulated cluster differs from the default one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterShape {
    /// Number of stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stores: Option<u64>,
    /// Number of regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<u64>,
    /// Usual size of a region, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_mib: Option<u64>,
    /// Share of the regions without load, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_percent: Option<u64>,
    /// No store has registered yet when the run begins.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fresh: bool,
}

/// One step of the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimStep {
    /// Delay after the onset.
    #[serde(default)]
    pub after_s: u64,
    /// The action.
    #[serde(rename = "do")]
    pub action: SimAction,
}

/// Two minutes: the baselines of the detectors need about one.
fn default_onset_s() -> u64 {
    120
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Fault {
    /// Whether it can be injected there.
    #[must_use]
    pub fn runs_on(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }

    /// The steps of the simulator, with delays after the onset; for a combination, those of both parts.
    #[must_use]
    pub fn sim_steps(&self) -> Vec<SimStep> {
        let mut steps: Vec<SimStep> = self
            .sim
            .iter()
            .flat_map(|sim| sim.steps.iter().cloned())
            .collect();
        for part in &self.of {
            let of_part = by_id(&part.fault).map(Self::sim_steps).unwrap_or_default();
            steps.extend(of_part.into_iter().map(|step| SimStep {
                after_s: step.after_s + part.after_s,
                ..step
            }));
        }
        steps.sort_by_key(|step| step.after_s);
        steps
    }

    /// The steps in containers, with delays after the onset; for a combination, those of both parts.
    #[must_use]
    pub fn docker_steps(&self) -> Vec<DockerStep> {
        let mut steps: Vec<DockerStep> = self
            .docker
            .iter()
            .flat_map(|docker| docker.steps.iter().cloned())
            .collect();
        for part in &self.of {
            let of_part = by_id(&part.fault)
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

    /// The shape of the simulated cluster; for a combination, that of the part that sets one.
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
            .filter_map(|part| by_id(&part.fault))
            .map(Self::cluster_shape);
        parts.fold(own, |shape, part| ClusterShape {
            stores: shape.stores.or(part.stores),
            regions: shape.regions.or(part.regions),
            region_mib: shape.region_mib.or(part.region_mib),
            idle_percent: shape.idle_percent.or(part.idle_percent),
            fresh: shape.fresh || part.fresh,
        })
    }
}

#[cfg(test)]
mod tests;
