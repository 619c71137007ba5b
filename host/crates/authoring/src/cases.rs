//! Cases: tables in, an outcome expected. Written as TOML, one file for all cases of a module.

mod expect;
mod table;

pub use expect::Expected;

use anyhow::{Context, Result, bail, ensure};
use operator_data::freeze::{FreezeInput, freeze};
use operator_data::{Observed, Snapshot};
use operator_model::{CheckDeclaration, Status, Tick, Timestamp};
use operator_plugin_host::{Engine, Evaluated, InvariantModule};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The file of a project's cases.
pub const FILE: &str = "cases.toml";

/// When invented snapshots were taken, in milliseconds since the epoch: any moment will do, as long as it stays.
const TAKEN_AT_MS: u64 = 1_800_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    case: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in one sentence.
    pub name: String,
    /// Which check; may be left out where the module has only one.
    check: Option<String>,
    /// What the check remembered at the last tick.
    state: Option<String>,
    /// What was observed.
    #[serde(default)]
    tables: BTreeMap<String, table::Written>,
    /// The outcome.
    pub expect: Expected,
}

/// How a case ended.
#[derive(Debug, Serialize)]
pub struct Ran {
    /// The case.
    pub case: String,
    /// The check that was run.
    pub check: String,
    /// Pass, fail or inconclusive.
    pub status: Status,
    /// What is not as expected; empty when all is.
    pub differences: Vec<String>,
    /// About one unit an instruction, the same on every run.
    pub fuel: u64,
    /// Linear memory at the end.
    pub memory_bytes: usize,
    /// What the check answered, as JSON has it.
    pub answer_bytes: usize,
}

/// Reads the cases of a file.
///
/// # Errors
/// It cannot be read, or something in it is wrong.
pub fn read(file: &Path) -> Result<Vec<Case>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("no cases in {}", file.display()))?;
    let Document { case } =
        toml::from_str(&text).with_context(|| format!("{} is wrong", file.display()))?;
    ensure!(!case.is_empty(), "{} has no case", file.display());
    Ok(case)
}

/// Loads the module that cases are run against, under the engine's limits.
///
/// # Errors
/// It would not be loaded by the daemon either.
pub async fn load(engine: &Engine, name: &str, bytes: &[u8]) -> Result<InvariantModule> {
    Ok(InvariantModule::load(engine, name, bytes, "{}").await?)
}

impl Case {
    /// The check that it is about.
    ///
    /// # Errors
    /// The module has no such check, or several where none is named.
    pub fn check<'a>(&self, module: &'a InvariantModule) -> Result<&'a CheckDeclaration> {
        match (&self.check, module.checks()) {
            (None, [only]) => Ok(only),
            (None, _) => bail!(
                "case {:?}: name its check, the module has several",
                self.name
            ),
            (Some(id), checks) => checks
                .iter()
                .find(|check| check.id.0 == *id)
                .with_context(|| format!("case {:?}: the module has no check {id}", self.name)),
        }
    }

    /// What the check sees.
    ///
    /// # Errors
    /// A table is not what its columns say.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>> {
        let mut tables = BTreeMap::new();
        for (name, written) in &self.tables {
            let table = written
                .build(name)
                .with_context(|| format!("case {:?}, table {name}", self.name))?;
            tables.insert(name.clone(), Arc::new(table));
        }
        let observed = Observed {
            system: String::new(),
            tables,
            ..Observed::default()
        };
        let at = Timestamp(TAKEN_AT_MS);
        Ok(freeze(FreezeInput {
            tick: Tick(1),
            taken_at: at,
            host_at: at,
            subject: "case",
            observed,
            series: Arc::default(),
            past: &[],
            history_ticks: 0,
        }))
    }

    /// Runs the check once, as a tick does.
    ///
    /// # Errors
    /// The case itself is wrong.
    pub async fn evaluate(&self, module: &InvariantModule) -> Result<Evaluated> {
        let snapshot = self.snapshot()?;
        let state = self.state.as_ref().map(String::as_bytes);
        Ok(module.evaluate(self.check(module)?, &snapshot, state).await)
    }

    /// Runs it and compares.
    ///
    /// # Errors
    /// The case itself is wrong.
    pub async fn run(&self, module: &InvariantModule) -> Result<Ran> {
        let evaluated = self.evaluate(module).await?;
        let status = evaluated
            .result
            .as_ref()
            .map_or(Status::Inconclusive, |outcome| outcome.status);
        let answer_bytes = evaluated.result.as_ref().map_or(0, expect::size);
        Ok(Ran {
            case: self.name.clone(),
            check: self.check(module)?.id.0.clone(),
            status,
            differences: self.expect.differences(&evaluated.result),
            fuel: evaluated.fuel,
            memory_bytes: evaluated.memory_bytes,
            answer_bytes,
        })
    }
}

/// What the cases of each check leave out: every check should be seen to pass, to fail and not to know.
#[must_use]
pub fn gaps(module: &InvariantModule, ran: &[Ran]) -> Vec<String> {
    let seen: BTreeSet<(&str, Status)> = ran
        .iter()
        .map(|ran| (ran.check.as_str(), ran.status))
        .collect();
    let wanted = [
        (Status::Fail, "fails"),
        (Status::Pass, "is a near miss and passes"),
        (Status::Inconclusive, "cannot be told"),
    ];
    let missing = |check: &CheckDeclaration| {
        let id = check.id.0.clone();
        let lacks = wanted
            .iter()
            .filter(|(status, _)| !seen.contains(&(id.as_str(), *status)));
        lacks
            .map(|(_, word)| format!("check {id} has no case that {word}"))
            .collect::<Vec<_>>()
    };
    module.checks().iter().flat_map(missing).collect()
}

#[cfg(test)]
mod tests;
