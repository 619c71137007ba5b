//! `operator chaos list`.

use super::{ListArgs, Output, TargetKind};
use comfy_table::{Table, presets};
use operator_inject::DockerError;
use operator_inject::catalogue;
use operator_sim::{fault, scenario};
use serde::Serialize;

/// One entry of the list.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    title: String,
    family: String,
    kind: String,
    targets: Vec<&'static str>,
    undo: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settings: Vec<ListedSetting>,
}

#[derive(Debug, Serialize)]
struct ListedSetting {
    name: &'static str,
    default: u64,
    max: u64,
    meaning: &'static str,
}

pub(super) fn list(args: &ListArgs, output: &mut Output<'_>) -> Result<(), DockerError> {
    let wanted = |listed: &Listed| {
        let target = args
            .target
            .is_none_or(|target| listed.targets.contains(&name(target)));
        target
            && args
                .family
                .as_ref()
                .is_none_or(|family| *family == listed.family)
    };
    let listed: Vec<Listed> = faults()
        .chain(scenarios())
        .chain(primitives())
        .filter(wanted)
        .collect();
    if output.json {
        return output.value(&listed);
    }
    table(&listed)
        .to_string()
        .lines()
        .for_each(|line| output.line(line.trim_end()));
    Ok(())
}

/// Columns without borders, as the tables of the other commands; titles are never wrapped.
fn table(listed: &[Listed]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["FAULT", "FAMILY", "TARGETS", "TITLE"]);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for one in listed {
        table.add_row([&one.id, &one.family, &one.targets.join(","), &one.title]);
    }
    table
}

fn name(target: TargetKind) -> &'static str {
    match target {
        TargetKind::Sim => "sim",
        TargetKind::Docker => "docker",
    }
}

fn faults() -> impl Iterator<Item = Listed> {
    fault::all().iter().map(|fault| Listed {
        id: fault.id.clone(),
        title: fault.title.clone(),
        family: word(&fault.family),
        kind: word(&fault.kind),
        targets: fault
            .targets
            .iter()
            .map(|target| target_name(*target))
            .collect(),
        undo: fault.undo.clone(),
        settings: Vec::new(),
    })
}

/// Scenarios that are not named after a fault: they play one of several.
fn scenarios() -> impl Iterator<Item = Listed> {
    let scenarios = scenario::all()
        .into_iter()
        .filter(|scenario| fault::by_id(&scenario.id).is_none());
    scenarios.map(|scenario| Listed {
        id: scenario.id,
        title: scenario.title,
        family: "scenario".to_owned(),
        kind: "fault".to_owned(),
        targets: vec!["sim"],
        undo: "the simulator ends".to_owned(),
        settings: Vec::new(),
    })
}

/// The value as fault files write it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn target_name(target: fault::Target) -> &'static str {
    match target {
        fault::Target::Sim => "sim",
        fault::Target::Docker => "docker",
    }
}

/// Faults of any container, whatever runs in it.
fn primitives() -> impl Iterator<Item = Listed> {
    catalogue::FAULTS.iter().map(|fault| Listed {
        id: fault.id.to_owned(),
        title: fault.title.to_owned(),
        family: fault.family.to_owned(),
        kind: "fault".to_owned(),
        targets: vec!["docker"],
        undo: fault.undo.to_owned(),
        settings: fault
            .settings
            .iter()
            .map(|setting| ListedSetting {
                name: setting.name,
                default: setting.default,
                max: setting.max,
                meaning: setting.meaning,
            })
            .collect(),
    })
}
