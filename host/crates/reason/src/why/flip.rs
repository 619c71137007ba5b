//! The smallest set of observations whose opposite would make another cause the likeliest.

use super::key_of;
use super::odds::Standing;
use operator_model::{AssessedEvidence, EvidenceId, Hypothesis, Ticket};
use serde::Serialize;

/// Observations that decide between two causes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlipSet {
    /// What would have to be otherwise, all of it.
    pub observations: Vec<Opposite>,
    /// Probability that the other cause would have then.
    pub probability: f64,
    /// Every smaller set was tried and does not suffice. False for sets found step by step.
    pub smallest: bool,
}

/// One observation of a flip set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opposite {
    /// What was tested.
    pub observation: String,
    /// What was observed, as a sentence of the ticket.
    pub observed: String,
    /// Evidence ids of the ticket.
    pub evidence: Vec<EvidenceId>,
}

/// Sets up to this size are searched completely: all triples of the forty observations of a large ticket are
/// ten thousand sums.
const SEARCHED_SIZE_MAX: usize = 3;

/// Sets of three are searched completely among this many observations, and otherwise step by step.
const OBSERVATIONS_FOR_TRIPLES_MAX: usize = 64;

/// Odds are written with four decimals; equal ones are no victory.
const MARGIN_MIN: f64 = 1e-3;

pub(super) fn smallest(
    standing: &Standing<'_>,
    ticket: &Ticket,
    other: &Hypothesis,
) -> Option<FlipSet> {
    let count = standing.observations().len();
    let searched = if count > OBSERVATIONS_FOR_TRIPLES_MAX {
        SEARCHED_SIZE_MAX - 1
    } else {
        SEARCHED_SIZE_MAX
    };
    for size in 1..=searched.min(count) {
        if let Some(found) = best_of_size(standing, other, size) {
            return Some(described(standing, ticket, other, &found, true));
        }
    }
    let found = step_by_step(standing, other)?;
    let smallest = found.len() == searched + 1;
    Some(described(standing, ticket, other, &found, smallest))
}

/// Of the sets of this size that suffice, the one with the largest margin; ties by order.
fn best_of_size(standing: &Standing<'_>, other: &Hypothesis, size: usize) -> Option<Vec<usize>> {
    let mut best: Option<(f64, Vec<usize>)> = None;
    let mut places: Vec<usize> = (0..size).collect();
    loop {
        let margin = standing.margin(other, &places);
        if margin > MARGIN_MIN && best.as_ref().is_none_or(|(known, _)| margin > *known) {
            best = Some((margin, places.clone()));
        }
        if !advance(&mut places, standing.observations().len()) {
            return best.map(|(_, found)| found);
        }
    }
}

/// The next combination in lexicographic order; false after the last one.
fn advance(places: &mut [usize], count: usize) -> bool {
    let size = places.len();
    for position in (0..size).rev() {
        let limit = count - (size - position);
        let Some(place) = places.get_mut(position) else {
            return false;
        };
        if *place < limit {
            let next = *place + 1;
            for (offset, later) in places.iter_mut().skip(position).enumerate() {
                *later = next + offset;
            }
            return true;
        }
    }
    false
}

/// Adds the observation that helps most until the other cause leads.
fn step_by_step(standing: &Standing<'_>, other: &Hypothesis) -> Option<Vec<usize>> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut margin = standing.margin(other, &chosen);
    while margin <= MARGIN_MIN {
        let candidates = (0..standing.observations().len()).filter(|place| !chosen.contains(place));
        let with = candidates.map(|place| {
            let mut set = chosen.clone();
            set.push(place);
            (standing.margin(other, &set), set)
        });
        let (next, set) = with.max_by(|a, b| a.0.total_cmp(&b.0))?;
        if next <= margin {
            return None;
        }
        (margin, chosen) = (next, set);
    }
    chosen.sort_unstable();
    Some(chosen)
}

fn described(
    standing: &Standing<'_>,
    ticket: &Ticket,
    other: &Hypothesis,
    found: &[usize],
    smallest: bool,
) -> FlipSet {
    let places = found
        .iter()
        .filter_map(|place| standing.observations().get(*place));
    FlipSet {
        observations: places.map(|key| opposite(ticket, key)).collect(),
        probability: standing.probability(other, found),
        smallest,
    }
}

fn opposite(ticket: &Ticket, key: &str) -> Opposite {
    let hypotheses = ticket.hypotheses.iter();
    let mut rules = hypotheses.flat_map(|one| one.assessed().chain(&one.neutral));
    let rule: Option<&AssessedEvidence> = rules.find(|rule| key_of(rule) == key);
    Opposite {
        observation: key.to_owned(),
        observed: rule.map_or_else(String::new, |rule| rule.claim.text.clone()),
        evidence: rule.map_or_else(Vec::new, |rule| rule.claim.evidence.clone()),
    }
}
