//! Checks: what must hold, and how to tell.

use crate::bindings::invariant as world;
use crate::snapshot::Snapshot;
use crate::{PluginError, PluginInfo, Scalar, Severity};

pub use world::operator::plugin::checks::{
    CheckDeclaration, Declaration, Evidence, Outcome, Status, Violation,
};

/// A module of checks of one family.
pub trait Invariants {
    /// Name, version and purpose of the module.
    fn info() -> PluginInfo;

    /// Its checks.
    fn checks() -> Vec<Check>;

    /// Takes the configuration of the module. The default knows no settings and accepts an empty object.
    ///
    /// # Errors
    /// [`PluginError::InvalidConfig`] for anything it does not know.
    fn configure(config: &str) -> Result<(), PluginError> {
        match config.split_whitespace().collect::<String>().as_str() {
            "" | "{}" | "null" => Ok(()),
            _ => Err(PluginError::InvalidConfig(
                "this module has no settings".to_owned(),
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

/// One check: `Check::new("store-up", "every store is up").critical().hold_ms(15_000).reads(&["stores"]).by(store_up)`.
pub struct Check {
    declaration: CheckDeclaration,
    evaluate: Evaluate,
}

impl Check {
    /// A warning without a hold that reads no table and cannot tell yet.
    #[must_use]
    pub fn new(id: &str, claim: &str) -> Self {
        let declaration = CheckDeclaration {
            id: id.to_owned(),
            claim: claim.to_owned(),
            severity: Severity::Warning,
            hold: 0,
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

    /// How long a violation must last before it counts, in milliseconds of observed time.
    #[must_use]
    pub fn hold_ms(mut self, hold_ms: u64) -> Self {
        self.declaration.hold = hold_ms;
        self
    }

    /// Tables without which the check cannot tell.
    #[must_use]
    pub fn reads(mut self, tables: &[&str]) -> Self {
        self.declaration.tables = tables.iter().map(|table| (*table).to_owned()).collect();
        self
    }

    /// The code that tells.
    #[must_use]
    pub fn by(
        mut self,
        evaluate: impl Fn(&Snapshot) -> Result<Outcome, PluginError> + 'static,
    ) -> Self {
        self.evaluate = Box::new(move |snapshot, _| evaluate(snapshot));
        self
    }

    /// The code that tells, with the state that it returned at the last tick.
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
    /// As its code says; the host makes an inconclusive verdict of it.
    pub fn evaluate(
        &self,
        snapshot: &Snapshot,
        state: Option<&[u8]>,
    ) -> Result<Outcome, PluginError> {
        (self.evaluate)(snapshot, state)
    }
}

impl Outcome {
    /// All is in order; `reason` says what was looked at.
    #[must_use]
    pub fn pass(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Pass,
            reason: reason.into(),
            violations: Vec::new(),
            passed: Vec::new(),
            state: None,
        }
    }

    /// It is not.
    #[must_use]
    pub fn fail(reason: impl Into<String>, violations: Vec<Violation>) -> Self {
        Self {
            status: Status::Fail,
            reason: reason.into(),
            violations,
            passed: Vec::new(),
            state: None,
        }
    }

    /// It could not be told, and why.
    #[must_use]
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Inconclusive,
            ..Self::pass(reason)
        }
    }

    /// Entities that were looked at and are in order.
    #[must_use]
    pub fn passing(mut self, entities: impl IntoIterator<Item = String>) -> Self {
        self.passed.extend(entities);
        self
    }

    /// Handed back at the next tick.
    #[must_use]
    pub fn remember(mut self, state: Vec<u8>) -> Self {
        self.state = Some(state);
        self
    }
}

impl Violation {
    /// `entity` breaks the rule; `summary` is one sentence without a full stop.
    pub fn new(entity: impl Into<String>, summary: impl Into<String>) -> Self {
        let (entity, summary) = (entity.into(), summary.into());
        Self {
            entity,
            summary,
            evidence: Vec::new(),
            severity: None,
            confirmed: false,
        }
    }

    /// Cites an observation; every violation needs at least one.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Independent observations agree: waiting for the hold would add nothing.
    #[must_use]
    pub fn confirmed(mut self, confirmed: bool) -> Self {
        self.confirmed = confirmed;
        self
    }

    /// This one is worse, or less bad, than the check declares.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

impl Evidence {
    /// A value that `metrics` answered; `query` says to what question.
    pub fn metric(query: impl Into<String>, value: f64, unit: &str) -> Self {
        Self {
            table: "metrics".to_owned(),
            row: None,
            column: query.into(),
            observed: Scalar::Float(value),
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            expected: None,
        }
    }

    /// What the value would be if all were well.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

/// Collects what a check finds, entity by entity, and draws the conclusion: one violation fails, one entity that could
/// not be judged leaves it open, and only when all were seen in order does it pass.
#[derive(Debug, Default)]
pub struct Findings {
    violations: Vec<Violation>,
    passed: Vec<String>,
    unknown: Vec<String>,
}

impl Findings {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The entity is in order.
    pub fn pass(&mut self, entity: impl Into<String>) {
        self.passed.push(entity.into());
    }

    /// The entity breaks the rule.
    pub fn fail(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The entity could not be judged: `because` completes "store/4: …".
    pub fn unknown(&mut self, entity: &str, because: &str) {
        self.unknown.push(format!("{entity}: {because}"));
    }

    /// Whether nothing at all was looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.violations.is_empty() && self.passed.is_empty() && self.unknown.is_empty()
    }

    /// The outcome; `looked_at` says what was examined, for example `3 stores`.
    #[must_use]
    pub fn conclude(self, looked_at: impl Into<String>) -> Outcome {
        let looked_at = looked_at.into();
        let mut outcome = if !self.violations.is_empty() {
            Outcome::fail(looked_at, self.violations)
        } else if !self.unknown.is_empty() {
            Outcome::inconclusive(self.unknown.join("; "))
        } else if self.passed.is_empty() {
            Outcome::inconclusive(format!("nothing to judge: {looked_at}"))
        } else {
            Outcome::pass(looked_at)
        };
        outcome.passed = self.passed;
        outcome
    }
}

/// Makes a component of a type that implements [`Invariants`].
#[macro_export]
macro_rules! export_invariants {
    ($module:ty) => {
        #[cfg(target_arch = "wasm32")]
        type OperatorModule = $crate::invariants::Module<$module>;
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::invariant::export_invariant_world!(OperatorModule with_types_in $crate::bindings::invariant);
    };
}

/// The exports of a module; made by [`export_invariants!`].
#[doc(hidden)]
pub struct Module<T>(std::marker::PhantomData<T>);

impl<T: Invariants> world::Guest for Module<T> {
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
    ) -> Result<Outcome, PluginError> {
        let found = T::checks()
            .into_iter()
            .find(|candidate| candidate.declaration.id == check);
        let found = found
            .ok_or_else(|| PluginError::Internal(format!("no check {check} in this module")))?;
        found.evaluate(&Snapshot::of_host(snapshot), state.as_deref())
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
    use crate::{TableError, table};

    fn all_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
        let stores = snapshot.table("stores")?;
        let mut findings = Findings::new();
        for row in stores.rows() {
            let entity = format!("store/{}", row.text("store").unwrap_or("?"));
            match row.text("state") {
                Some("Up") => findings.pass(entity),
                Some(state) => findings.fail(
                    Violation::new(entity, format!("it is {state}"))
                        .evidence(row.evidence("state").expected("Up")),
                ),
                None => findings.unknown(&entity, "no state"),
            }
        }
        Ok(findings.conclude(format!("{} stores", stores.len())))
    }

    fn judge(states: [Option<&str>; 2]) -> Result<Outcome, PluginError> {
        let stores = table("stores")
            .texts("store", ["1".to_owned(), "4".to_owned()])
            .texts("state", states.map(|state| state.map(str::to_owned)));
        let check = Check::new("all-up", "every store is up")
            .reads(&["stores"])
            .by(all_up);
        check.evaluate(&SnapshotBuilder::of("test").table(stores).build(), None)
    }

    #[test]
    fn one_violation_fails_and_cites_its_cell() {
        let outcome = judge([Some("Up"), Some("Down")]).unwrap();
        assert_eq!(
            (outcome.status, outcome.passed),
            (Status::Fail, vec!["store/1".to_owned()])
        );
        assert_eq!(
            outcome.violations[0].evidence[0].observed,
            Scalar::Text("Down".to_owned())
        );
    }

    #[test]
    fn an_unknown_entity_is_never_a_pass() {
        let outcome = judge([Some("Up"), None]).unwrap();
        assert_eq!(
            (outcome.status, outcome.reason.as_str()),
            (Status::Inconclusive, "store/4: no state")
        );
    }

    #[test]
    fn no_entity_at_all_is_never_a_pass() {
        assert_eq!(
            Findings::new().conclude("0 stores").status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_missing_table_says_its_name() {
        let error = all_up(&SnapshotBuilder::of("test").build()).unwrap_err();
        assert_eq!(
            error,
            PluginError::from(TableError::NoSuchTable("stores".to_owned()))
        );
    }
}
