//! Earlier incidents that looked alike, by a deterministic signature.
//!
//! The signature of a ticket are its symptoms by the kind of entity, its cause, and the order in which kinds of
//! symptoms began; entities are left out, because the next incident meets another one. Two signatures are compared by
//! their weighted Jaccard index: the weight of what both have over the weight of what either has.

use operator_model::{SymptomKind, Ticket};
use serde::Serialize;
use std::collections::BTreeMap;

/// Earlier tickets that are named.
const NAMED_MAX: usize = 3;

/// Below this index two incidents share less than they do not.
const SIMILARITY_MIN: f64 = 0.5;

/// A symptom is what a person would compare first, then the cause; onset order only breaks ties.
const SYMPTOM_WEIGHT: f64 = 2.0;
const CAUSE_WEIGHT: f64 = 3.0;
const ORDER_WEIGHT: f64 = 0.5;

/// An earlier ticket that looked alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Similar<'a> {
    /// The earlier ticket.
    #[serde(skip)]
    pub ticket: &'a Ticket,
    /// Its id.
    pub id: &'a str,
    /// 0.5 to 1.
    pub similarity: f64,
}

/// Up to three tickets that were opened before this one, the most similar first, then the newest.
#[must_use]
pub fn earlier<'a>(ticket: &Ticket, tickets: &'a [Ticket]) -> Vec<Similar<'a>> {
    let own = signature(ticket);
    let mut found: Vec<Similar<'a>> = tickets
        .iter()
        .filter(|other| other.id != ticket.id && other.opened_at <= ticket.opened_at)
        .map(|other| Similar {
            ticket: other,
            id: &other.id,
            similarity: index(&own, &signature(other)),
        })
        .filter(|similar| similar.similarity >= SIMILARITY_MIN)
        .collect();
    found.sort_by(|a, b| {
        b.similarity
            .total_cmp(&a.similarity)
            .then_with(|| b.ticket.opened_at.cmp(&a.ticket.opened_at))
    });
    found.truncate(NAMED_MAX);
    found
}

type Signature = BTreeMap<String, f64>;

fn signature(ticket: &Ticket) -> Signature {
    let mut features = Signature::new();
    let words: Vec<String> = ticket
        .symptoms
        .iter()
        .map(|symptom| format!("{} of a {}", what(&symptom.kind), symptom.entity.kind()))
        .collect();
    for word in &words {
        features.insert(format!("symptom {word}"), SYMPTOM_WEIGHT);
    }
    // Symptoms are listed by onset.
    for pair in words.windows(2) {
        if let [first, next] = pair
            && first != next
        {
            features.insert(format!("{first} before {next}"), ORDER_WEIGHT);
        }
    }
    let named = ticket.hypotheses.first().filter(|_| !ticket.abstained);
    if let Some(leader) = named {
        features.insert(format!("cause {}", leader.card), CAUSE_WEIGHT);
    }
    features
}

fn what(kind: &SymptomKind) -> String {
    match kind {
        SymptomKind::Violation(check) => format!("violation {check}"),
        SymptomKind::Anomaly(signal) => format!("anomaly {signal}"),
        SymptomKind::Blind => "gap".to_owned(),
    }
}

fn index(one: &Signature, other: &Signature) -> f64 {
    let both: f64 = one
        .iter()
        .filter(|(feature, _)| other.contains_key(*feature))
        .map(|(_, weight)| weight)
        .sum();
    let sum = |signature: &Signature| -> f64 { signature.values().sum() };
    let either = sum(one) + sum(other) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::tests::{composed, symptom};
    use operator_model::{EntityId, Timestamp};

    fn ticket(id: &str, entity: &str, opened_at: u64) -> Ticket {
        let mut ticket = composed(id, 1, 0.9);
        ticket.id = id.to_owned();
        ticket.opened_at = Timestamp(opened_at);
        ticket.symptoms = vec![symptom(&EntityId::new("node", entity))];
        ticket
    }

    #[test]
    fn the_same_fault_on_another_entity_is_similar_and_a_later_one_is_not_earlier() {
        let now = ticket("T-3", "c", 30);
        let before = [
            ticket("T-1", "a", 10),
            ticket("T-2", "b", 20),
            ticket("T-4", "d", 40),
        ];
        let similar = earlier(&now, &before);
        let ids: Vec<&str> = similar.iter().map(|one| one.id).collect();
        assert_eq!(ids, ["T-2", "T-1"]);
        assert!(
            similar
                .iter()
                .all(|one| (one.similarity - 1.0).abs() < 1e-9)
        );
    }

    #[test]
    fn another_symptom_and_another_cause_are_not_similar() {
        let now = ticket("T-3", "c", 30);
        let mut other = ticket("T-1", "a", 10);
        other.hypotheses.clear();
        other.abstained = true;
        other.symptoms[0].kind = SymptomKind::Anomaly("rate".into());
        assert!(earlier(&now, &[other]).is_empty());
    }
}
