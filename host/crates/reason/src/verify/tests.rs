//! Tests the verifier: correct tickets pass, and every kind of false statement is found.

use super::verify;
use crate::diagnose::fixture::{
    Sight, Story, cannot_tell, fails, holds, node_two_gone, slow_disk_on_two,
    slow_for_an_unknown_reason, topology,
};
use operator_model::knowledge::Risk;
use operator_model::{
    Claim, Comparison, EntityId, Evidence, EvidenceId, EvidenceSource, ObservationGap, Predicate,
    Scalar, Ticket, Timestamp,
};

/// Correct tickets of every kind: a cause named from violations or anomalies, undetermined, unknown, or an
/// observation gap.
fn good_tickets() -> Vec<(&'static str, Ticket)> {
    let unknown = Sight {
        verdicts: vec![
            holds("node-answers"),
            fails("colour-is-right", &["node/1"], &["node/2"]),
        ],
        ..Sight::default()
    };
    let unseen = ObservationGap {
        source: "http:hub/state".into(),
        entity: None,
        reason: "timeout\u{1b}[2J".to_owned(),
    };
    let blind = Sight {
        blind: vec![unseen],
        ..Sight::default()
    };
    let half_seen = Sight {
        verdicts: vec![
            cannot_tell("node-answers"),
            fails("writes-fast", &["node/2"], &[]),
        ],
        ..slow_disk_on_two()
    };
    let anomalies = Sight {
        verdicts: vec![holds("node-answers"), holds("writes-fast")],
        ..slow_disk_on_two()
    };
    let sights = [
        ("gone", node_two_gone()),
        ("slow disk", slow_disk_on_two()),
        ("open", slow_for_an_unknown_reason()),
        ("unknown", unknown),
        ("blind", blind),
        ("half seen", half_seen),
        ("anomalies", anomalies),
    ];
    sights
        .into_iter()
        .map(|(name, sight)| (name, ticket(&sight)))
        .collect()
}

fn ticket(sight: &Sight) -> Ticket {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(12, sight);
    let [incident] = incidents.as_slice() else {
        panic!("{} incidents", incidents.len())
    };
    story.ticket(incident, sight)
}

#[test]
fn good_tickets_have_the_full_score() {
    for (name, ticket) in good_tickets() {
        let verification = verify(&ticket, &topology());
        assert_eq!(
            (verification.score, verification.failures),
            (100, Vec::new()),
            "{name}"
        );
    }
}

#[test]
fn a_good_ticket_survives_writing_and_reading() {
    for (name, ticket) in good_tickets() {
        let read: Ticket = serde_json::from_str(&serde_json::to_string(&ticket).unwrap()).unwrap();
        assert_eq!(
            verify(&read, &topology()).failures,
            Vec::<String>::new(),
            "{name}"
        );
    }
}

/// A way to falsify a ticket; returns false if it does not apply to this ticket.
type Mutation = fn(&mut Ticket) -> bool;

