//! Words for writing cards: who, what, how much, why.

use operator_plugin::knowledge::{
    Card, Deviation, EvidenceRule, Fitness, OptionFit, RowTest, Scope, Test,
};
use operator_plugin::{Comparison, Scalar, Severity};

/// A card without evidence and options.
pub(super) fn card(id: &str, entity_kind: &str, severity: Severity, prior: f64) -> Card {
    Card {
        id: id.to_owned(),
        title: String::new(),
        mechanism: String::new(),
        entity_kind: entity_kind.to_owned(),
        severity,
        prior,
        evidence: Vec::new(),
        rivals: Vec::new(),
        options: Vec::new(),
        revisit_when: String::new(),
    }
}

/// Builds a card up, line by line.
pub(super) trait Write {
    /// Title and mechanism.
    fn says(self, title: &str, mechanism: &str) -> Self;
    /// Adds evidence.
    fn seen_by(self, rules: Vec<EvidenceRule>) -> Self;
    /// Names what the failure brings with it.
    fn brings(self, consequences: Vec<EvidenceRule>) -> Self;
    /// Cards that look alike.
    fn unlike(self, rivals: &[&str]) -> Self;
    /// What can be done, the fittest first.
    fn cured_by(self, options: &[(&str, Fitness, &str)]) -> Self;
    /// What would change the recommendation.
    fn until(self, revisit_when: &str) -> Self;
}

impl Write for Card {
    fn says(mut self, title: &str, mechanism: &str) -> Self {
        (self.title, self.mechanism) = (title.to_owned(), mechanism.to_owned());
        self
    }

    fn seen_by(mut self, rules: Vec<EvidenceRule>) -> Self {
        self.evidence.extend(rules);
        self
    }

    /// What two lists name is one consequence.
    fn brings(mut self, consequences: Vec<EvidenceRule>) -> Self {
        for rule in consequences {
            if !self.evidence.iter().any(|known| known.id == rule.id) {
                self.evidence.push(rule);
            }
        }
        self
    }

    fn unlike(mut self, rivals: &[&str]) -> Self {
        self.rivals = rivals.iter().map(|rival| (*rival).to_owned()).collect();
        self
    }

    fn cured_by(mut self, options: &[(&str, Fitness, &str)]) -> Self {
        let option = |(action, fitness, because): &(&str, Fitness, &str)| OptionFit {
            action: (*action).to_owned(),
            fitness: *fitness,
            because: (*because).to_owned(),
        };
        self.options = options.iter().map(option).collect();
        self
    }

    fn until(mut self, revisit_when: &str) -> Self {
        self.revisit_when = revisit_when.to_owned();
        self
    }
}

/// A rule that is being written: `check(Scope::Itself, "store-up").weighs(20.0, 0.02)…`.
pub(super) struct Draft(EvidenceRule);

/// The check has a violation.
pub(super) fn check(scope: Scope, id: &str) -> Draft {
    draft(scope, Test::Violated(id.to_owned()), id)
}

/// The signal left its baseline.
pub(super) fn anomaly(scope: Scope, signal: &str) -> Draft {
    draft(
        scope,
        Test::SignalDeviates((signal.to_owned(), Deviation::Anomalous)),
        signal,
    )
}

/// The signal stands out from the same signal of the others.
pub(super) fn outlier(scope: Scope, signal: &str) -> Draft {
    draft(
        scope,
        Test::SignalDeviates((signal.to_owned(), Deviation::Outlier)),
        &format!("{signal}-stands-out"),
    )
}

/// The newest value of the signal compares so.
pub(super) fn level(scope: Scope, signal: &str, comparison: Comparison, value: f64) -> Draft {
    draft(
        scope,
        Test::SignalCompares((signal.to_owned(), comparison, value)),
        &format!("{signal}-level"),
    )
}

/// A cell of a table compares so; the entity is looked up in `entity_column`.
pub(super) fn cell(
    scope: Scope,
    (table, entity_column, column): (&str, &str, &str),
    comparison: Comparison,
    value: Scalar,
) -> Draft {
    let test = Test::RowMatches(RowTest {
        table: table.to_owned(),
        entity_column: entity_column.to_owned(),
        column: column.to_owned(),
        comparison,
        value,
    });
    draft(
        scope,
        test,
        &format!("{table}-{}", column.replace('_', "-")),
    )
}

/// The status server's answer to our own probe.
pub(super) fn store_probe(outcome: &str) -> Draft {
    let value = Scalar::Text(outcome.to_owned());
    cell(
        Scope::Itself,
        ("stores", "store", "probe"),
        Comparison::Eq,
        value,
    )
    .named(&format!("probe-{outcome}"))
}

/// The PD member's answer to our own probe.
pub(super) fn member_probe(outcome: &str) -> Draft {
    let value = Scalar::Text(outcome.to_owned());
    cell(
        Scope::Itself,
        ("members", "member", "probe"),
        Comparison::Eq,
        value,
    )
    .named(&format!("probe-{outcome}"))
}

/// Some other store reports that it cannot reach this one.
pub(super) fn reported_unreachable() -> Draft {
    cell(
        Scope::Itself,
        ("unreachable_reports", "target", "per_s"),
        Comparison::Gt,
        Scalar::Float(0.0),
    )
    .named("reported-unreachable")
}

fn draft(scope: Scope, test: Test, what: &str) -> Draft {
    let whose = match scope {
        Scope::Itself => "",
        Scope::Others => "-of-others",
        Scope::Anyone => "-of-anyone",
        Scope::Neighbours => "-beside",
    };
    let id = format!("{what}{whose}");
    Draft(EvidenceRule {
        id: id.clone(),
        scope,
        test,
        ratio_if_true: 1.0,
        ratio_if_false: 1.0,
        group: id,
        explains: false,
        because: String::new(),
        reference: String::new(),
    })
}

impl Draft {
    /// Another id than the one made of its test.
    pub(super) fn named(mut self, id: &str) -> Self {
        self.0.group = id.to_owned();
        self.0.id = id.to_owned();
        self
    }

    /// Likelihood ratios when the test holds and when it does not.
    pub(super) fn weighs(mut self, if_true: f64, if_false: f64) -> Self {
        (self.0.ratio_if_true, self.0.ratio_if_false) = (if_true, if_false);
        self
    }

    /// Shares a vote with the others of this group.
    pub(super) fn group(mut self, group: &str) -> Self {
        self.0.group = group.to_owned();
        self
    }

    /// A symptom that matches is explained by the card.
    pub(super) fn explains(mut self) -> Self {
        self.0.explains = true;
        self
    }

    /// Why, and where from: ends the rule.
    pub(super) fn because(mut self, because: &str, reference: &str) -> EvidenceRule {
        (self.0.because, self.0.reference) = (because.to_owned(), reference.to_owned());
        self.0
    }
}

/// Checks and signals that a failure disturbs without speaking for it.
pub(super) fn consequences(
    scope: Scope,
    checks: &[&str],
    signals: &[&str],
    because: &str,
    reference: &str,
) -> Vec<EvidenceRule> {
    let drafts = checks
        .iter()
        .map(|id| check(scope, id))
        .chain(signals.iter().map(|id| anomaly(scope, id)));
    let rule = |draft: Draft| {
        let id = format!("brings-{}", draft.0.id);
        draft
            .named(&id)
            .group("consequences")
            .explains()
            .because(because, reference)
    };
    drafts.map(rule).collect()
}
