//! A module of checks. Every call runs in a fresh instance, so that no check can leave anything
//! behind for another, or for itself but through its state.

mod instance;
mod measurement;

pub(crate) use instance::InvariantPre;

use crate::active::Active;
use crate::engine::Engine;
use crate::failure::PluginFailure;
use crate::info::{PluginInfo, is_identifier};
use crate::invariant::instance::Call;
use crate::link::Linked;
use crate::load::LoadError;
use crate::outcome::Outcome;
use crate::read_set::{Part, ReadSet};
use crate::resources::SnapshotResource;
use crate::state::fuel_used;
use crate::text;
use crate::trust::Trust;
use operator_data::Snapshot;
use operator_model::{CheckDeclaration, Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The configuration of a module that has none.
const NO_CONFIG: &str = "{}";

/// A loaded module.
pub struct InvariantModule {
    engine: Engine,
    active: Active<InvariantPre>,
    config_json: String,
    checks: Vec<CheckDeclaration>,
}

/// The end of one evaluation.
#[derive(Debug)]
pub struct Evaluated {
    /// What the check found, or why there is nothing.
    pub result: Result<Outcome, PluginFailure>,
    /// What it cost; the same on every run of the same component on the same snapshot.
    pub fuel: u64,
    /// Linear memory at its end, summed; the same on every run, too.
    pub memory_bytes: usize,
    /// What it read, if that can be compared with what it would read now.
    pub reads: Option<ReadSet>,
}

impl InvariantModule {
    /// Loads a module and asks it what it checks. `name` is a path or name for messages.
    ///
    /// # Errors
    /// One clear error for anything that is wrong with the bytes, the configuration or the plugin.
    pub async fn load(
        engine: &Engine,
        name: &str,
        bytes: &[u8],
        config_json: &str,
    ) -> Result<Self, LoadError> {
        let linked = Linked::invariant(engine, name, bytes).await?;
        let failed = |failure| LoadError::Failed {
            name: name.to_owned(),
            call: "declare",
            failure,
        };
        let mut call = Call::start(engine, linked.world(), None, Timestamp::default())
            .await
            .map_err(failed)?;
        let declared = call.declare(engine, config_json).await.map_err(failed)?;
        call.store.data_mut().guest.log.emit(name);
        let info = PluginInfo::checked(name, declared.info)?;
        let checks: Vec<_> = declared
            .checks
            .into_iter()
            .map(CheckDeclaration::from)
            .collect();
        let checks = checked(name, checks, engine)?;
        let active = Active::new(linked, info);
        Ok(Self {
            engine: engine.clone(),
            active,
            config_json: config_json.to_owned(),
            checks,
        })
    }

    /// What it says about itself.
    #[must_use]
    pub fn info(&self) -> &PluginInfo {
        self.active.info()
    }

    /// sha256 of its component.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.active.digest()
    }

    /// Instances that were made of it so far.
    #[must_use]
    pub fn instances(&self) -> u64 {
        self.active.instances()
    }

    /// Why it may run.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        self.active.trust()
    }

    /// sha256 of its configuration.
    #[must_use]
    pub fn config_digest(&self) -> Digest {
        Digest(hex::encode(Sha256::digest(&self.config_json)))
    }

    /// Its checks, sorted by id.
    #[must_use]
    pub fn checks(&self) -> &[CheckDeclaration] {
        &self.checks
    }

    /// Runs one check in an instance of its own.
    pub async fn evaluate(
        &self,
        check: &CheckDeclaration,
        snapshot: &Arc<Snapshot>,
        state: Option<&[u8]>,
    ) -> Evaluated {
        let started = Call::start(
            &self.engine,
            self.active.instantiable(),
            Some(Arc::clone(snapshot)),
            snapshot.taken_at,
        )
        .await;
        let mut call = match started {
            Ok(call) => call,
            Err(failure) => {
                return Evaluated {
                    result: Err(failure),
                    fuel: 0,
                    memory_bytes: 0,
                    reads: None,
                };
            }
        };
        let result = self.evaluate_in(&mut call, check, snapshot, state).await;
        call.store.data_mut().guest.log.emit(&self.info().name);
        let fuel = fuel_used(&call.store, &self.engine.limits().check);
        let guest = &mut call.store.data_mut().guest;
        if let Ok(outcome) = &result {
            guest.note(|reads| note_cited(reads, outcome, snapshot));
        }
        Evaluated {
            result,
            fuel,
            memory_bytes: guest.memory_bytes(),
            reads: guest.reads.take().filter(ReadSet::can_hold),
        }
    }

    /// Hot swap: converts the state that an older version of a check left.
    ///
    /// # Errors
    /// The module trapped, reached a limit, or says that it cannot.
    pub async fn migrate(
        &self,
        check: &CheckDeclaration,
        from_version: &str,
        state: &[u8],
    ) -> Result<Option<Vec<u8>>, PluginFailure> {
        let mut call = Call::start(
            &self.engine,
            self.active.instantiable(),
            None,
            Timestamp::default(),
        )
        .await?;
        self.configure(&mut call).await?;
        let migrated = call
            .migrate(&self.engine, &check.id.0, from_version, state)
            .await?;
        let (size, limit) = (
            migrated.as_ref().map_or(0, Vec::len),
            self.engine.limits().state_bytes_max,
        );
        if size > limit {
            return Err(PluginFailure::OutputTooLarge {
                what: "bytes of migrated state".to_owned(),
                size,
                limit,
            });
        }
        Ok(migrated)
    }

    async fn evaluate_in(
        &self,
        call: &mut Call,
        check: &CheckDeclaration,
        snapshot: &Arc<Snapshot>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, PluginFailure> {
        self.configure(call).await?;
        let handle = call
            .store
            .data_mut()
            .guest
            .resources
            .push(SnapshotResource(Arc::clone(snapshot)));
        let handle = handle.map_err(|error| PluginFailure::Host(error.to_string()))?;
        let outcome = call
            .evaluate(&self.engine, &check.id.0, handle, state)
            .await?;
        Outcome::judge(outcome, check, snapshot, self.engine.limits())
    }

    /// The only way in which a configuration reaches a fresh instance is its `declare`.
    async fn configure(&self, call: &mut Call) -> Result<(), PluginFailure> {
        if self.config_json.trim() == NO_CONFIG {
            return Ok(());
        }
        call.declare(&self.engine, &self.config_json)
            .await
            .map(drop)
    }
}

