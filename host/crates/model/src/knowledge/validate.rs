//! Mistakes in a knowledge base that its types cannot rule out: references that lead nowhere, numbers out of range.
//!
//! A wrong letter in the name of an action makes the next best one the recommendation, and one in the name of a check
//! makes a failure mode lose for ever, both without a word. So a knowledge base is checked when it is loaded.

use super::{Action, EvidenceRule, FailureMode, KnowledgeBase, SignalSource, Test};
use crate::CheckId;
use crate::command::{Part, Step};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The action that every knowledge base may refer to, because the host has one of its own.
const WAIT: &str = "wait";

/// Placeholders that the host fills in for every entity.
const BUILT_IN: [&str; 4] = ["entity", "key", "kind", "name"];

/// Edits after which another name is still worth suggesting.
const EDITS_MAX: usize = 3;

/// Everything that is wrong with it, one sentence each, in the order of the knowledge base.
#[must_use]
pub fn mistakes(base: &KnowledgeBase) -> Vec<String> {
    let mut found = Vec::new();
    let signals = unique("signal", base.signals.iter().map(|one| &one.id), &mut found);
    let modes = unique(
        "failure mode",
        base.cards.iter().map(|one| &one.id),
        &mut found,
    );
    let mut actions = unique("action", base.actions.iter().map(|one| &one.id), &mut found);
    actions.insert(WAIT.to_owned());
    for signal in &base.signals {
        kind(
            &format!("signal {:?}", signal.id.as_str()),
            &signal.entity_kind,
            &mut found,
        );
        source(signal.id.as_str(), &signal.source, &mut found);
        if !(signal.floor.is_finite() && signal.floor >= 0.0) {
            let id = signal.id.as_str();
            found.push(format!("signal {id:?} has the floor {}", signal.floor));
        }
    }
    let names = Names {
        signals,
        modes,
        actions,
    };
    for mode in &base.cards {
        names.failure_mode(mode, &mut found);
    }
    for action in &base.actions {
        placeholders(action, base, &mut found);
    }
    found
}

/// References to checks that none of the loaded check plugins declares.
#[must_use]
pub fn unknown_checks(base: &KnowledgeBase, declared: &BTreeSet<CheckId>) -> Vec<String> {
    let names: BTreeSet<String> = declared.iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    for mode in &base.cards {
        for rule in &mode.evidence {
            if let Test::Violated(check) | Test::Holds(check) = &rule.test
                && !declared.contains(check)
            {
                let place = format!("rule {:?} of failure mode {:?}", rule.id, mode.id.as_str());
                found.push(dangling(&place, "check", check.as_str(), &names));
            }
        }
    }
    found
}

/// What a failure mode may refer to.
struct Names {
    signals: BTreeSet<String>,
    modes: BTreeSet<String>,
    actions: BTreeSet<String>,
}

impl Names {
    fn failure_mode(&self, mode: &FailureMode, found: &mut Vec<String>) {
        let id = mode.id.as_str();
        let place = format!("failure mode {id:?}");
        kind(&place, &mode.entity_kind, found);
        if !(mode.prior > 0.0 && mode.prior < 1.0) {
            found.push(format!(
                "{place} has the prior {}, which is not between 0 and 1",
                mode.prior
            ));
        }
        unique(
            &format!("rule of {place}"),
            mode.evidence.iter().map(|rule| &rule.id),
            found,
        );
        for rule in &mode.evidence {
            self.rule(&place, rule, found);
        }
        for alternative in &mode.rivals {
            if !self.modes.contains(alternative.as_str()) {
                found.push(dangling(
                    &place,
                    "failure mode",
                    alternative.as_str(),
                    &self.modes,
                ));
            }
        }
        for option in &mode.options {
            if !self.actions.contains(&option.action) {
                found.push(dangling(&place, "action", &option.action, &self.actions));
            }
        }
    }

    fn rule(&self, mode: &str, rule: &EvidenceRule, found: &mut Vec<String>) {
        let place = format!("rule {:?} of {mode}", rule.id);
        for ratio in [rule.ratio_if_true, rule.ratio_if_false] {
            if !(ratio.is_finite() && ratio > 0.0) {
                found.push(format!(
                    "{place} has the likelihood ratio {ratio}, which is not above 0"
                ));
            }
        }
        if let Test::SignalDeviates(signal, _) | Test::SignalCompares(signal, ..) = &rule.test
            && !self.signals.contains(signal.as_str())
        {
            found.push(dangling(&place, "signal", signal.as_str(), &self.signals));
        }
    }
}

fn source(signal: &str, source: &SignalSource, found: &mut Vec<String>) {
    if let SignalSource::Quantile { quantile, .. } = source
        && !(*quantile > 0.0 && *quantile < 1.0)
    {
        found.push(format!(
            "signal {signal:?} has the quantile {quantile}, which is not between 0 and 1"
        ));
    }
}

/// Names in braces in commands must be attributes. An action for a whole system may name those of its parts: then the
/// command is left out where they cannot be filled in, and the ticket says so.
fn placeholders(action: &Action, base: &KnowledgeBase, found: &mut Vec<String>) {
    let is_known = |name: &str| {
        BUILT_IN.contains(&name)
            || base
                .attributes
                .iter()
                .any(|attribute| attribute.name == name)
    };
    let commands = action.steps.iter().chain(&action.undo);
    let arguments = commands.filter_map(|step| match step {
        Step::Run(command) => Some(command.pipeline.iter().flatten().flatten()),
        Step::Instruction(_) => None,
    });
    for part in arguments.flatten() {
        if let Part::Placeholder { name, .. } = part
            && !is_known(name)
        {
            let id = &action.id;
            let what =
                format!("action {id:?} has the placeholder {{{name}}}, which is no attribute");
            if !found.contains(&what) {
                found.push(what);
            }
        }
    }
}

