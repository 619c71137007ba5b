//! From a request to a plan: inspects the containers and lists the steps, without taking any.

use super::capability::Capabilities;
use super::catalogue::{self, DockerFault};
use super::roles::{self, Role};
use super::step::{Run, Step};
use super::steps::Context;
use super::target;
use super::{DockerError, Engine, Part, Request, arm, clock};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;

/// A fault is for an experiment under observation, so it lasts an hour at most.
const FAULT_MS_MAX: u64 = 3_600_000;

/// The steps of an injection.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Plan {
    /// Name of this injection: eight hexadecimal digits.
    pub injection: String,
    /// The fault.
    pub fault: String,
    /// The project.
    pub project: String,
    /// When everything is undone, in Unix milliseconds, at the latest.
    pub until_ms: u64,
    /// Taken in this order, undone in reverse.
    pub steps: Vec<Planned>,
}

/// A step and its time.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Planned {
    /// Delay after the beginning.
    pub after_ms: u64,
    /// The role for which the container was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The step.
    #[serde(flatten)]
    pub step: Step,
}

/// Makes a plan.
///
/// # Errors
/// The fault is unknown, this machine cannot inject it, a target is not armed, or Docker does not respond.
pub async fn plan(
    engine: &Engine,
    request: &Request,
    capabilities: &Capabilities,
) -> Result<Plan, DockerError> {
    let last_ms = request
        .parts
        .iter()
        .map(|part| part.after_ms)
        .max()
        .unwrap_or_default();
    if request.for_ms > FAULT_MS_MAX {
        return Err(DockerError::Refused(format!(
            "a fault can last at most 1 h, not {} s",
            request.for_ms / 1_000
        )));
    }
    if request.for_ms <= last_ms {
        let message = format!(
            "{} takes more than {} s: use a longer --for",
            request.name,
            last_ms / 1_000
        );
        return Err(DockerError::Refused(message));
    }
    let until_ms = clock::now_ms()
        .saturating_add(request.begins_in_ms)
        .saturating_add(request.for_ms);
    let injection = fresh_name()?;
    let mut steps = Vec::new();
    for part in &request.parts {
        let (selection, role) = roles::resolve(engine, &request.project, &part.selection).await?;
        let part = Part {
            selection,
            ..part.clone()
        };
        let found = steps_of(engine, request, &part, capabilities, (&injection, until_ms)).await?;
        steps.extend(found.into_iter().map(|step| Planned {
            after_ms: part.after_ms,
            role: role.clone(),
            step,
        }));
    }
    steps.sort_by_key(|planned| planned.after_ms);
    Ok(Plan {
        injection,
        fault: request.name.clone(),
        project: request.project.clone(),
        until_ms,
        steps,
    })
}

async fn steps_of(
    engine: &Engine,
    request: &Request,
    part: &Part,
    capabilities: &Capabilities,
    (injection, until_ms): (&str, u64),
) -> Result<Vec<Step>, DockerError> {
    let fault = catalogue::find(&part.fault).ok_or_else(|| {
        DockerError::Refused(format!("the docker target has no fault {:?}", part.fault))
    })?;
    if let Some(why) = capabilities.missing(fault.needs) {
        let message = format!("{} cannot be injected on this machine: {why}", fault.id);
        return Err(DockerError::Impossible(message));
    }
    let settings = settings(fault, &part.settings)?;
    let targets = target::find(engine, &request.project, &part.selection, until_ms).await?;
    let mut steps = Vec::new();
    for container in &targets.hit {
        let context = Context {
            container,
            run: Run::of(container)?,
            peers: &targets.peers,
            peers_named: !part.selection.peers.is_empty(),
            settings: settings.clone(),
            request,
            directory: part.directory.as_deref(),
            capabilities,
            injection,
        };
        steps.extend((fault.steps)(&context)?);
    }
    Ok(steps)
}

fn settings(
    fault: &DockerFault,
    given: &BTreeMap<String, u64>,
) -> Result<BTreeMap<&'static str, u64>, DockerError> {
    let known: Vec<&str> = fault.settings.iter().map(|setting| setting.name).collect();
    if let Some(name) = given.keys().find(|name| !known.contains(&name.as_str())) {
        let known = if known.is_empty() {
            "it has no settings".to_owned()
        } else {
            format!("its settings are {}", known.join(", "))
        };
        return Err(DockerError::Refused(format!(
            "{} has no setting {name:?}: {known}",
            fault.id
        )));
    }
    let mut settings = BTreeMap::new();
    for setting in fault.settings {
        let value = given.get(setting.name).copied().unwrap_or(setting.default);
        if value > setting.max {
            let message = format!(
                "{}: {}={value} exceeds its limit of {}",
                fault.id, setting.name, setting.max
            );
            return Err(DockerError::Refused(message));
        }
        settings.insert(setting.name, value);
    }
    Ok(settings)
}

/// Random, from the system instead of a seed: two injectors must never share a name.
fn fresh_name() -> Result<String, DockerError> {
    let mut bytes = [0_u8; 4];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| DockerError::Impossible(format!("cannot read /dev/urandom: {error}")))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

impl Plan {
    /// The plan in words: the steps, their containers, the end and the undo.
    #[must_use]
    pub fn human(&self) -> String {
        let fault = &self.fault;
        let project = &self.project;
        let mut text = format!(
            "{fault} in project {project}, undone by {} at the latest",
            arm::utc_time(self.until_ms)
        );
        for Planned {
            after_ms,
            role,
            step,
        } in &self.steps
        {
            let when = if *after_ms > 0 {
                format!("after {} s, ", after_ms / 1_000)
            } else {
                String::new()
            };
            let told = step.description();
            let undo = step.undo_description();
            let name = match role {
                Some(Role { name, service }) => {
                    format!("{name} (now {service}), {}", step.run().name)
                }
                None => step.run().name.clone(),
            };
            let _ = write!(text, "\n  {name}: {when}{told}\n    undo: {undo}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_and_bounded() {
        let latency = catalogue::find("latency").unwrap();
        let given = |name: &str, value| BTreeMap::from([(name.to_owned(), value)]);
        assert_eq!(
            settings(latency, &BTreeMap::new()).unwrap().get("delay-ms"),
            Some(&100)
        );
        assert_eq!(
            settings(latency, &given("delay-ms", 7))
                .unwrap()
                .get("delay-ms"),
            Some(&7)
        );
        assert!(
            settings(latency, &given("delay", 7))
                .unwrap_err()
                .to_string()
                .contains("delay-ms")
        );
        assert!(settings(latency, &given("delay-ms", 10_001)).is_err());
    }

    #[test]
    fn names_of_injections_are_eight_digits_and_differ() {
        let first = fresh_name().unwrap();
        let second = fresh_name().unwrap();
        assert_eq!(first.len(), 8);
        assert_ne!(first, second);
    }
}