/// False statements after which a ticket must not be shown.
const UNSAFE: &[(&str, Mutation)] = &[
    ("a value is swapped", |t| {
        first(t, |e| e.value.as_f64().is_some() && is_cited(e))
            .map(|e| e.value = Scalar::Float(0.000_1))
            .is_some()
    }),
    ("a value is doubled", |t| {
        cited_number(t)
            .map(|e| e.value = Scalar::Float(e.value.as_f64().unwrap_or(1.0) * 2.0))
            .is_some()
    }),
    ("a sign is flipped", |t| {
        first(t, |e| e.robust_z.is_some_and(|z| z > 6.0))
            .map(|e| e.robust_z = e.robust_z.map(|z| -z))
            .is_some()
    }),
    ("a deviation is shrunk", |t| {
        cited_number(t).map(|e| e.robust_z = Some(0.5)).is_some()
    }),
    ("a unit is changed", |t| {
        cited_number(t)
            .map(|e| e.unit = Some("By".to_owned()))
            .is_some()
    }),
    ("a baseline is changed", |t| {
        cited_number(t)
            .map(|e| e.baseline = Some(Scalar::Float(123.0)))
            .is_some()
    }),
    ("a verdict is flipped", |t| {
        first(t, |e| e.source == EvidenceSource::Check)
            .map(|e| e.value = turned(&e.value))
            .is_some()
    }),
    ("an id is swapped in a claim", |t| swap_ids(t)),
    ("an id points nowhere", |t| {
        claim(t).map(|c| c.evidence = vec!["e999".into()]).is_some()
    }),
    ("a claim cites nothing", |t| {
        claim(t).map(|c| c.evidence.clear()).is_some()
    }),
    ("a symptom cites nothing", |t| {
        t.symptoms.first_mut().map(|s| s.evidence.clear()).is_some()
    }),
    ("two observations share an id", |t| {
        match t.observations.as_mut_slice() {
            [a, b, ..] => {
                b.id = a.id.clone();
                true
            }
            _ => false,
        }
    }),
    ("an observation is dropped", |t| {
        t.observations.pop();
        true
    }),
    ("a sentence states something else", |t| {
        claim(t).map(|c| c.text.push_str(", surely")).is_some()
    }),
    ("a claim is about another component", |t| about_another(t)),
    ("an invented component is suspected", |t| {
        leader(t)
            .map(|h| h.component = Some("node/9".into()))
            .is_some()
    }),
    ("an invented component has symptoms", |t| {
        t.symptoms
            .first_mut()
            .map(|s| s.entity = "node/9".into())
            .is_some()
    }),
    ("an observation is of another component", |t| {
        first(t, |e| e.source == EvidenceSource::Check)
            .map(|e| e.entity = Some("node/9".into()))
            .is_some()
    }),
    ("a component is renamed", |t| {
        let Some(name) = t.names.values_mut().next() else {
            return false;
        };
        name.push('x');
        true
    }),
    ("a quotation is invented", |t| {
        let id = t.observations[0].id.clone();
        t.rationale.push(quote(&id, "disk on fire"));
        true
    }),
    ("a deciding claim is invented", |t| {
        deciding_claim(t)
            .map(|because| *because = "the moon is full".to_owned())
            .is_some()
    }),
    ("a likelihood ratio is raised in a comparison", |t| {
        ratio(t).map(|ratio| *ratio *= 10.0).is_some()
    }),
    ("a threshold is moved", |t| threshold(t)),
    ("the rationale of another ticket is pasted in", |t| {
        let other = ticket(&if t.title.contains("gone") {
            slow_disk_on_two()
        } else {
            node_two_gone()
        });
        t.rationale = other.rationale;
        true
    }),
    ("an alternative is dropped", |t| {
        let carded = t
            .hypotheses
            .iter()
            .position(|h| !h.is_unknown_cause() && h.probability < 0.5)
            .filter(|_| t.hypotheses.len() > 2);
        carded.map(|at| t.hypotheses.remove(at)).is_some()
    }),
    ("the recommendation cites other values", |t| {
        t.options
            .first_mut()
            .map(|o| o.expected_value += 0.25)
            .is_some()
    }),
];

