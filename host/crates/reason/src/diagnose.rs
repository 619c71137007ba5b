//! Stage 4: one incident per cause, with weighed hypotheses.
//!
//! Symptoms are the violations that checks report and the signals that left their baseline.
//! The subject's failure modes are applied to the entities that the symptoms point to: their evidence is
//! looked up in the snapshot and weighed. The likeliest cause takes the symptoms that it explains; what
//! is left is another incident.
//! Nothing here knows a particular system, and the only clock is the observed one.

mod assemble;
mod blindness;
mod challenger;
mod cover;
mod discrimination;
mod evidence_ids;
mod facts;
mod identity;
mod limits;
mod memory;
mod outcome;
mod plugin;
mod recovery;
mod separate;
mod symptoms;
mod weighing;

use cover::{Group, Scene};
use facts::Facts;
pub use memory::Memory;
use operator_data::Snapshot;
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Detection, Incident, Verdict};
use outcome::Outcome;
pub use plugin::{is_about_plugin, plugin_incident, plugin_key};
pub(crate) use weighing::normalise as shares;

/// What one tick hands to diagnosis.
#[derive(Debug, Clone, Copy)]
pub struct DiagnoseInput<'a> {
    /// The frozen observations.
    pub snapshot: &'a Snapshot,
    /// One for each check.
    pub verdicts: &'a [Verdict],
    /// The state of every signal.
    pub detection: &'a Detection,
    /// The subject's failure modes, signals and actions.
    pub knowledge: &'a KnowledgeBase,
}

/// Groups the symptoms into incidents, one per cause, and weighs the hypotheses of each.
///
/// Returns the incidents of this tick by onset, and the memory to hand to the next tick.
/// Unconfirmed incidents are returned too: see [`Incident::confirmed`].
#[must_use]
pub fn explain(memory: &Memory, input: DiagnoseInput<'_>) -> (Vec<Incident>, Memory) {
    let current = memory.observe(input);
    let facts = Facts::new(input, &current.topology, current.symptoms.all());
    let scene = Scene::new(&facts, current.symptoms.by_onset());
    let causes = cover::causes(&scene);
    let groups = recovery::merge_echoes(&current, cover::group(&scene, &causes));
    let mut outcome = Outcome::default();
    outcome.write(&current, &facts, &groups);
    outcome.keep_without_group(&current, &facts, &groups);
    let unobserved = current
        .blindness
        .symptoms(input, &current.topology, &outcome.incidents);
    outcome.write(&current, &facts, Group::of_all(&unobserved).as_slice());
    let Outcome {
        mut incidents,
        records,
        quiet,
    } = outcome;
    let next = current.settle(records, &incidents, input);
    incidents.extend(quiet);
    incidents.sort_by(|a, b| (a.started_at, &a.key).cmp(&(b.started_at, &b.key)));
    (incidents, next)
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
