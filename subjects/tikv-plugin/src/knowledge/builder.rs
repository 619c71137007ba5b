//! Builders for failure modes and their evidence rules.

use operator_plugin::knowledge::{
    Deviation, EvidenceRule, FailureMode, Fitness, OptionFit, RowTest, Scope, SignalComparison,
    SignalDeviation, Test,
};
use operator_plugin::{Comparison, Scalar};

/// Fills in a failure mode step by step.
pub(super) trait Describe {
    /// Sets the title and the mechanism.
    fn description(self, title: &str, mechanism: &str) -> Self;
    /// Adds evidence rules.
    fn evidence(self, rules: Vec<EvidenceRule>) -> Self;
    /// Adds rules for what the failure disturbs elsewhere.
    fn consequences(self, consequences: Vec<EvidenceRule>) -> Self;
    /// Names failure modes with similar symptoms.
    fn alternatives(self, alternatives: &[&str]) -> Self;
    /// Sets the options, best first.
    fn options(self, options: &[(&str, Fitness, &str)]) -> Self;
    /// Names what would change the recommendation.
    fn revisit_when(self, revisit_when: &str) -> Self;
}

impl Describe for FailureMode {
    fn description(mut self, title: &str, mechanism: &str) -> Self {
        self.title = title.to_owned();
        self.mechanism = mechanism.to_owned();
        self
    }

    fn evidence(mut self, rules: Vec<EvidenceRule>) -> Self {
        self.evidence.extend(rules);
        self
    }

    /// A consequence that several lists name is added once.
    fn consequences(mut self, consequences: Vec<EvidenceRule>) -> Self {
        for rule in consequences {
            if !self.evidence.iter().any(|known| known.id == rule.id) {
                self.evidence.push(rule);
            }
        }
        self
    }

    fn alternatives(mut self, alternatives: &[&str]) -> Self {
        self.alternatives = alternatives.iter().map(|id| (*id).to_owned()).collect();
        self
    }

    fn options(mut self, options: &[(&str, Fitness, &str)]) -> Self {
        let option = |(action, fitness, because): &(&str, Fitness, &str)| {
            OptionFit::new(*action, *fitness, *because)
        };
        self.options = options.iter().map(option).collect();
        self
    }

    fn revisit_when(mut self, revisit_when: &str) -> Self {
        self.revisit_when = revisit_when.to_owned();
        self
    }
}

/// An evidence rule under construction: `check(Scope::Itself, "store-up").ratios(20.0, 0.02)…`.
pub(super) struct RuleBuilder(EvidenceRule);

/// The check is violated.
pub(super) fn check(scope: Scope, id: &str) -> RuleBuilder {
    rule(scope, Test::Violated(id.to_owned()), id)
}

/// The signal deviates from its baseline.
pub(super) fn anomaly(scope: Scope, signal: &str) -> RuleBuilder {
    rule(scope, deviates(signal, Deviation::Anomalous), signal)
}

/// The signal deviates from the same signal of the other entities.
pub(super) fn outlier(scope: Scope, signal: &str) -> RuleBuilder {
    rule(
        scope,
        deviates(signal, Deviation::Outlier),
        &format!("{signal}-stands-out"),
    )
}

/// The latest value of the signal satisfies the comparison.
pub(super) fn level(scope: Scope, signal: &str, comparison: Comparison, value: f64) -> RuleBuilder {
    rule(
        scope,
        Test::SignalCompares(SignalComparison {
            signal: signal.to_owned(),
            comparison,
            value,
        }),
        &format!("{signal}-level"),
    )
}

/// A table cell satisfies the comparison; `entity_column` holds the key of the entity.
pub(super) fn cell(
    scope: Scope,
    (table, entity_column, column): (&str, &str, &str),
    comparison: Comparison,
    value: Scalar,
) -> RuleBuilder {
    let test = Test::RowMatches(RowTest {
        table: table.to_owned(),
        key_columns: vec![entity_column.to_owned()],
        column: column.to_owned(),
        comparison,
        value,
    });
    rule(
        scope,
        test,
        &format!("{table}-{}", column.replace('_', "-")),
    )
}

/// The outcome of the operator's own probe of the store's status server.
pub(super) fn store_probe(outcome: &str) -> RuleBuilder {
    let value = Scalar::Text(outcome.to_owned());
    cell(
        Scope::Itself,
        ("stores", "store", "probe"),
        Comparison::Eq,
        value,
    )
    .id(&format!("probe-{outcome}"))
}

/// The outcome of the operator's own probe of the PD member.
pub(super) fn member_probe(outcome: &str) -> RuleBuilder {
    let value = Scalar::Text(outcome.to_owned());
    cell(
        Scope::Itself,
        ("members", "member", "probe"),
        Comparison::Eq,
        value,
    )
    .id(&format!("probe-{outcome}"))
}

/// Another store reports that it cannot reach this one.
pub(super) fn reported_unreachable() -> RuleBuilder {
    cell(
        Scope::Itself,
        ("unreachable_reports", "target", "per_s"),
        Comparison::Gt,
        Scalar::Float(0.0),
    )
    .id("reported-unreachable")
}

fn deviates(signal: &str, deviation: Deviation) -> Test {
    Test::SignalDeviates(SignalDeviation {
        signal: signal.to_owned(),
        deviation,
    })
}

fn rule(scope: Scope, test: Test, subject: &str) -> RuleBuilder {
    let suffix = match scope {
        Scope::Itself => "",
        Scope::Others => "-of-others",
        Scope::Anyone => "-of-anyone",
        Scope::Neighbours => "-beside",
    };
    let id = format!("{subject}{suffix}");
    RuleBuilder(EvidenceRule::new(id, scope, test))
}

impl RuleBuilder {
    /// Replaces the id that is derived from the test.
    pub(super) fn id(mut self, id: &str) -> Self {
        self.0.group = id.to_owned();
        self.0.id = id.to_owned();
        self
    }

    /// Sets the likelihood ratios for a test that holds and for one that does not.
    pub(super) fn ratios(mut self, positive: f64, negative: f64) -> Self {
        self.0.lr_positive = positive;
        self.0.lr_negative = negative;
        self
    }

    /// Shares one vote with the other rules of this group.
    pub(super) fn group(mut self, group: &str) -> Self {
        self.0.group = group.to_owned();
        self
    }

    /// Marks a matching symptom as explained by the failure mode.
    pub(super) fn explains(mut self) -> Self {
        self.0.explains = true;
        self
    }

    /// Sets what it means when the test does not hold.
    pub(super) fn because_not(mut self, because_not: &str) -> Self {
        self.0.because_not = because_not.to_owned();
        self
    }

    /// Completes the rule with the reason and the source that supports it.
    pub(super) fn because(mut self, because: &str, reference: &str) -> EvidenceRule {
        self.0.because = because.to_owned();
        self.0.reference = reference.to_owned();
        self.0
    }
}

/// Rules for checks and signals that a failure disturbs without being evidence for it.
pub(super) fn consequences(
    scope: Scope,
    checks: &[&str],
    signals: &[&str],
    because: &str,
    reference: &str,
) -> Vec<EvidenceRule> {
    let rules = checks
        .iter()
        .map(|id| check(scope, id))
        .chain(signals.iter().map(|id| anomaly(scope, id)));
    let consequence = |rule: RuleBuilder| {
        let id = format!("brings-{}", rule.0.id);
        rule.id(&id)
            .group("consequences")
            .explains()
            .because(because, reference)
    };
    rules.map(consequence).collect()
}