/// Errors that must cost a ticket points.
const COSTLY: &[(&str, Mutation)] = &[
    ("evidence is a day old", |t| {
        first(t, |_| true)
            .map(|e| {
                e.window = (
                    Timestamp(e.window.0.0 - 86_400_000),
                    Timestamp(e.window.1.0 - 86_400_000),
                )
            })
            .is_some()
    }),
    ("evidence is from the future", |t| {
        first(t, |_| true)
            .map(|e| e.window.1 = e.window.1.plus_ms(60_000))
            .is_some()
    }),
    ("a window ends before it begins", |t| {
        first(t, |_| true)
            .map(|e| e.window.0 = e.window.1.plus_ms(1))
            .is_some()
    }),
    ("the unknown cause is dropped", |t| {
        t.hypotheses.retain(|h| !h.is_unknown_cause());
        true
    }),
    ("an alternative is not discussed", |t| {
        let before = t.rationale.len();
        t.rationale
            .retain(|c| !matches!(c.predicate, Predicate::Discriminates { .. }));
        t.rationale.len() < before
    }),
    ("confidence is raised", |t| {
        t.hypotheses
            .first_mut()
            .filter(|h| h.probability < 0.999)
            .map(|h| h.probability = 0.999)
            .is_some()
    }),
    ("odds are raised", |t| {
        t.hypotheses
            .first_mut()
            .map(|h| h.log_odds += 1.0)
            .is_some()
    }),
    ("a prior is changed", |t| {
        leader(t).map(|h| h.prior = 0.5).is_some()
    }),
    ("contradicting evidence is left out", |t| {
        t.hypotheses
            .iter_mut()
            .find(|h| h.contradicts.iter().any(|c| c.ratio < 1.0))
            .map(|h| h.contradicts.clear())
            .is_some()
    }),
    ("an undetermined cause is presented as determined", |t| {
        t.abstained = !t.abstained;
        true
    }),
    ("hypotheses are reordered", |t| {
        if t.hypotheses.len() < 2 {
            return false;
        }
        t.hypotheses.reverse();
        true
    }),
    ("the gaps are emptied", |t| {
        let had = !t.gaps.is_empty() && t.hypotheses.iter().any(|h| !h.missing.is_empty());
        t.gaps.clear();
        had
    }),
    ("one gap is left out", |t| {
        let missing = t
            .hypotheses
            .first()
            .and_then(|h| h.missing.first())
            .cloned();
        let before = t.gaps.len();
        t.gaps.retain(|g| Some(g) != missing.as_ref());
        t.gaps.len() < before
    }),
    ("waiting is not an option", |t| {
        t.options.retain(|o| o.action != "wait");
        true
    }),
    ("only one option is left", |t| {
        t.options.truncate(1);
        true
    }),
    ("an option hides its risk", |t| {
        t.options
            .iter_mut()
            .find(|o| o.risk > Risk::None)
            .map(|o| o.risk_note.clear())
            .is_some()
    }),
    ("an option hides its precondition", |t| {
        t.options
            .iter_mut()
            .find(|o| o.risk > Risk::Low)
            .map(|o| o.preconditions.clear())
            .is_some()
    }),
    ("an option hides its reversal", |t| {
        t.options
            .iter_mut()
            .find(|o| o.reversible && o.risk > Risk::None)
            .map(|o| o.reversal.clear())
            .is_some()
    }),
    ("the worst option is recommended", |t| {
        let Some(last) = t.options.last().map(|o| o.action.clone()) else {
            return false;
        };
        t.decision.option = last;
        true
    }),
    ("an unknown option is recommended", |t| {
        t.decision.option = "pray".to_owned();
        true
    }),
    ("the decision does not state when to revisit it", |t| {
        t.decision.revisit_when.clear();
        true
    }),
    ("the recommendation has no rationale", |t| {
        t.rationale
            .retain(|c| !matches!(c.predicate, Predicate::Prefers { .. }));
        true
    }),
    ("the title names another component", |t| {
        let before = t.title.clone();
        t.title = t.title.replace("node/2", "node/3");
        t.title != before
    }),
    ("the title widens the scope", |t| {
        t.title = format!("All nodes: {}", t.title);
        true
    }),
    ("an entity without symptoms is listed", |t| {
        t.entities.push("link/1-3".into());
        !t.hypotheses
            .iter()
            .any(|h| h.component == Some("link/1-3".into()))
    }),
    ("an entity with symptoms is not listed", |t| {
        t.entities.clear();
        true
    }),
    ("onsets on the path are reordered", |t| {
        match t.path.as_mut_slice() {
            [first, .., last] => {
                first.onset = last.onset.plus_ms(60_000);
                true
            }
            _ => false,
        }
    }),
    ("a step of the path has no edge", |t| {
        match t.path.as_mut_slice() {
            [_, .., last] => {
                last.entity = "link/1-3".into();
                true
            }
            _ => false,
        }
    }),
    ("the path begins elsewhere", |t| {
        if t.path.len() < 2 {
            return false;
        }
        t.path.remove(0);
        true
    }),
];

