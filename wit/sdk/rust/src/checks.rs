//! Checks: what must hold, and the code that evaluates it.

use std::time::Duration;

use crate::bindings::check as world;
use crate::outcome::Outcome;
use crate::query::nanoseconds;
use crate::snapshot::Snapshot;
use crate::{PluginError, PluginInfo, Severity};

pub use world::operator::check::findings::{CheckDeclaration, Declaration};

/// A check plugin: the checks of one family.
pub trait Checks {
    /// Name, version and purpose of the plugin.
    fn info() -> PluginInfo;

    /// Its checks.
    fn checks() -> Vec<Check>;

    /// Takes the configuration of the plugin. The default knows no settings and accepts an empty object.
    ///
    /// # Errors
    /// [`PluginError::InvalidConfig`] for anything it does not know.
    fn configure(config: &str) -> Result<(), PluginError> {
        match config.split_whitespace().collect::<String>().as_str() {
            "" | "{}" | "null" => Ok(()),
            _ => Err(PluginError::InvalidConfig(
                "this plugin has no settings".to_owned(),
            )),
        }
    }

    /// Hot swap: converts the state of an older version. The default starts without.
    ///
    /// # Errors
    /// When the state cannot be read; the check then starts without it.
    fn migrate(
        check: &str,
        from_version: &str,
        state: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        let _ = (check, from_version, state);
        Ok(None)
    }
}

type Evaluate = Box<dyn Fn(&Snapshot, Option<&[u8]>) -> Result<Outcome, PluginError>>;

/// One check: `Check::new("store-up", "every store is up").critical().pending_for(limit).reads(&["stores"]).by(store_up)`.
pub struct Check {
    declaration: CheckDeclaration,
    evaluate: Evaluate,
}

impl Check {
    /// A warning without a pending time that reads no table and has no code yet.
    #[must_use]
    pub fn new(id: &str, claim: &str) -> Self {
        let declaration = CheckDeclaration {
            id: id.to_owned(),
            claim: claim.to_owned(),
            severity: Severity::Warning,
            pending: 0,
            tables: Vec::new(),
        };
        Self {
            declaration,
            evaluate: Box::new(|_, _| Ok(Outcome::inconclusive("the check has no code"))),
        }
    }

    /// How bad a violation is.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.declaration.severity = severity;
        self
    }

    /// A violation is critical.
    #[must_use]
    pub fn critical(self) -> Self {
        self.severity(Severity::Critical)
    }

    /// A violation is worth knowing, no more.
    #[must_use]
    pub fn info(self) -> Self {
        self.severity(Severity::Info)
    }

    /// How long a violation must last, in observed time, before it is active.
    #[must_use]
    pub fn pending_for(mut self, pending: Duration) -> Self {
        self.declaration.pending = nanoseconds(pending);
        self
    }

    /// Tables without which the check cannot decide.
    #[must_use]
    pub fn reads(mut self, tables: &[&str]) -> Self {
        self.declaration.tables = tables.iter().map(|table| (*table).to_owned()).collect();
        self
    }

    /// The code that evaluates it.
    #[must_use]
    pub fn by(
        mut self,
        evaluate: impl Fn(&Snapshot) -> Result<Outcome, PluginError> + 'static,
    ) -> Self {
        self.evaluate = Box::new(move |snapshot, _| evaluate(snapshot));
        self
    }

    /// The code that evaluates it, with the state that it returned at the last tick.
    #[must_use]
    pub fn with_state(
        mut self,
        evaluate: impl Fn(&Snapshot, Option<&[u8]>) -> Result<Outcome, PluginError> + 'static,
    ) -> Self {
        self.evaluate = Box::new(evaluate);
        self
    }

    /// What it declares.
    #[must_use]
    pub fn declaration(&self) -> &CheckDeclaration {
        &self.declaration
    }

    /// Runs it.
    ///
    /// # Errors
    /// Those of its code; the host makes an inconclusive verdict of them.
    pub fn evaluate(
        &self,
        snapshot: &Snapshot,
        state: Option<&[u8]>,
    ) -> Result<Outcome, PluginError> {
        (self.evaluate)(snapshot, state)
    }
}

