//! Which cause is named, and what is stated about the alternatives.

use crate::diagnose::fixture::{
    STEP_MS, Sight, Story, cannot_tell, fails, holds, knowledge, node_two_gone, slow_disk_on_two,
    slow_for_an_unknown_reason,
};
use operator_model::{Incident, Predicate, Scalar, Severity, SymptomKind};

fn leader(incident: &Incident) -> (String, String) {
    let first = &incident.diagnosis.hypotheses[0];
    (
        first.card.to_string(),
        first
            .component
            .clone()
            .map(|entity| entity.to_string())
            .unwrap_or_default(),
    )
}

fn id_and_suspect(card: &str, suspect: &str) -> (String, String) {
    (card.to_owned(), suspect.to_owned())
}

#[test]
fn a_gone_node_is_one_incident_with_the_slowness_of_its_peers_in_it() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &node_two_gone());
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    assert_eq!(leader(incident), id_and_suspect("node-gone", "node/2"));
    assert!(!incident.diagnosis.abstained);
    assert!(incident.confirmed);
    assert_eq!(incident.title, "Node gone: 10.0.0.2:9000 (node/2)");
    let entities: Vec<&str> = incident
        .symptoms
        .iter()
        .map(|symptom| symptom.entity.as_str())
        .collect();
    assert!(
        entities.contains(&"node/1")
            && entities.contains(&"node/2")
            && entities.contains(&"node/3"),
        "{entities:?}"
    );
}

#[test]
fn the_probabilities_are_the_shares_of_the_odds() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &slow_disk_on_two());
    let hypotheses = &incidents[0].diagnosis.hypotheses;
    let sum: f64 = hypotheses
        .iter()
        .map(|hypothesis| hypothesis.probability)
        .sum();
    assert!((sum - 1.0).abs() < 0.001, "{sum}");
    let disk = &hypotheses[0];
    // Prior odds 0.02/0.98; the groups disk (40), liveness (2) and latency (4) have one vote each.
    let expected = (0.02_f64 / 0.98).ln() + 40_f64.ln() + 2_f64.ln() + 4_f64.ln();
    assert!(
        (disk.log_odds - expected).abs() < 1e-3,
        "{} {expected}",
        disk.log_odds
    );
    let grouped: Vec<(&str, f64)> = disk
        .supports
        .iter()
        .map(|one| (one.rule.as_str(), one.ratio))
        .collect();
    assert!(
        grouped.contains(&("worse-than-peers", 1.0)) && grouped.contains(&("latency", 1.0)),
        "{grouped:?}"
    );
}

#[test]
fn an_alternative_is_discriminated_by_the_observation_that_weighs_most() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &slow_disk_on_two());
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    assert_eq!(leader(incident), id_and_suspect("slow-disk", "node/2"));
    let alternatives: Vec<&str> = incident.diagnosis.hypotheses[1..]
        .iter()
        .map(|h| h.card.as_str())
        .collect();
    assert!(
        alternatives.contains(&"slow-link") && alternatives.contains(&"none-of-these"),
        "{alternatives:?}"
    );
    for claim in &incident.diagnosis.discrimination {
        let Predicate::Discriminates { ratio, because, .. } = &claim.predicate else {
            panic!("{claim:?}")
        };
        assert!(
            *ratio >= 3.0 && because.contains("Disk wait of node/2"),
            "{claim:?}"
        );
    }
    assert_eq!(
        incident.diagnosis.discrimination.len(),
        alternatives.len() - 1
    );
}

#[test]
fn an_ambiguous_slowness_names_no_cause_but_the_observation_that_would_decide() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &slow_for_an_unknown_reason());
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    assert!(incident.diagnosis.abstained);
    assert!(
        incident.confirmed,
        "a violation opens a ticket even if its cause is unknown"
    );
    let first = &incident.diagnosis.gaps[0];
    assert!(
        first.starts_with("to distinguish ") && first.contains("Disk wait")
            || first.contains("Packet loss"),
        "{first}"
    );
    let missing = incident
        .diagnosis
        .hypotheses
        .iter()
        .flat_map(|hypothesis| &hypothesis.missing)
        .count();
    assert!(missing > 0);
}

#[test]
fn what_cannot_be_observed_neither_supports_nor_contradicts() {
    let with_disks = Story::after_a_quiet_time().repeat(5, &slow_disk_on_two());
    let without = Story::after_a_quiet_time().repeat(
        5,
        &Sight {
            disk_wait_s: None,
            ..slow_disk_on_two()
        },
    );
    let disk = |incidents: &[Incident]| {
        let found = incidents[0]
            .diagnosis
            .hypotheses
            .iter()
            .find(|h| h.card.as_str() == "slow-disk")
            .cloned();
        found.unwrap()
    };
    let seen = disk(&with_disks);
    let unseen = disk(&without);
    assert!(
        (seen.log_odds - unseen.log_odds - 40_f64.ln()).abs() < 1e-3,
        "{} {}",
        seen.log_odds,
        unseen.log_odds
    );
    assert!(
        unseen
            .missing
            .iter()
            .any(|missing| missing.starts_with("Disk wait of node/2: ")),
        "{:?}",
        unseen.missing
    );
}

