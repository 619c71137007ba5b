//! `operator chaos list`.

use super::{ListArgs, TargetKind, Voice};
use crate::docker::DockerError;
use crate::docker::catalogue;
use crate::scenario;
use serde::Serialize;

/// One line of the list.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    title: String,
    family: String,
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

pub(super) fn list(args: &ListArgs, voice: &mut Voice<'_>) -> Result<(), DockerError> {
    let wanted = |listed: &Listed| {
        let target = args.target.is_none_or(|target| listed.targets.contains(&name(target)));
        target && args.family.as_ref().is_none_or(|family| *family == listed.family)
    };
    let listed: Vec<Listed> = scenarios().chain(primitives()).filter(wanted).collect();
    if voice.json {
        return voice.value(&listed);
    }
    for one in &listed {
        voice.line(&format!("{:<28}{:<12}{:<12}{}", one.id, one.family, one.targets.join(","), one.title));
    }
    Ok(())
}

fn name(target: TargetKind) -> &'static str {
    match target {
        TargetKind::Sim => "sim",
        TargetKind::Docker => "docker",
    }
}

fn scenarios() -> impl Iterator<Item = Listed> {
    scenario::all().into_iter().map(|scenario| Listed {
        id: scenario.id,
        title: scenario.title,
        family: "scenario".to_owned(),
        targets: vec!["sim"],
        undo: "the simulator ends".to_owned(),
        settings: Vec::new(),
    })
}

/// What can be done to any container, whatever runs in it.
fn primitives() -> impl Iterator<Item = Listed> {
    catalogue::FAULTS.iter().map(|fault| Listed {
        id: fault.id.to_owned(),
        title: fault.title.to_owned(),
        family: fault.family.to_owned(),
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