fn kind(place: &str, kind: &str, found: &mut Vec<String>) {
    let is_word = !kind.is_empty()
        && kind
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if !is_word {
        found.push(format!(
            "{place} is about entities of kind {kind:?}, which is no word"
        ));
    }
}

fn unique<'a, T: Display + 'a>(
    what: &str,
    ids: impl Iterator<Item = &'a T>,
    found: &mut Vec<String>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for id in ids {
        if !names.insert(id.to_string()) {
            found.push(format!("two are called {:?}: {what}", id.to_string()));
        }
    }
    names
}

fn dangling(place: &str, what: &str, name: &str, names: &BTreeSet<String>) -> String {
    let near = names
        .iter()
        .map(|known| (strsim::levenshtein(known, name), known))
        .filter(|(edits, _)| *edits <= EDITS_MAX)
        .min();
    let hint = near.map_or_else(String::new, |(_, known)| {
        format!("; did you mean {known:?}?")
    });
    format!("{place} refers to {what} {name:?}, which does not exist{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, PlaceholderKind};
    use crate::knowledge::{Fitness, OptionFit, Risk, Scope};
    use crate::{Comparison, Severity};

    fn rule(id: &str, test: Test) -> EvidenceRule {
        EvidenceRule {
            id: id.to_owned(),
            scope: Scope::Itself,
            test,
            ratio_if_true: 10.0,
            ratio_if_false: 0.1,
            group: id.to_owned(),
            explains: true,
            because: String::new(),
            because_not: String::new(),
            reference: String::new(),
        }
    }

    fn option(action: &str) -> OptionFit {
        OptionFit {
            action: action.to_owned(),
            fitness: Fitness::Best,
            because: String::new(),
            when: None,
            affects: Vec::new(),
        }
    }

    fn start(placeholder: &str) -> Action {
        let argument = vec![Part::Placeholder {
            name: placeholder.to_owned(),
            kind: PlaceholderKind::Id,
        }];
        Action {
            id: "start".to_owned(),
            title: String::new(),
            effect: String::new(),
            risk: Risk::Low,
            risk_note: String::new(),
            preconditions: Vec::new(),
            steps: vec![Step::Run(Command {
                pipeline: vec![vec![argument]],
                note: None,
            })],
            undo: Vec::new(),
        }
    }

    fn base() -> KnowledgeBase {
        let mode = FailureMode {
            id: "down".into(),
            title: String::new(),
            mechanism: String::new(),
            entity_kind: "node".to_owned(),
            severity: Severity::Warning,
            prior: 0.1,
            evidence: vec![rule("gone", Test::Violated("node-up".into()))],
            rivals: Vec::new(),
            options: vec![option("start"), option("wait")],
            revisit_when: String::new(),
        };
        KnowledgeBase {
            cards: vec![mode],
            actions: vec![start("key")],
            ..KnowledgeBase::default()
        }
    }

    /// What is found after one change.
    fn after(change: impl FnOnce(&mut KnowledgeBase)) -> Vec<String> {
        let mut base = base();
        change(&mut base);
        mistakes(&base)
    }

    #[test]
    fn a_sound_base_has_no_mistake() {
        assert_eq!(mistakes(&base()), Vec::<String>::new());
        let declared = BTreeSet::from(["node-up".into()]);
        assert_eq!(unknown_checks(&base(), &declared), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_of_an_outside_author_is_named_with_its_place() {
        let compares = Test::SignalCompares("lag".into(), Comparison::Gt, 1.0);
        let found = [
            after(|base| base.cards[0].options[0].action = "strat".to_owned()),
            after(|base| base.cards[0].evidence[0].test = compares),
            after(|base| base.cards[0].rivals = vec!["dwon".into()]),
            after(|base| base.cards[0].prior = 2.0),
            after(|base| base.cards[0].evidence[0].ratio_if_true = 0.0),
            after(|base| base.cards[0].evidence[0].ratio_if_false = -1.0),
            after(|base| base.cards[0].evidence[0].ratio_if_true = f64::NAN),
            after(|base| base.cards[0].entity_kind = "Node x".to_owned()),
            after(|base| base.cards.push(base.cards[0].clone())),
            after(|base| base.actions = vec![start("host")]),
        ];
        let expected = [
            "failure mode \"down\" refers to action \"strat\", which does not exist; did you mean \"start\"?",
            "rule \"gone\" of failure mode \"down\" refers to signal \"lag\", which does not exist",
            "failure mode \"down\" refers to failure mode \"dwon\", which does not exist; did you mean \"down\"?",
            "failure mode \"down\" has the prior 2, which is not between 0 and 1",
            "rule \"gone\" of failure mode \"down\" has the likelihood ratio 0, which is not above 0",
            "rule \"gone\" of failure mode \"down\" has the likelihood ratio -1, which is not above 0",
            "rule \"gone\" of failure mode \"down\" has the likelihood ratio NaN, which is not above 0",
            "failure mode \"down\" is about entities of kind \"Node x\", which is no word",
            "two are called \"down\": failure mode",
            "action \"start\" has the placeholder {host}, which is no attribute",
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, &[expected]);
        }
    }

    #[test]
    fn a_check_that_nobody_declares_is_named_with_the_nearest_one() {
        let declared = BTreeSet::from(["node-ups".into()]);
        assert_eq!(
            unknown_checks(&base(), &declared),
            [
                "rule \"gone\" of failure mode \"down\" refers to check \"node-up\", which does not exist; did you mean \"node-ups\"?"
            ]
        );
    }
}
