use super::score::{ActionGrade, Truth, score};
use super::*;
use operator_model::EntityId;
use operator_testkit::tickets::composed;

fn truth() -> operator_sim::scenario::Truth {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    operator_sim::scenario::Truth {
        ticket: true,
        component_kind: "node".to_owned(),
        component: "4".to_owned(),
        component_aliases: texts(&["10.0.0.4:9000"]),
        mechanism: "its disk is slow".to_owned(),
        words: texts(&["disk"]),
        acceptable_actions: texts(&["wait"]),
        best_actions: texts(&["replace-disk"]),
        harmful_actions: texts(&["delete-node"]),
    }
}

/// A ticket about `key`, `after_ms` after the fault.
fn ticket(id: &str, key: &str, onset: u64, after_ms: i64) -> Ticket {
    let mut ticket = composed(key, onset.saturating_add_signed(after_ms), 0.9);
    ticket.id = id.to_owned();
    ticket
}

const ONSET: u64 = 120_000;

fn scored(truth: &operator_sim::scenario::Truth, tickets: Vec<Ticket>) -> (Score, Option<Ticket>) {
    let judged = Truth {
        truth,
        began: Timestamp(0),
        onset: Timestamp(ONSET),
        chosen_component: None,
    };
    score("slow", "disk", 1, &judged, tickets, &[])
}

#[test]
fn a_ticket_about_the_right_component_passes_and_its_time_is_taken_from_the_fault() {
    let truth = truth();
    let (score, ticket) = scored(
        &truth,
        vec![
            ticket("T-1", "5", ONSET, 1_000),
            ticket("T-2", "4", ONSET, 14_000),
        ],
    );
    assert_eq!(ticket.unwrap().id, "T-2");
    assert_eq!(
        (score.detected_after_s, score.further_tickets),
        (Some(14.0), 1)
    );
    assert!(score.component_right && score.mechanism_right && score.passed());
    assert_eq!(
        score.action,
        Some(("wait".to_owned(), ActionGrade::Acceptable))
    );
}

#[test]
fn a_component_is_known_by_its_other_names_too() {
    let truth = truth();
    let mut other = ticket("T-1", "x", ONSET, 1_000);
    assert!(!scored(&truth, vec![other.clone()]).0.component_right);
    other
        .names
        .insert(EntityId::new("node", "x"), "10.0.0.4:9000".to_owned());
    assert!(scored(&truth, vec![other]).0.component_right);
}

#[test]
fn a_ticket_before_the_fault_is_false_and_a_harmful_action_fails() {
    let mut truth = truth();
    let good = || ticket("T-2", "4", ONSET, 1_000);
    let (score, _) = scored(&truth, vec![ticket("T-1", "4", ONSET, -1_000), good()]);
    assert_eq!((score.false_tickets, score.passed()), (1, false));
    truth.harmful_actions.push("wait".to_owned());
    let (score, _) = scored(&truth, vec![good()]);
    assert!(matches!(score.action, Some((_, ActionGrade::Harmful))) && !score.passed());
}

#[test]
fn silence_is_right_only_when_nothing_happens() {
    let mut truth = truth();
    assert!(!scored(&truth, Vec::new()).0.passed());
    truth.ticket = false;
    assert!(scored(&truth, Vec::new()).0.passed());
    let (score, _) = scored(&truth, vec![ticket("T-1", "4", ONSET, 1_000)]);
    assert_eq!((score.false_tickets, score.passed()), (1, false));
}