/// The cause cannot be observed for a moment, and its entity is not listed; its effects on the others continue.
fn unobservable_cause() -> Sight {
    let mut sight = node_two_gone();
    sight.verdicts = vec![cannot_tell("node-answers"), holds("writes-fast")];
    sight.state = ["up"; 3];
    sight
        .topology
        .entities
        .retain(|entity| entity.id.as_str() != "node/2");
    let is_listed = |id: &operator_model::EntityId| id.as_str() != "node/2";
    sight
        .topology
        .edges
        .retain(|edge| is_listed(&edge.from) && is_listed(&edge.to));
    sight
}

#[test]
fn a_cause_that_is_unobservable_for_a_moment_stays_the_cause() {
    let mut story = Story::after_a_quiet_time();
    let before = story.repeat(8, &node_two_gone()).remove(0);
    let last_seen_at = story.now;
    for _ in 0..20 {
        let incidents = story.step(&unobservable_cause());
        let [incident] = incidents.as_slice() else {
            panic!("{} incidents", incidents.len())
        };
        assert_eq!(incident.key, before.key);
        assert_eq!(leader(incident), id_and_suspect("node-gone", "node/2"));
        assert!(!incident.diagnosis.abstained);
        assert_eq!(
            incident.title, "Node gone: 10.0.0.2:9000 (node/2)",
            "it keeps its name"
        );
        let stale = incident
            .evidence
            .iter()
            .find(|one| one.query == "node-answers" && one.seen_at.is_some());
        assert_eq!(stale.unwrap().seen_at, Some(last_seen_at));
        let ticket = story.ticket(incident, &unobservable_cause());
        let verified = crate::verify::verify(&ticket, story.memory.topology());
        assert!(verified.failures.is_empty(), "{:?}", verified.failures);
    }
}

#[test]
fn old_observations_are_no_evidence() {
    let mut story = Story::after_a_quiet_time();
    story.repeat(8, &node_two_gone());
    let incidents = story.repeat(
        usize::try_from(605_000 / STEP_MS).unwrap(),
        &unobservable_cause(),
    );
    let still = incidents.iter().find(|incident| {
        incident
            .symptoms
            .iter()
            .any(|s| s.entity.as_str() == "node/2")
    });
    assert!(
        still.is_none_or(|incident| incident.diagnosis.abstained),
        "{still:?}"
    );
}

#[test]
fn two_causes_at_once_are_two_incidents() {
    let mut story = Story::after_a_quiet_time();
    let both = Sight {
        state: ["gone", "up", "up"],
        latency_s: [0.003, 0.003, 0.9],
        disk_wait_s: Some([0.001, 0.001, 0.8]),
        verdicts: vec![
            fails("node-answers", &["node/1"], &["node/2", "node/3"]),
            fails("writes-fast", &["node/3"], &["node/1", "node/2"]),
        ],
        ..Sight::default()
    };
    let incidents = story.repeat(6, &both);
    let mut leaders: Vec<_> = incidents.iter().map(leader).collect();
    leaders.sort();
    assert_eq!(
        leaders,
        [
            id_and_suspect("node-gone", "node/1"),
            id_and_suspect("slow-disk", "node/3")
        ]
    );
    let keys: std::collections::BTreeSet<_> =
        incidents.iter().map(|incident| &incident.key).collect();
    assert_eq!(keys.len(), 2);
}

#[test]
fn a_violation_that_no_failure_mode_explains_is_an_incident_without_a_cause() {
    let mut story = Story::after_a_quiet_time();
    let odd = Sight {
        verdicts: vec![
            holds("node-answers"),
            holds("writes-fast"),
            fails("colour-is-right", &["node/1"], &["node/2"]),
        ],
        ..Sight::default()
    };
    let incidents = story.repeat(4, &odd);
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    assert!(incident.diagnosis.abstained && incident.confirmed);
    assert_eq!(
        incident.diagnosis.hypotheses[0].card.as_str(),
        "none-of-these"
    );
    assert_eq!(
        incident.title,
        "Cause undetermined: writes are slow: 10.0.0.1:9000 (node/1)"
    );
}

#[test]
fn a_single_anomaly_with_weak_evidence_opens_no_incident() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(
        12,
        &Sight {
            latency_s: [0.003, 0.003, 0.2],
            ..Sight::default()
        },
    );
    assert!(incidents.is_empty(), "{:?}", incidents[0].title);
}

#[test]
fn anomalies_with_one_likely_cause_on_independent_evidence_open_an_incident_after_a_while() {
    let mut story = Story::after_a_quiet_time();
    let anomalous = Sight {
        verdicts: vec![holds("node-answers"), holds("writes-fast")],
        ..slow_disk_on_two()
    };
    let early = story.repeat(4, &anomalous);
    assert!(early.iter().all(|incident| !incident.confirmed));
    let late = story.repeat(8, &anomalous);
    let [incident] = late.as_slice() else {
        panic!("{} incidents", late.len())
    };
    assert_eq!(leader(incident), id_and_suspect("slow-disk", "node/2"));
    assert!(incident.confirmed);
}