/// The host reads the cells that evidence refers to, so they are read as if the check had read them.
fn note_cited(reads: &mut ReadSet, outcome: &Outcome, snapshot: &Snapshot) {
    let cited: BTreeSet<(&str, &str)> = outcome
        .violations
        .iter()
        .flat_map(|violation| &violation.evidence)
        .filter(|evidence| evidence.row.is_some())
        .map(|evidence| (evidence.table.as_str(), evidence.column.as_str()))
        .collect();
    // Sorted: the columns of a table follow each other, and it is opened once.
    let mut opened: Option<(&str, usize)> = None;
    for (name, column) in cited {
        let Some(table) = snapshot.tables.get(name) else {
            continue;
        };
        let place = match opened {
            Some((before, place)) if before == name => place,
            _ => reads.opened(name, Some(table)),
        };
        opened = Some((name, place));
        reads.part(place, table, Part::Column(column));
    }
}

/// Refuses what cannot be used as a key or read by a person, and sorts.
fn checked(
    plugin: &str,
    mut checks: Vec<CheckDeclaration>,
    engine: &Engine,
) -> Result<Vec<CheckDeclaration>, LoadError> {
    let limits = engine.limits();
    let wrong = |what: String| {
        Err(LoadError::Declaration {
            name: plugin.to_owned(),
            what: text::clean(&what, 400),
        })
    };
    if checks.is_empty() {
        return wrong("no check".to_owned());
    }
    if checks.len() > limits.checks_per_module_max {
        return wrong(format!(
            "{} checks, the limit is {}",
            checks.len(),
            limits.checks_per_module_max
        ));
    }
    let mut ids = BTreeSet::new();
    for check in &mut checks {
        if !is_identifier(&check.id.0) {
            return wrong(format!(
                "the check {:?}, ids are lower-case words joined by hyphens",
                check.id.0
            ));
        }
        if !ids.insert(check.id.clone()) {
            return wrong(format!("the check {} twice", check.id));
        }
        check.claim = text::clean(&check.claim, limits.text_bytes_max);
    }
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(checks)
}
