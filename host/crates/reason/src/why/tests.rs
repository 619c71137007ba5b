use super::*;
use crate::diagnose::fixture::{
    Story, node_two_gone, slow_disk_on_two, slow_for_an_unknown_reason,
};

fn tickets() -> Vec<Ticket> {
    let sights = [
        node_two_gone(),
        slow_disk_on_two(),
        slow_for_an_unknown_reason(),
    ];
    let written = sights.iter().map(|sight| {
        let mut story = Story::after_a_quiet_time();
        let incidents = story.repeat(8, sight);
        story.ticket(incidents.first().unwrap(), sight)
    });
    written.collect()
}

fn comparisons(ticket: &Ticket) -> Vec<Comparison> {
    let others = ticket.hypotheses.iter().skip(1);
    let alternatives = others.map(|other| Alternative {
        failure_mode: other.card.clone(),
        component: other.component.clone(),
    });
    alternatives
        .map(|alternative| compare(ticket, Some(&alternative)).unwrap())
        .collect()
}

#[test]
fn prior_and_terms_add_up_to_the_odds() {
    for comparison in tickets().iter().flat_map(comparisons) {
        let terms: f64 = comparison.terms.iter().map(|term| term.weight).sum();
        let difference = comparison.prior + terms - comparison.log_odds;
        assert!(difference.abs() < 0.002, "{difference}: {comparison:?}");
    }
}

/// The weight of a rule when some observations come out otherwise, computed apart from the search.
fn log_odds(hypothesis: &Hypothesis, flipped: &[&str]) -> f64 {
    let mut groups: BTreeMap<&str, f64> = BTreeMap::new();
    for rule in hypothesis.assessed().chain(&hypothesis.neutral) {
        let group = if rule.group.is_empty() {
            &rule.rule
        } else {
            &rule.group
        };
        let ratio = if flipped.contains(&rule.observation.as_str()) {
            rule.opposite_ratio
        } else {
            rule.stated_ratio
        };
        let strongest = groups.entry(group).or_default();
        if ratio.ln().abs() > strongest.abs() {
            *strongest = ratio.ln();
        }
    }
    odds::prior(hypothesis) + groups.values().sum::<f64>()
}

fn leads(ticket: &Ticket, other: &Side, flipped: &[&str]) -> bool {
    let is_other = |one: &&Hypothesis| one.card == other.card && one.component == other.component;
    let own = ticket.hypotheses.iter().find(is_other).unwrap();
    let mut others = ticket.hypotheses.iter().filter(|one| !is_other(one));
    others.all(|one| log_odds(one, flipped) < log_odds(own, flipped))
}

#[test]
fn a_flip_set_turns_the_diagnosis_and_no_smaller_one_does() {
    let mut found = 0;
    for ticket in tickets() {
        let rules = ticket
            .hypotheses
            .iter()
            .flat_map(|one| one.assessed().chain(&one.neutral));
        let observations: Vec<&str> = rules.map(|rule| rule.observation.as_str()).collect();
        for comparison in comparisons(&ticket) {
            let Some(flip_set) = &comparison.flip_set else {
                continue;
            };
            found += 1;
            let set = flip_set.observations.iter();
            let set: Vec<&str> = set.map(|one| one.observation.as_str()).collect();
            assert!(leads(&ticket, &comparison.other, &set), "{comparison:?}");
            let single = observations
                .iter()
                .find(|one| leads(&ticket, &comparison.other, &[one]));
            assert!(
                set.len() == 1 || single.is_none(),
                "{single:?}: {comparison:?}"
            );
        }
    }
    assert!(found > 3, "{found} flip sets are too few for a test");
}

#[test]
fn a_cause_that_was_not_weighed_is_named_with_those_that_were() {
    let ticket = &tickets()[0];
    let ask = |failure_mode: &str, component: Option<&str>| {
        let alternative = Alternative {
            failure_mode: failure_mode.into(),
            component: component.map(EntityId::from),
        };
        compare(ticket, Some(&alternative)).unwrap_err().to_string()
    };
    let unknown = ask("cosmic-ray", Some("node/9"));
    assert!(
        unknown.contains("cosmic-ray@node/9 was not weighed"),
        "{unknown}"
    );
    assert!(unknown.contains("none-of-these"), "{unknown}");
    let leader = &ticket.hypotheses[0];
    assert!(ask(leader.card.as_str(), None).contains("is the leading hypothesis"));
}

#[test]
fn without_a_question_the_next_likely_cause_is_meant() {
    let ticket = &tickets()[1];
    let comparison = compare(ticket, None).unwrap();
    assert_eq!(comparison.other.card, ticket.hypotheses[1].card);
}
