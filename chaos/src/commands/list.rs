//! `operator chaos list`.

use super::{ListArgs, TargetKind, Voice};
use crate::docker::DockerError;
use crate::docker::catalogue;
use crate::{cards, scenario};
use serde::Serialize;

/// One line of the list.
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

pub(super) fn list(args: &ListArgs, voice: &mut Voice<'_>) -> Result<(), DockerError> {
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
    let listed: Vec<Listed> = cards()
        .chain(scenarios())
        .chain(primitives())
        .filter(wanted)
        .collect();
    if voice.json {
        return voice.value(&listed);
    }
    for one in &listed {
        voice.line(&format!(
            "{:<28}{:<12}{:<12}{}",
            one.id,
            one.family,
            one.targets.join(","),
            one.title
        ));
    }
    Ok(())
}

fn name(target: TargetKind) -> &'static str {
    match target {
        TargetKind::Sim => "sim",
        TargetKind::Docker => "docker",
    }
}

fn cards() -> impl Iterator<Item = Listed> {
    cards::all().iter().map(|card| Listed {
        id: card.id.clone(),
        title: card.title.clone(),
        family: word(&card.family),
        kind: word(&card.kind),
        targets: card
            .targets
            .iter()
            .map(|target| target_name(*target))
            .collect(),
        undo: card.undo.clone(),
        settings: Vec::new(),
    })
}

/// Scenarios that go one of several ways, which cards do not.
fn scenarios() -> impl Iterator<Item = Listed> {
    let scenarios = scenario::all()
        .into_iter()
        .filter(|scenario| cards::by_id(&scenario.id).is_none());
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

/// As cards write it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn target_name(target: cards::Target) -> &'static str {
    match target {
        cards::Target::Sim => "sim",
        cards::Target::Docker => "docker",
    }
}

/// What can be done to any container, whatever runs in it.
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
