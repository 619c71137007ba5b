//! When a symptom becomes active, and when it ends.

use crate::diagnose::fixture::{STEP_MS, Sight, Story, cannot_tell, fails, holds, node_two_gone};
use operator_model::{Severity, Verdict};

fn with(verdict: Verdict) -> Sight {
    Sight {
        verdicts: vec![verdict, holds("writes-fast")],
        ..Sight::default()
    }
}

fn violated() -> Sight {
    with(fails("node-answers", &["node/2"], &["node/1", "node/3"]))
}

#[test]
fn a_violation_is_active_after_its_pending_time_and_not_before() {
    let mut story = Story::after_a_quiet_time();
    // The pending time is 10 s, a tick is 5 s: first observed, then 5 s, then 10 s.
    assert!(!story.step(&violated())[0].confirmed);
    assert!(!story.step(&violated())[0].confirmed);
    assert!(story.step(&violated())[0].confirmed);
}

#[test]
fn a_note_is_never_a_confirmed_incident_however_long_it_lasts() {
    let mut story = Story::after_a_quiet_time();
    let mut sight = violated();
    sight.verdicts[0].violations[0].severity = Severity::Info;
    assert!(
        story
            .repeat(20, &sight)
            .iter()
            .all(|incident| !incident.confirmed)
    );
    // The same violation, once it is worth a warning.
    sight.verdicts[0].violations[0].severity = Severity::Warning;
    assert!(story.step(&sight)[0].confirmed);
}

#[test]
fn a_pass_in_between_restarts_the_pending_time() {
    let mut story = Story::after_a_quiet_time();
    story.repeat(2, &violated());
    assert!(story.step(&Sight::default()).is_empty());
    assert!(!story.repeat(2, &violated())[0].confirmed);
    assert!(story.step(&violated())[0].confirmed);
}

#[test]
fn an_inconclusive_verdict_pauses_the_pending_time() {
    let mut story = Story::after_a_quiet_time();
    story.repeat(2, &violated());
    for _ in 0..10 {
        let paused = story.step(&with(cannot_tell("node-answers")));
        assert!(
            !paused[0].confirmed,
            "an inconclusive verdict proves nothing"
        );
    }
    // The tick after a pause shows that it is violated, not that it was violated all the time.
    assert!(!story.step(&violated())[0].confirmed);
    assert!(story.step(&violated())[0].confirmed);
}

#[test]
fn a_confirmed_violation_is_active_immediately() {
    let mut story = Story::after_a_quiet_time();
    let mut sight = violated();
    sight.verdicts[0].violations[0].confirmed = true;
    assert!(story.step(&sight)[0].confirmed);
}

#[test]
fn an_entity_that_the_check_no_longer_mentions_is_paused_and_then_dropped() {
    let mut story = Story::after_a_quiet_time();
    story.repeat(3, &violated());
    let of_another = with(fails("node-answers", &["node/3"], &["node/1"]));
    let during = story.step(&of_another);
    let shows_two = |incident: &operator_model::Incident| {
        incident
            .symptoms
            .iter()
            .any(|s| s.entity.as_str() == "node/2" && s.ended_at.is_none())
    };
    assert!(during.iter().any(shows_two));
    let after = story.repeat(usize::try_from(70_000 / STEP_MS).unwrap(), &of_another);
    assert!(!after.iter().any(shows_two));
}

#[test]
fn an_entity_that_left_the_system_has_no_symptoms() {
    let mut story = Story::after_a_quiet_time();
    story.repeat(3, &node_two_gone());
    let mut without = Sight {
        verdicts: vec![fails("node-answers", &["node/9"], &["node/1"])],
        ..Sight::default()
    };
    without
        .topology
        .entities
        .retain(|entity| entity.id.as_str() != "node/2");
    let incidents = story.step(&without);
    assert!(
        incidents
            .iter()
            .flat_map(|incident| &incident.symptoms)
            .all(|s| s.entity.as_str() != "node/2" || s.ended_at.is_some())
    );
}

#[test]
fn an_incident_is_resolvable_a_minute_after_its_last_symptom() {
    let mut story = Story::after_a_quiet_time();
    let key = story.repeat(3, &violated())[0].key.clone();
    story.step(&Sight::default());
    story.repeat(11, &Sight::default());
    assert!(
        story.memory.resolvable().is_empty(),
        "55 s are less than a minute"
    );
    story.step(&Sight::default());
    assert_eq!(story.memory.resolvable(), std::slice::from_ref(&key));
    story.memory.forget(&key);
    assert!(story.memory.resolvable().is_empty());
}

#[test]
fn blindness_does_not_resolve() {
    let mut story = Story::after_a_quiet_time();
    let key = story.repeat(3, &violated())[0].key.clone();
    let unseen = story.repeat(100, &with(cannot_tell("node-answers")));
    assert_eq!(unseen[0].key, key, "it lasts as far as can be observed");
    assert!(unseen[0].diagnosis.gaps[0].starts_with("could not be re-evaluated at "));
    story.step(&Sight::default());
    story.repeat(100, &with(cannot_tell("node-answers")));
    assert!(
        story.memory.resolvable().is_empty(),
        "one observation is not a minute"
    );
    story.repeat(13, &Sight::default());
    assert_eq!(story.memory.resolvable(), [key]);
}
