//! A fault that is undone: its ticket keeps its cause while the cluster recovers, and is resolved.

use crate::play::Bench;
use operator_model::{Ticket, TicketState, Timestamp};
use operator_sim::fault::{Fault, SimStep};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The fault lasts for this long: long enough for a ticket, too short for repairs.
const LASTS_S: u64 = 120;

/// The run goes on for this long after the fault was undone.
const RECOVERS_S: u64 = 420;

/// What became of the tickets of a run.
pub(crate) struct Course {
    pub(crate) fault: String,
    /// Seconds since the start, and the ticket as it then became.
    pub(crate) versions: Vec<(u64, Version)>,
    pub(crate) undone_at_s: u64,
    /// Explanations that could not be verified.
    pub(crate) withheld: Vec<String>,
    /// Symptoms that were left at the end.
    pub(crate) left: Vec<String>,
}

/// A ticket at one time, as far as a recovery must not change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) state: TicketState,
    pub(crate) recovering: bool,
}

impl Course {
    /// Plays a fault, undoes it and goes on watching.
    pub(crate) fn of(bench: &Bench, fault: &Fault) -> Self {
        let undone = undone_after(fault, LASTS_S);
        let data = tempfile::tempdir().unwrap();
        let mut course = Self {
            fault: fault.id.clone(),
            versions: Vec::new(),
            undone_at_s: fault.onset_s + LASTS_S,
            withheld: Vec::new(),
            left: Vec::new(),
        };
        let mut newest: BTreeMap<String, Version> = BTreeMap::new();
        let mut began: Option<Timestamp> = None;
        let watched = bench.each_tick(&undone, data.path(), |report, ticket_log| {
            let now = report.snapshot.taken_at;
            let elapsed_s = now.since_ms(*began.get_or_insert(now)) / 1_000;
            course.left = report
                .incidents
                .iter()
                .flat_map(|incident| &incident.symptoms)
                .map(|symptom| {
                    format!(
                        "{:?} of {} since {}",
                        symptom.kind, symptom.entity, symptom.onset.0
                    )
                })
                .collect();
            for ticket in ticket_log.ticket_table().tickets() {
                let version = version(ticket);
                for gap in ticket.gaps.iter().filter(|g| g.contains("withheld")) {
                    eprintln!("{elapsed_s} {} {gap}", ticket.id);
                }
                if newest.insert(version.id.clone(), version.clone()).as_ref() != Some(&version) {
                    course.versions.push((elapsed_s, version));
                }
            }
        });
        bench.runtime().block_on(watched);
        course
    }

    /// The causes that were named after the undoing and not before.
    pub(crate) fn new_causes(&self) -> Vec<&str> {
        let before = |cause: &str| {
            self.versions
                .iter()
                .any(|(at, version)| *at <= self.undone_at_s && version.cause == cause)
        };
        self.versions
            .iter()
            .filter(|(at, version)| *at > self.undone_at_s && !before(&version.cause))
            .map(|(_, version)| version.cause.as_str())
            .collect()
    }

    pub(crate) fn tickets(&self) -> usize {
        let ids: std::collections::BTreeSet<_> = self
            .versions
            .iter()
            .map(|(_, version)| &version.id)
            .collect();
        ids.len()
    }

    /// Some version of a ticket said so.
    pub(crate) fn recovers(&self) -> bool {
        self.versions.iter().any(|(_, version)| version.recovering)
    }

    pub(crate) fn resolved_at_s(&self) -> Option<u64> {
        let (at, version) = self.versions.last()?;
        (version.state == TicketState::Resolved).then_some(*at)
    }

    pub(crate) fn told(&self) -> String {
        let mut text = format!("{} (undone at {} s)\n", self.fault, self.undone_at_s);
        for (at, version) in &self.versions {
            let phase = if version.recovering {
                " recovering"
            } else {
                ""
            };
            let Version {
                id, cause, state, ..
            } = version;
            let _ = writeln!(text, "  {at:>4} s {id} {state:?}{phase} {cause}");
        }
        for symptom in &self.left {
            let _ = writeln!(text, "  left: {symptom}");
        }
        text
    }
}

fn version(ticket: &Ticket) -> Version {
    let leader = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    Version {
        id: ticket.id.clone(),
        cause: leader.map_or_else(
            || "undetermined".to_owned(),
            |one| {
                let component = one.component.as_ref().map_or("", |id| id.as_str());
                format!("{}@{component}", one.card)
            },
        ),
        state: ticket.state,
        recovering: ticket.recovering_since.is_some(),
    }
}

/// The same fault, ended by its own way of undoing it.
fn undone_after(fault: &Fault, lasts_s: u64) -> Fault {
    let mut fault = fault.clone();
    fault.duration_s = fault.onset_s + lasts_s + RECOVERS_S;
    if let Some(plan) = &mut fault.sim {
        plan.steps.retain(|step| step.after_s < lasts_s);
        let undo = plan.undo.iter().map(|action| SimStep {
            after_s: lasts_s,
            action: action.clone(),
        });
        plan.steps.extend(undo.collect::<Vec<_>>());
    }
    fault
}
