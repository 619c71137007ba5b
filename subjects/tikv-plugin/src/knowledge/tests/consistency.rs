//! The knowledge base is consistent in itself.

use std::collections::BTreeSet;

use operator_plugin::knowledge::{Fitness, Risk, Scope};

use super::{base, rules, unique};

#[test]
fn ids_are_unique_and_well_formed() {
    let base = base();
    unique(base.signals.iter().map(|signal| &signal.id));
    unique(base.failure_modes.iter().map(|mode| &mode.id));
    unique(base.actions.iter().map(|action| &action.id));
    for mode in &base.failure_modes {
        unique(mode.evidence.iter().map(|rule| &rule.id));
    }
    assert!(base.signals.len() >= 25 && base.failure_modes.len() >= 15 && base.actions.len() >= 15);
}

#[test]
fn lists_are_sorted_by_id() {
    let base = base();
    assert!(base.signals.is_sorted_by_key(|signal| signal.id.clone()));
    assert!(base.failure_modes.is_sorted_by_key(|mode| mode.id.clone()));
    assert!(base.actions.is_sorted_by_key(|action| action.id.clone()));
}

#[test]
fn alternatives_and_actions_exist() {
    let base = base();
    let failure_modes = unique(base.failure_modes.iter().map(|mode| &mode.id));
    let actions = unique(base.actions.iter().map(|action| &action.id));
    for mode in &base.failure_modes {
        assert!(
            !mode.alternatives.is_empty(),
            "{} has no alternative",
            mode.id
        );
        for rival in &mode.alternatives {
            assert!(
                failure_modes.contains(rival.as_str()) && rival != &mode.id,
                "{}: alternative {rival}",
                mode.id
            );
        }
        let fits = unique(mode.options.iter().map(|option| &option.action));
        assert!(
            fits.is_subset(&actions),
            "{}: {:?}",
            mode.id,
            fits.difference(&actions)
        );
    }
    let used: BTreeSet<&str> = base
        .failure_modes
        .iter()
        .flat_map(|mode| &mode.options)
        .map(|fit| fit.action.as_str())
        .collect();
    assert_eq!(actions, used, "an action that no failure mode offers");
}

#[test]
fn every_failure_mode_offers_waiting_and_one_best_option() {
    for mode in base().failure_modes {
        assert!(
            mode.options.iter().any(|option| option.action == "wait"),
            "{}",
            mode.id
        );
        let best = mode
            .options
            .iter()
            .filter(|option| option.fitness == Fitness::Best)
            .count();
        assert!(
            best == 1 && mode.options.len() >= 2,
            "{}: {best} best options",
            mode.id
        );
    }
}

#[test]
fn unsafe_recovery_is_always_harmful() {
    for mode in base().failure_modes {
        for option in mode
            .options
            .iter()
            .filter(|option| option.action == "unsafe-recovery")
        {
            assert_eq!(option.fitness, Fitness::Harmful, "{}", mode.id);
        }
    }
    let base = base();
    let irreversible = base
        .actions
        .iter()
        .filter(|action| action.risk == Risk::High);
    assert!(
        irreversible.clone().count() >= 3
            && irreversible
                .clone()
                .all(|action| !action.preconditions.is_empty())
    );
}

#[test]
fn likelihood_ratios_are_plausible() {
    for mode in base().failure_modes {
        assert!(
            mode.prior > 0.0 && mode.prior <= 0.1,
            "{}: prior {}",
            mode.id,
            mode.prior
        );
        let strong = mode.evidence.iter().any(|rule| rule.lr_positive >= 5.0);
        assert!(strong, "{}: no strong evidence for it", mode.id);
        let denied = mode
            .evidence
            .iter()
            .any(|rule| rule.lr_positive < 0.5 || rule.lr_negative < 0.5);
        assert!(denied, "{}: no evidence against it", mode.id);
    }
    for (mode, rule) in rules() {
        for ratio in [rule.lr_positive, rule.lr_negative] {
            assert!(ratio > 0.0 && ratio <= 100.0, "{mode}/{}: {ratio}", rule.id);
        }
        let both_up = rule.lr_positive > 1.0 && rule.lr_negative > 1.0;
        let both_down = rule.lr_positive < 1.0 && rule.lr_negative < 1.0;
        assert!(
            !both_up && !both_down,
            "{mode}/{}: both outcomes point the same way",
            rule.id
        );
        assert!(
            !rule.because.is_empty() && !rule.reference.is_empty() && !rule.group.is_empty(),
            "{mode}/{}",
            rule.id
        );
    }
}

#[test]
fn consequences_explain_without_being_evidence() {
    for (mode, rule) in rules()
        .into_iter()
        .filter(|(_, rule)| rule.group == "consequences")
    {
        assert!(rule.explains, "{mode}/{}", rule.id);
        assert!(
            (rule.lr_positive - 1.0).abs() + (rule.lr_negative - 1.0).abs() < f64::EPSILON,
            "{mode}/{}",
            rule.id
        );
    }
}

#[test]
fn texts_are_complete() {
    for mode in base().failure_modes {
        assert!(
            !mode.title.is_empty() && !mode.title.contains('{') && !mode.title.ends_with('.'),
            "{}",
            mode.id
        );
        assert!(
            mode.mechanism.ends_with('.') && !mode.revisit_when.is_empty(),
            "{}",
            mode.id
        );
        let names = mode.entity_kind == "cluster" || mode.mechanism.contains("{name}");
        assert!(names, "{}: the mechanism does not name the entity", mode.id);
        for option in &mode.options {
            assert!(
                !option.because.is_empty() && !option.because.ends_with('.'),
                "{}/{}",
                mode.id,
                option.action
            );
        }
    }
    for action in base().actions {
        assert!(
            !action.effect.is_empty() && !action.risk_note.is_empty(),
            "{}",
            action.id
        );
    }
}

#[test]
fn beside_rules_have_the_neighbour_scope() {
    // The topology joins each store to the cluster, so the cluster is a neighbour of the store.
    for (mode, rule) in rules()
        .into_iter()
        .filter(|(_, rule)| rule.id.starts_with("brings-") && rule.id.ends_with("-beside"))
    {
        assert_eq!(rule.scope, Scope::Neighbours, "{mode}/{}", rule.id);
    }
}
