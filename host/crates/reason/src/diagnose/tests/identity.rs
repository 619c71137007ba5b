//! One cause keeps one key.

use crate::diagnose::Memory;
use crate::diagnose::fixture::{
    Sight, Story, node_two_gone, slow_disk_on_two, slow_for_an_unknown_reason,
};
use operator_model::{EvidenceId, Incident, TicketState};
use std::collections::BTreeMap;

fn identities(
    incident: &Incident,
) -> BTreeMap<EvidenceId, (String, Option<operator_model::EntityId>)> {
    incident
        .evidence
        .iter()
        .map(|e| (e.id.clone(), (e.query.clone(), e.entity.clone())))
        .collect()
}

#[test]
fn the_key_stays_when_the_leading_hypothesis_changes() {
    let mut story = Story::after_a_quiet_time();
    let open = story.repeat(4, &slow_for_an_unknown_reason());
    assert!(open[0].diagnosis.abstained);
    let explained = story.repeat(6, &slow_disk_on_two());
    assert_eq!(explained.len(), 1);
    assert_eq!(
        explained[0].diagnosis.hypotheses[0].card.as_str(),
        "slow-disk"
    );
    assert_eq!(open[0].key, explained[0].key);
}

#[test]
fn evidence_ids_keep_their_meaning_while_values_change() {
    let mut story = Story::after_a_quiet_time();
    let before = story.repeat(4, &slow_for_an_unknown_reason()).remove(0);
    let after = story.repeat(6, &slow_disk_on_two()).remove(0);
    let before = identities(&before);
    let after = identities(&after);
    let both: Vec<&EvidenceId> = before.keys().filter(|id| after.contains_key(id)).collect();
    assert!(!both.is_empty());
    assert!(both.iter().all(|id| before[id] == after[id]));
    assert!(after.len() > before.len());
}

#[test]
fn equal_incidents_of_two_operators_have_equal_keys() {
    let one = Story::after_a_quiet_time().repeat(4, &node_two_gone());
    let mut late = Story::new();
    late.repeat(200, &Sight::default());
    let two = late.repeat(4, &node_two_gone());
    assert_eq!(one[0].key, two[0].key);
    assert_eq!(one[0].key.as_str().len(), 16);
}

#[test]
fn a_restart_resumes_the_open_ticket() {
    let mut story = Story::after_a_quiet_time();
    let incident = story.repeat(4, &node_two_gone()).remove(0);
    let ticket = story.ticket(&incident, &node_two_gone());
    let mut restarted = Story::new();
    restarted.now = story.now;
    restarted.memory = Memory::restore(&[ticket]);
    let again = restarted.step(&node_two_gone());
    let [same] = again.as_slice() else {
        panic!("{} incidents", again.len())
    };
    assert_eq!(same.key, incident.key);
    assert!(same.confirmed, "it was confirmed before the restart");
    let before = identities(&incident);
    let after = identities(same);
    assert!(
        before
            .keys()
            .filter(|id| after.contains_key(id))
            .all(|id| before[id] == after[id])
    );
}

#[test]
fn a_restart_without_observations_keeps_the_ticket_as_it_was() {
    let mut story = Story::after_a_quiet_time();
    let incident = story.repeat(4, &node_two_gone()).remove(0);
    let ticket = story.ticket(&incident, &node_two_gone());
    let mut restarted = Story::new();
    restarted.memory = Memory::restore(&[ticket]);
    let unseen = Sight {
        verdicts: Vec::new(),
        no_tables: true,
        ..Sight::default()
    };
    let again = restarted.repeat(3, &unseen);
    let [same] = again.as_slice() else {
        panic!("{} incidents", again.len())
    };
    assert_eq!((&same.key, &same.title), (&incident.key, &incident.title));
    assert!(restarted.memory.resolvable().is_empty());
}

#[test]
fn a_fault_that_was_repaired_while_the_operator_was_off_becomes_resolvable() {
    let mut story = Story::after_a_quiet_time();
    let incident = story.repeat(4, &node_two_gone()).remove(0);
    let ticket = story.ticket(&incident, &node_two_gone());
    let mut restarted = Story::new();
    restarted.memory = Memory::restore(&[ticket]);
    restarted.repeat(40, &Sight::default());
    assert_eq!(restarted.memory.resolvable(), [incident.key]);
}

#[test]
fn a_relapse_soon_after_is_the_same_incident_and_a_late_one_is_another() {
    let mut story = Story::after_a_quiet_time();
    let first = story.repeat(4, &node_two_gone()).remove(0);
    story.repeat(20, &Sight::default());
    story.memory.forget(&first.key);
    let soon = story.repeat(4, &node_two_gone()).remove(0);
    assert_eq!(soon.key, first.key);
    story.repeat(20, &Sight::default());
    story.memory.forget(&first.key);
    story.repeat(130, &Sight::default());
    let later = story.repeat(4, &node_two_gone()).remove(0);
    assert_ne!(later.key, first.key);
}

#[test]
fn a_relapse_soon_after_a_restart_reopens_the_resolved_ticket() {
    let mut story = Story::after_a_quiet_time();
    let incident = story.repeat(4, &node_two_gone()).remove(0);
    let mut ticket = story.ticket(&incident, &node_two_gone());
    ticket.state = TicketState::Resolved;
    let mut restarted = Story::new();
    restarted.now = story.now;
    restarted.memory = Memory::restore(&[ticket]);
    assert!(
        restarted.step(&Sight::default()).is_empty(),
        "a resolved ticket is no symptom"
    );
    assert_eq!(restarted.repeat(4, &node_two_gone())[0].key, incident.key);
}

#[test]
fn memory_does_not_grow_with_incidents_that_were_never_confirmed() {
    let mut story = Story::after_a_quiet_time();
    for _ in 0..50 {
        story.step(&node_two_gone());
        story.step(&Sight::default());
    }
    assert_eq!(story.memory.known.len(), 0);
}
