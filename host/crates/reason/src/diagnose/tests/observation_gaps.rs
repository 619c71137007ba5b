//! What the operator cannot observe.

use crate::diagnose::fixture::{Sight, Story, node_two_gone};
use operator_model::{ObservationGap, Severity, SymptomKind};

fn blind(sources: &[&str]) -> Vec<ObservationGap> {
    let spot = |source: &&str| ObservationGap {
        source: (*source).into(),
        entity: None,
        reason: "connection refused".to_owned(),
    };
    sources.iter().map(spot).collect()
}

#[test]
fn a_lasting_observation_gap_is_an_incident_and_a_short_one_is_not() {
    let mut story = Story::after_a_quiet_time();
    let sight = Sight {
        blind: blind(&["http:hub/state"]),
        ..Sight::default()
    };
    assert!(story.repeat(6, &sight).is_empty(), "25 s");
    let incidents = story.step(&sight);
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    assert_eq!(incident.title, "Operator cannot observe http:hub/state");
    assert_eq!(
        (&incident.symptoms[0].kind, incident.severity),
        (&SymptomKind::Blind, Severity::Warning)
    );
    assert!(incident.confirmed && incident.diagnosis.abstained);
}

#[test]
fn a_source_that_returns_restarts_the_clock() {
    let mut story = Story::after_a_quiet_time();
    let sight = Sight {
        blind: blind(&["http:hub/state"]),
        ..Sight::default()
    };
    story.repeat(6, &sight);
    story.step(&Sight::default());
    assert!(story.repeat(6, &sight).is_empty());
}

#[test]
fn many_blind_sources_are_one_incident_with_one_key() {
    let mut story = Story::after_a_quiet_time();
    let one = story
        .repeat(
            8,
            &Sight {
                blind: blind(&["http:hub/a"]),
                ..Sight::default()
            },
        )
        .remove(0);
    let three = Sight {
        blind: blind(&["http:hub/a", "http:hub/b", "table:nodes"]),
        ..Sight::default()
    };
    let incidents = story.repeat(8, &three);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].key, one.key);
    assert_eq!(
        incidents[0].title,
        "Operator cannot observe 3 sources, including http:hub/a"
    );
}

#[test]
fn observing_nothing_at_all_is_critical() {
    let mut story = Story::after_a_quiet_time();
    let sight = Sight {
        blind: blind(&["subject"]),
        no_tables: true,
        verdicts: Vec::new(),
        ..Sight::default()
    };
    assert_eq!(story.repeat(8, &sight)[0].severity, Severity::Critical);
}

#[test]
fn an_observation_gap_of_a_node_that_is_known_to_be_gone_needs_no_ticket() {
    for source in [
        "http:node-2/metrics",
        "http:10.0.0.2:9000/metrics",
        "log:node/2",
    ] {
        let mut story = Story::after_a_quiet_time();
        let sight = Sight {
            blind: blind(&[source]),
            ..node_two_gone()
        };
        let incidents = story.repeat(12, &sight);
        assert_eq!(incidents.len(), 1, "{source}");
        assert_eq!(
            incidents[0].diagnosis.hypotheses[0].card.as_str(),
            "node-gone"
        );
    }
    let mut story = Story::after_a_quiet_time();
    let of_another = Sight {
        blind: blind(&["http:node-21/metrics"]),
        ..node_two_gone()
    };
    assert_eq!(
        story.repeat(12, &of_another).len(),
        2,
        "node-21 is not node-2"
    );
}

#[test]
fn a_source_that_is_observable_again_makes_the_incident_resolvable() {
    let mut story = Story::after_a_quiet_time();
    let key = story.repeat(
        8,
        &Sight {
            blind: blind(&["http:hub/a"]),
            ..Sight::default()
        },
    )[0]
    .key
    .clone();
    story.repeat(14, &Sight::default());
    assert_eq!(story.memory.resolvable(), [key]);
}
