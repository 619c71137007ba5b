//! Consistency of all faults together.

use super::{Fault, Kind, Target};

/// Every problem, one line each.
pub(super) fn problems(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .flat_map(|fault| {
            of_fault(fault, faults)
                .into_iter()
                .map(|text| format!("{}: {text}", fault.id))
        })
        .collect()
}

fn of_fault(fault: &Fault, faults: &[Fault]) -> Vec<String> {
    let mut found = texts(fault);
    found.extend(plans(fault));
    found.extend(truth(fault));
    for sign in fault.evidence.moves.iter().chain(&fault.evidence.still) {
        found.extend(sign.problem());
    }
    let known = |id: &str| faults.iter().any(|other| other.id == id);
    for part in fault.of.iter().filter(|part| !known(&part.fault)) {
        found.push(format!("it combines {}, which is not a fault", part.fault));
    }
    for other in fault
        .look_alikes
        .iter()
        .filter(|other| !known(&other.fault) || other.fault == fault.id)
    {
        found.push(format!(
            "it looks like {}, which is not another fault",
            other.fault
        ));
    }
    found
}

fn texts(fault: &Fault) -> Vec<String> {
    let named = [
        ("title", &fault.title),
        ("description", &fault.description),
        ("undo", &fault.undo),
        ("scope", &fault.truth.scope),
    ];
    let mut found: Vec<String> = named
        .iter()
        .filter(|(_, text)| text.trim().is_empty())
        .map(|(name, _)| format!("it has no {name}"))
        .collect();
    if fault.duration_s <= fault.onset_s {
        found.push("its run ends before its onset".to_owned());
    }
    found
}

fn plans(fault: &Fault) -> Vec<String> {
    let combines = fault.kind == Kind::Combination;
    let mut found = Vec::new();
    if fault.targets.is_empty() {
        found.push("it has no target".to_owned());
    }
    if fault.runs_on(Target::Sim) && fault.sim.is_none() && !combines {
        found.push("it names the simulator as a target but has no [sim] plan".to_owned());
    }
    if fault.runs_on(Target::Docker)
        && fault
            .docker
            .as_ref()
            .is_none_or(|plan| plan.steps.is_empty())
        && !combines
    {
        found.push("it names docker as a target but has no [docker] plan".to_owned());
    }
    if fault.docker.is_some() && !fault.runs_on(Target::Docker)
        || fault.sim.is_some() && !fault.runs_on(Target::Sim)
    {
        found.push("it has a plan for a target that it does not name".to_owned());
    }
    if combines != (fault.of.len() == 2) {
        found.push("exactly the combinations must name two faults in `of`".to_owned());
    }
    found
}

fn truth(fault: &Fault) -> Vec<String> {
    let mut found = Vec::new();
    match (fault.kind, &fault.truth.component) {
        (Kind::Fault | Kind::Combination, None) => {
            found.push("a fault needs a component at fault".to_owned())
        }
        (Kind::Benign, Some(_)) => {
            found.push("a benign event has no component at fault".to_owned())
        }
        _ => {}
    }
    if fault.kind != Kind::Benign {
        if fault.truth.words.is_empty() {
            found.push("it has no words of a right diagnosis".to_owned());
        }
        if fault.actions.best.is_empty() {
            found.push("it has no best action".to_owned());
        }
        if fault.evidence.moves.is_empty()
            && fault.kind == Kind::Fault
            && fault.runs_on(Target::Sim)
        {
            found.push("no sign moves".to_owned());
        }
    }
    let listed = |list: &[String], action: &String| list.contains(action);
    let actions = &fault.actions;
    for action in actions
        .harmful
        .iter()
        .filter(|a| listed(&actions.best, a) || listed(&actions.acceptable, a))
    {
        found.push(format!(
            "the action {action} is listed both as helpful and as harmful"
        ));
    }
    found
}
