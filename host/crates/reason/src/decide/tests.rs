//! What is recommended, and what never is.

use crate::diagnose::fixture::{
    Sight, Story, fails, holds, knowledge, node_two_gone, slow_disk_on_two,
    slow_for_an_unknown_reason,
};
use operator_model::Predicate;
use operator_model::knowledge::{Fitness, KnowledgeBase, Risk};

fn decided_with(knowledge: KnowledgeBase, sight: &Sight) -> super::Decided {
    let mut story = Story::with(knowledge);
    story.repeat(20, &Sight::default());
    let incidents = story.repeat(5, sight);
    story.decide(&incidents[0], sight)
}

fn decided(sight: &Sight) -> super::Decided {
    decided_with(knowledge(), sight)
}

#[test]
fn the_option_that_helps_most_is_recommended_with_its_command_filled_in() {
    let decided = decided(&node_two_gone());
    assert_eq!(decided.decision.option, "restart-node");
    assert_eq!(
        decided.options[0].commands,
        ["nodectl restart 10.0.0.2:9000"]
    );
    assert_eq!(
        decided.options[0].effect,
        "Restart the node on 10.0.0.2:9000."
    );
    assert_eq!(
        decided.decision.revisit_when,
        "10.0.0.2:9000 recovers without help"
    );
    assert_eq!(decided.gaps, Vec::<String>::new());
    assert!(
        decided
            .options
            .is_sorted_by(|a, b| a.expected_value >= b.expected_value)
    );
}

#[test]
fn a_harmful_action_is_no_option_and_is_named_as_what_must_not_be_done() {
    let decided = decided(&slow_disk_on_two());
    let is_restart = |action: &str| action == "restart-node";
    assert!(!decided.options.iter().any(|one| is_restart(&one.action)));
    let [prohibition] = &decided.do_not[..] else {
        panic!("{:?}", decided.do_not)
    };
    assert!(is_restart(&prohibition.action) && !prohibition.because.is_empty());
    assert!(decided.options.len() >= 2);
}

#[test]
fn what_cannot_be_undone_is_not_recommended_because_nothing_better_is_left() {
    let mut knowledge = knowledge();
    for card in &mut knowledge.cards {
        card.options.retain(|fit| fit.action == "replace-disk");
        for fit in &mut card.options {
            fit.fitness = Fitness::Acceptable;
        }
    }
    let decided = decided_with(knowledge, &slow_disk_on_two());
    let replace = decided
        .options
        .iter()
        .find(|one| one.action == "replace-disk");
    assert!(replace.unwrap().last_resort);
    assert_eq!(decided.decision.option, "wait");
}

#[test]
fn while_the_cause_is_undetermined_only_safe_actions_are_recommended() {
    let mut knowledge = knowledge();
    for card in &mut knowledge.cards {
        card.options.retain(|fit| fit.action != "reroute");
        for fit in &mut card.options {
            // The risky one would help against either cause.
            fit.fitness = if fit.action == "replace-disk" {
                Fitness::Best
            } else {
                Fitness::Useless
            };
        }
    }
    let decided = decided_with(knowledge, &slow_for_an_unknown_reason());
    let chosen = &decided.options[0];
    assert_eq!((chosen.action.as_str(), chosen.risk), ("wait", Risk::None));
    assert!(
        decided
            .options
            .iter()
            .any(|option| option.expected_value > chosen.expected_value),
        "a riskier option has a higher expected value"
    );
    assert_eq!(
        decided.decision.revisit_when,
        "the cause is determined, or the symptoms change"
    );
}

#[test]
fn waiting_is_always_an_option_and_never_the_only_one() {
    let unknown = Sight {
        verdicts: vec![
            holds("node-answers"),
            fails("colour-is-right", &["node/1"], &[]),
        ],
        ..Sight::default()
    };
    for sight in [
        node_two_gone(),
        slow_disk_on_two(),
        slow_for_an_unknown_reason(),
        unknown.clone(),
    ] {
        let decided = decided(&sight);
        assert!(decided.options.iter().any(|option| option.action == "wait"));
        assert!(decided.options.len() >= 2);
    }
    let empty = decided_with(KnowledgeBase::default(), &unknown);
    let actions: Vec<&str> = empty
        .options
        .iter()
        .map(|option| option.action.as_str())
        .collect();
    assert_eq!(actions, ["look-by-hand", "wait"]);
}

#[test]
fn the_rationale_argues_for_the_cause_against_the_alternatives_and_for_the_option() {
    let decided = decided(&slow_disk_on_two());
    let ops: Vec<&str> = decided
        .rationale
        .iter()
        .map(|claim| match claim.predicate {
            Predicate::Discriminates { .. } => "told-apart",
            Predicate::Prefers { .. } => "prefers",
            _ => "seen",
        })
        .collect();
    assert_eq!(ops.first(), Some(&"seen"));
    assert!(ops.contains(&"told-apart"));
    assert_eq!(ops.last(), Some(&"prefers"));
    let last = &decided.rationale.last().unwrap().text;
    assert!(last.contains("risk"), "{last}");
    assert!(
        decided
            .rationale
            .iter()
            .all(|claim| !claim.evidence.is_empty())
    );
}

#[test]
fn a_command_with_an_address_that_was_not_observed_is_left_out_and_a_gap() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &node_two_gone());
    let decided = story.decide(
        &incidents[0],
        &Sight {
            no_tables: true,
            ..node_two_gone()
        },
    );
    let restart = decided
        .options
        .iter()
        .find(|option| option.action == "restart-node")
        .unwrap();
    assert_eq!(restart.commands, Vec::<String>::new());
    assert_eq!(
        decided.gaps,
        ["commands with {address} are left out: it was not observed"]
    );
}