#[test]
fn a_check_that_reports_a_note_overrides_anomalies_with_the_same_cause() {
    let with_note = |check: &str| {
        let mut note = fails(check, &["node/2"], &["node/1"]);
        note.violations[0].severity = Severity::Info;
        let others = ["node-answers", "writes-fast"]
            .into_iter()
            .filter(|other| *other != check)
            .map(holds);
        let sight = Sight {
            verdicts: others.chain([note]).collect(),
            ..slow_disk_on_two()
        };
        Story::after_a_quiet_time().repeat(12, &sight)
    };
    let of_disk = |incidents: Vec<Incident>| {
        incidents
            .into_iter()
            .find(|incident| leader(incident) == id_and_suspect("slow-disk", "node/2"))
            .unwrap()
    };
    assert!(!of_disk(with_note("writes-fast")).confirmed);
    assert!(
        of_disk(with_note("colour-is-right")).confirmed,
        "a note about something else"
    );
}

#[test]
fn an_effect_does_not_begin_before_its_cause() {
    // Node 1 was slow for three minutes before node 2 went away, so node 2 did not cause it.
    let mut story = Story::after_a_quiet_time();
    story.repeat(
        36,
        &Sight {
            latency_s: [0.2, 0.003, 0.003],
            ..Sight::default()
        },
    );
    let gone = Sight {
        latency_s: [0.2, 0.003, 0.003],
        ..node_two_gone()
    };
    let incidents = story.repeat(5, &gone);
    let of_gone = incidents
        .iter()
        .find(|incident| leader(incident).0 == "node-gone")
        .unwrap();
    let early = of_gone.symptoms.iter().any(|symptom| {
        symptom.kind == SymptomKind::Anomaly("write-latency".into())
            && symptom.entity.as_str() == "node/1"
    });
    assert!(!early, "{:?}", of_gone.symptoms);
}

#[test]
fn the_path_leads_from_the_suspect_along_edges_by_onset() {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(5, &node_two_gone());
    let path = &incidents[0].diagnosis.path;
    assert_eq!(path[0].entity.as_str(), "node/2");
    assert!(
        path.len() > 1 && path.is_sorted_by_key(|step| step.onset),
        "{path:?}"
    );
}

#[test]
fn the_order_of_the_input_changes_nothing() {
    let forwards = Story::after_a_quiet_time().repeat(5, &node_two_gone());
    let mut shuffled = knowledge();
    shuffled.cards.reverse();
    shuffled.signals.reverse();
    shuffled.actions.reverse();
    let mut story = Story::with(shuffled);
    story.repeat(20, &Sight::default());
    let mut sight = node_two_gone();
    sight.verdicts.reverse();
    for verdict in &mut sight.verdicts {
        verdict.passed.reverse();
    }
    let backwards = story.repeat(5, &sight);
    assert_eq!(
        serde_json::to_string(&forwards).unwrap(),
        serde_json::to_string(&backwards).unwrap()
    );
}

#[test]
fn invalid_numbers_of_a_failure_mode_do_not_decide() {
    let mut knowledge = knowledge();
    for failure_mode in &mut knowledge.cards {
        failure_mode.prior = f64::NAN;
        for rule in &mut failure_mode.evidence {
            rule.ratio_if_true = f64::INFINITY;
            rule.ratio_if_false = -1.0;
        }
    }
    let mut story = Story::with(knowledge);
    story.repeat(20, &Sight::default());
    let incidents = story.repeat(5, &node_two_gone());
    for hypothesis in incidents
        .iter()
        .flat_map(|incident| &incident.diagnosis.hypotheses)
    {
        assert!(
            hypothesis.log_odds.is_finite() && (0.0..=1.0).contains(&hypothesis.probability),
            "{hypothesis:?}"
        );
    }
}

#[test]
fn every_value_that_is_used_is_recorded_and_cited_by_its_id() {
    let mut story = Story::after_a_quiet_time();
    let incident = story.repeat(5, &slow_disk_on_two()).remove(0);
    let claims = incident
        .diagnosis
        .hypotheses
        .iter()
        .flat_map(|h| h.assessed().map(|one| &one.claim));
    for id in claims.flat_map(|claim| &claim.evidence) {
        assert!(
            incident.evidence.iter().any(|evidence| &evidence.id == id),
            "{id}"
        );
    }
    let wait = incident
        .evidence
        .iter()
        .find(|e| e.query == "disks.wait_s" && e.entity == Some("node/2".into()))
        .unwrap();
    assert_eq!(
        (wait.value.clone(), wait.baseline.clone()),
        (Scalar::Float(0.8), Some(Scalar::Float(0.001)))
    );
    assert_eq!(wait.unit.as_deref(), Some("s"));
    assert!(wait.recent.len() > 4 && wait.window.1.since_ms(story.now) < STEP_MS);
}