#[test]
fn every_false_statement_is_found() {
    let good = good_tickets();
    let mut missed = Vec::new();
    for (is_unsafe, mutations) in [(true, UNSAFE), (false, COSTLY)] {
        for (name, mutate) in mutations {
            let mut applied = 0;
            for (kind, ticket) in &good {
                let mut mutated = ticket.clone();
                if !mutate(&mut mutated) || mutated == *ticket {
                    continue;
                }
                applied += 1;
                let verification = verify(&mutated, &topology());
                if verification.score == 100 || (is_unsafe && verification.score > 0) {
                    missed.push(format!("{name} ({kind}): {}", verification.score));
                }
            }
            assert!(applied > 0, "no ticket to apply it to: {name}");
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

fn first(ticket: &mut Ticket, wanted: impl Fn(&Evidence) -> bool) -> Option<&mut Evidence> {
    ticket
        .observations
        .iter_mut()
        .find(|evidence| wanted(evidence))
}

fn is_cited(evidence: &Evidence) -> bool {
    evidence.source == EvidenceSource::Signal && evidence.robust_z.is_some_and(|z| z > 6.0)
}

/// A number that a claim of the ticket puts into words.
fn cited_number(ticket: &mut Ticket) -> Option<&mut Evidence> {
    let claims = ticket
        .hypotheses
        .iter()
        .flat_map(|h| h.assessed().map(|one| &one.claim));
    let cited: Vec<EvidenceId> = claims
        .filter(|claim| matches!(claim.predicate, Predicate::Deviates { .. }))
        .filter_map(|claim| claim.evidence.first().cloned())
        .collect();
    first(ticket, |evidence| cited.contains(&evidence.id))
}

fn turned(value: &Scalar) -> Scalar {
    let was_fail = *value == Scalar::Text("fail".to_owned());
    Scalar::Text(if was_fail { "pass" } else { "fail" }.to_owned())
}

fn leader(ticket: &mut Ticket) -> Option<&mut operator_model::Hypothesis> {
    ticket
        .hypotheses
        .iter_mut()
        .find(|hypothesis| !hypothesis.is_unknown_cause())
}

fn claim(ticket: &mut Ticket) -> Option<&mut Claim> {
    ticket.rationale.first_mut()
}

/// The claim cites another observation that exists.
fn swap_ids(ticket: &mut Ticket) -> bool {
    let ids: Vec<EvidenceId> = ticket
        .observations
        .iter()
        .map(|evidence| evidence.id.clone())
        .collect();
    let Some(claim) = ticket
        .rationale
        .first_mut()
        .filter(|claim| claim.evidence.len() == 1)
    else {
        return false;
    };
    let Some(other) = ids.into_iter().find(|id| !claim.evidence.contains(id)) else {
        return false;
    };
    claim.evidence = vec![other];
    true
}

fn about_another(ticket: &mut Ticket) -> bool {
    let Some(claim) = ticket.rationale.first_mut() else {
        return false;
    };
    let other: EntityId = "node/3".into();
    match &mut claim.predicate {
        Predicate::Deviates { entity, .. } | Predicate::Outlies { entity, .. } => *entity = other,
        Predicate::Verdict { entity, .. }
        | Predicate::Compares { entity, .. }
        | Predicate::Steady { entity, .. } => {
            *entity = Some(other);
        }
        _ => return false,
    }
    // Even with a sentence to match.
    claim.text = claim
        .text
        .replace("node/2", "node/3")
        .replace("node/1", "node/3");
    true
}

fn quote(id: &EvidenceId, text: &str) -> Claim {
    let predicate = Predicate::Quotes {
        entity: None,
        text: text.to_owned(),
    };
    Claim {
        predicate,
        evidence: vec![id.clone()],
        text: format!("“{text}”"),
    }
}

fn deciding_claim(ticket: &mut Ticket) -> Option<&mut String> {
    ticket
        .rationale
        .iter_mut()
        .find_map(|claim| match &mut claim.predicate {
            Predicate::Discriminates { because, .. } if !because.is_empty() => Some(because),
            _ => None,
        })
}

fn ratio(ticket: &mut Ticket) -> Option<&mut f64> {
    ticket
        .rationale
        .iter_mut()
        .find_map(|claim| match &mut claim.predicate {
            Predicate::Discriminates { ratio, .. } => Some(ratio),
            _ => None,
        })
}

/// A limit of a claim moves, and the sentence is rendered to match.
fn threshold(ticket: &mut Ticket) -> bool {
    let observations = ticket.observations.clone();
    let assessed = ticket
        .hypotheses
        .iter_mut()
        .flat_map(|h| h.supports.iter_mut().chain(&mut h.contradicts));
    for claim in assessed.map(|one| &mut one.claim) {
        match &mut claim.predicate {
            Predicate::Deviates { robust_z, .. } => *robust_z = 5_000.0,
            Predicate::Compares { comparison, .. } if *comparison == Comparison::Eq => {
                *comparison = Comparison::Ne
            }
            _ => continue,
        }
        let cited: Vec<&Evidence> = claim
            .evidence
            .iter()
            .filter_map(|id| observations.iter().find(|evidence| &evidence.id == id))
            .collect();
        claim.text = operator_model::sentence::sentence(&claim.predicate, &cited);
        return true;
    }
    false
}
