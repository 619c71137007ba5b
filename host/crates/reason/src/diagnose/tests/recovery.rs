//! A recovery keeps the cause.

use crate::diagnose::fixture::{STEP_MS, Sight, Story, fails, holds, node_two_gone};
use operator_model::Incident;

/// Node 2 responds again, and its neighbours still write slowly.
fn catching_up() -> Sight {
    Sight {
        latency_s: [0.09, 0.003, 0.11],
        verdicts: vec![
            holds("node-answers"),
            fails("writes-fast", &["node/1", "node/3"], &["node/2"]),
        ],
        ..Sight::default()
    }
}

fn cause(incident: &Incident) -> (String, Option<String>) {
    let leader = &incident.diagnosis.hypotheses[0];
    let component = leader.component.as_ref().map(|id| id.as_str().to_owned());
    (leader.card.to_string(), component)
}

/// Longer than an incident is young.
const TICKS: u64 = 80_000 / STEP_MS;

fn gone_for_long(story: &mut Story) -> Incident {
    let ticks = usize::try_from(TICKS).unwrap();
    story.repeat(ticks, &node_two_gone()).remove(0)
}

#[test]
fn what_a_fault_leaves_behind_is_no_other_cause() {
    let mut story = Story::after_a_quiet_time();
    let before = gone_for_long(&mut story);
    let after = story.step(&catching_up());
    let [incident] = after.as_slice() else {
        panic!("{after:?}");
    };
    assert_eq!(incident.key, before.key);
    assert_eq!(cause(incident), cause(&before));
    assert!(incident.recovering_since.is_some());
    let ended: Vec<&str> = incident
        .symptoms
        .iter()
        .filter(|symptom| symptom.ended_at.is_some())
        .map(|symptom| symptom.entity.as_str())
        .collect();
    assert!(ended.contains(&"node/2"), "{ended:?}");
}

#[test]
fn a_recovery_begins_once_and_a_relapse_ends_it() {
    let mut story = Story::after_a_quiet_time();
    gone_for_long(&mut story);
    let first = story.step(&catching_up()).remove(0).recovering_since;
    let later = story.repeat(3, &catching_up()).remove(0).recovering_since;
    assert_eq!(first, later);
    let relapse = story.repeat(2, &node_two_gone()).remove(0);
    assert_eq!(relapse.recovering_since, None);
    assert!(relapse.symptoms.iter().all(|one| one.ended_at.is_none()));
}

#[test]
fn a_recovered_incident_shows_its_diagnosis_until_it_is_resolved() {
    let mut story = Story::after_a_quiet_time();
    let before = gone_for_long(&mut story);
    let after = story.step(&Sight {
        verdicts: vec![holds("node-answers"), holds("writes-fast")],
        ..Sight::default()
    });
    assert_eq!(cause(&after[0]), cause(&before));
    assert!(after[0].recovering_since.is_some());
}
