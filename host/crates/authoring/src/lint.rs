//! What a person should hear about a component before it is used: what would be refused, and what would annoy.

use operator_data::freeze::{FreezeInput, freeze};
use operator_data::{Observed, Snapshot};
use operator_model::{CheckDeclaration, Status, Tick, Timestamp};
use operator_plugin_host::{Engine, InvariantModule, World, inspect, interview};
use serde::Serialize;
use std::sync::Arc;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravity {
    /// It would be refused, or answer wrongly.
    Error,
    /// It works, and could be better.
    Warning,
}

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// How bad it is.
    pub gravity: Gravity,
    /// What, and where.
    pub what: String,
}

fn error(what: impl Into<String>) -> Remark {
    Remark {
        gravity: Gravity::Error,
        what: what.into(),
    }
}

fn warning(what: impl Into<String>) -> Remark {
    Remark {
        gravity: Gravity::Warning,
        what: what.into(),
    }
}

/// Looks at a component, asks it who it is, and shows its checks a snapshot in which nothing was observed.
pub async fn lint(engine: &Engine, name: &str, bytes: &[u8]) -> Vec<Remark> {
    let inspection = match inspect(name, bytes, engine.limits()) {
        Ok(inspection) => inspection,
        Err(refused) => return vec![error(refused.to_string())],
    };
    let mut remarks = Vec::new();
    if inspection.wasi {
        remarks.push(warning(
            "it imports WASI, and gets an empty stand-in; build it without",
        ));
    }
    match interview(engine, name, bytes).await {
        Ok(answered) => {
            if let Some(info) = &answered.info {
                remarks.extend(version(&info.version));
                remarks.extend(sentence("the summary", &info.summary));
            }
            remarks.extend(answered.checks.iter().flat_map(declaration));
        }
        Err(failed) => remarks.push(error(failed.to_string())),
    }
    let runs = remarks
        .iter()
        .all(|remark| remark.gravity != Gravity::Error);
    if runs && inspection.world.base() != World::Subject {
        remarks.extend(on_nothing(engine, name, bytes).await);
    }
    remarks.sort_by_key(|remark| remark.gravity);
    remarks
}

fn version(version: &str) -> Option<Remark> {
    let numbers = version
        .split(['-', '+'])
        .next()
        .unwrap_or_default()
        .split('.')
        .collect::<Vec<_>>();
    let semantic = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u64>().is_ok());
    (!semantic).then(|| {
        warning(format!(
            "version {version:?} is not of the form 1.2.3; states cannot be migrated by it"
        ))
    })
}

fn sentence(what: &str, text: &str) -> Option<Remark> {
    if text.trim().is_empty() {
        return Some(warning(format!("{what} is empty")));
    }
    text.ends_with('.').then(|| {
        warning(format!(
            "{what} ends with a full stop: it is shown inside of sentences"
        ))
    })
}

fn declaration(check: &CheckDeclaration) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = sentence(&format!("the claim of {}", check.id), &check.claim)
        .into_iter()
        .collect();
    if check.tables.is_empty() {
        remarks.push(warning(format!(
            "{} declares no table: say what it reads, and the host tells what is missing",
            check.id
        )));
    }
    remarks
}

/// No check may be content with a snapshot in which nothing was observed, and none may trap on it.
async fn on_nothing(engine: &Engine, name: &str, bytes: &[u8]) -> Vec<Remark> {
    let module = match InvariantModule::load(engine, name, bytes, "{}").await {
        Ok(module) => module,
        Err(failed) => return vec![error(failed.to_string())],
    };
    let (snapshot, mut remarks) = (nothing(), Vec::new());
    for check in module.checks() {
        match module.evaluate(check, &snapshot, None).await.result {
            Ok(outcome) if outcome.status == Status::Pass => {
                remarks.push(error(format!(
                    "{} passes where nothing was observed: unknown is never healthy",
                    check.id
                )));
            }
            Err(failure) if failure.is_strike() => {
                remarks.push(error(format!(
                    "{} where nothing was observed: it {failure}",
                    check.id
                )));
            }
            _ => {}
        }
    }
    remarks
}

fn nothing() -> Arc<Snapshot> {
    freeze(FreezeInput {
        tick: Tick(1),
        taken_at: Timestamp::default(),
        host_at: Timestamp::default(),
        subject: "nothing",
        observed: Observed::default(),
        series: Arc::default(),
        past: &[],
        history_ticks: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        for good in ["0.1.0", "10.2.33", "1.0.0-rc.1"] {
            assert_eq!(version(good), None, "{good}");
        }
        for bad in ["", "1", "1.2", "v1.2.3", "1.2.x"] {
            assert!(version(bad).is_some(), "{bad}");
        }
    }

    #[tokio::test]
    async fn what_is_no_component_is_an_error() {
        let engine = Engine::new(&operator_plugin_host::PluginLimits::default()).unwrap();
        let remarks = lint(&engine, "junk", b"junk").await;
        assert_eq!(
            remarks
                .iter()
                .map(|remark| remark.gravity)
                .collect::<Vec<_>>(),
            [Gravity::Error]
        );
    }
}