/// Makes a component of a type that implements [`Checks`].
#[macro_export]
macro_rules! export_checks {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        type OperatorChecks = $crate::checks::Exports<$plugin>;
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::check::export_check_world!(OperatorChecks with_types_in $crate::bindings::check);
    };
}

/// The exports of a check plugin; made by [`export_checks!`].
#[doc(hidden)]
pub struct Exports<T>(std::marker::PhantomData<T>);

impl<T: Checks> world::Guest for Exports<T> {
    fn declare(config: String) -> Result<Declaration, PluginError> {
        T::configure(&config)?;
        let checks = T::checks()
            .into_iter()
            .map(|check| check.declaration)
            .collect();
        Ok(Declaration {
            info: T::info(),
            checks,
        })
    }

    fn evaluate(
        check: String,
        snapshot: world::Snapshot,
        state: Option<Vec<u8>>,
    ) -> Result<world::Outcome, PluginError> {
        let found = T::checks()
            .into_iter()
            .find(|candidate| candidate.declaration.id == check);
        let found = found
            .ok_or_else(|| PluginError::Internal(format!("no check {check} in this plugin")))?;
        found
            .evaluate(&Snapshot::of_host(snapshot), state.as_deref())
            .map(Outcome::into_host)
    }

    fn migrate(
        check: String,
        from_version: String,
        state: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        T::migrate(&check, &from_version, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SnapshotBuilder;
    use crate::{Findings, Scalar, Status, TableError, Violation, entity, table};

    fn all_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
        let stores = snapshot.table("stores")?;
        let mut findings = Findings::new();
        for row in stores.rows() {
            let store = entity("store", row.text("store").unwrap_or("?"));
            match row.text("state") {
                Some("Up") => findings.pass(store),
                Some(state) => findings.fail(
                    Violation::new(store, format!("it is {state}"))
                        .evidence(row.evidence("state").expected("Up")),
                ),
                None => findings.unknown(&store, "no state"),
            }
        }
        Ok(findings.conclude(format!("{} stores", stores.len())))
    }

    fn evaluate(states: [Option<&str>; 2]) -> Outcome {
        let stores = table("stores")
            .texts("store", ["1".to_owned(), "4".to_owned()])
            .texts("state", states.map(|state| state.map(str::to_owned)));
        let check = Check::new("all-up", "every store is up")
            .pending_for(Duration::from_secs(15))
            .reads(&["stores"])
            .by(all_up);
        assert_eq!(check.declaration().pending, 15_000_000_000);
        let snapshot = SnapshotBuilder::of("test").table(stores).build();
        check.evaluate(&snapshot, None).unwrap()
    }

    #[test]
    fn one_violation_fails_and_cites_its_cell() {
        let outcome = evaluate([Some("Up"), Some("Down")]);
        assert_eq!(outcome.status(), Status::Fail);
        assert_eq!(outcome.passed(), ["store/1"]);
        let violation = &outcome.violations()[0];
        assert_eq!(violation.entity, "store/4");
        assert_eq!(
            violation.evidence[0].observed,
            Some(Scalar::Text("Down".to_owned()))
        );
    }

    #[test]
    fn an_unknown_entity_is_never_a_pass() {
        let outcome = evaluate([Some("Up"), None]);
        assert_eq!(outcome.status(), Status::Inconclusive);
        assert_eq!(outcome.reason(), "store/4: no state");
        assert_eq!(outcome.passed(), ["store/1"]);
    }

    #[test]
    fn a_missing_table_is_named() {
        let error = all_up(&SnapshotBuilder::of("test").build()).unwrap_err();
        assert_eq!(
            error,
            PluginError::from(TableError::NoSuchTable("stores".to_owned()))
        );
    }
}
