//! Why this cause and not another: exact arithmetic on what a ticket records.
//!
//! Log odds are sums, so the difference between two hypotheses is the sum of the differences of their rules.
//! The flip set is the smallest set of observations whose opposite would make the other cause the likeliest one.

mod flip;
mod odds;

use odds::Standing;
use operator_model::{
    AssessedEvidence, EntityId, EvidenceId, FailureModeId, Hypothesis, Ticket, Timestamp,
};
use serde::Serialize;
use std::collections::BTreeMap;

pub use flip::{FlipSet, Opposite};

/// The cause that a question names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// Id of its failure mode.
    pub failure_mode: FailureModeId,
    /// The suspected component; absent for any.
    pub component: Option<EntityId>,
}

/// Two hypotheses of one ticket, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Id of the ticket.
    pub ticket: String,
    /// When the compared version of the ticket was written, by the observed clock.
    pub at: Timestamp,
    /// Whether the ticket leaves its cause undetermined.
    pub abstained: bool,
    /// The leading hypothesis.
    pub cause: Side,
    /// The other one.
    pub other: Side,
    /// What the priors contribute to `log_odds`.
    pub prior: f64,
    /// What each observation contributes, the largest amount first. Together with `prior` they are `log_odds`.
    pub terms: Vec<Term>,
    /// Natural logarithm of the odds of the cause against the other.
    pub log_odds: f64,
    /// What would have to be otherwise; absent if no set of observations suffices.
    pub flip_set: Option<FlipSet>,
}

/// One hypothesis of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Id of its failure mode.
    pub card: FailureModeId,
    /// The suspect.
    pub component: Option<EntityId>,
    /// Title of the failure mode.
    pub title: String,
    /// Posterior probability.
    pub probability: f64,
    /// What it would need that could not be observed.
    pub missing: Vec<String>,
}

/// What one observation contributes to the comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// What was observed, as a sentence of the ticket.
    pub observed: String,
    /// What it means for the cause that it speaks for.
    pub because: String,
    /// Evidence ids of the ticket.
    pub evidence: Vec<EvidenceId>,
    /// Since when it is known: the onset of its symptom, otherwise the newest observation.
    pub known_since: Option<Timestamp>,
    /// Likelihood ratio under the cause; 1 if no rule of it looks at this.
    pub ratio: f64,
    /// Likelihood ratio under the other.
    pub other_ratio: f64,
    /// Natural logarithm of `ratio` over `other_ratio`.
    pub weight: f64,
}

/// The question names a cause that the ticket did not weigh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCompared {
    /// It is not among the hypotheses.
    #[error(
        "{asked} was not weighed for {ticket}: it explains none of its decisive symptoms; weighed were {known}"
    )]
    NotWeighed {
        /// What was asked for.
        asked: String,
        /// The ticket.
        ticket: String,
        /// What was weighed.
        known: String,
    },
    /// It is the leading hypothesis itself.
    #[error("{0} is the leading hypothesis; name another one with --not")]
    IsLeading(String),
    /// There is only one hypothesis.
    #[error("{0} has one hypothesis only, so there is nothing to compare it with")]
    OnlyOne(String),
}

/// Compares the leading hypothesis with an alternative, or with the next likely one.
///
/// # Errors
/// The alternative was not weighed, or is the leading hypothesis.
pub fn compare(
    ticket: &Ticket,
    alternative: Option<&Alternative>,
) -> Result<Comparison, NotCompared> {
    let (leader, others) = ticket
        .hypotheses
        .split_first()
        .ok_or_else(|| NotCompared::OnlyOne(ticket.id.clone()))?;
    let other = match alternative {
        Some(alternative) => find(ticket, leader, alternative)?,
        None => others
            .first()
            .ok_or_else(|| NotCompared::OnlyOne(ticket.id.clone()))?,
    };
    let standing = Standing::new(&ticket.hypotheses);
    let terms = terms(ticket, leader, other);
    Ok(Comparison {
        ticket: ticket.id.clone(),
        at: ticket.updated_at,
        abstained: ticket.abstained,
        cause: side(leader),
        other: side(other),
        prior: odds::prior(leader) - odds::prior(other),
        log_odds: leader.log_odds - other.log_odds,
        terms,
        flip_set: flip::smallest(&standing, ticket, other),
    })
}

fn find<'a>(
    ticket: &'a Ticket,
    leader: &Hypothesis,
    alternative: &Alternative,
) -> Result<&'a Hypothesis, NotCompared> {
    let is_meant = |one: &&Hypothesis| {
        let component = alternative.component.as_ref();
        one.card == alternative.failure_mode
            && component.is_none_or(|component| one.component.as_ref() == Some(component))
    };
    if is_meant(&leader) {
        return Err(NotCompared::IsLeading(leader.label()));
    }
    ticket.hypotheses.iter().find(is_meant).ok_or_else(|| {
        let component = alternative.component.as_ref();
        let place = component.map_or_else(String::new, |component| format!("@{component}"));
        let known: Vec<String> = ticket.hypotheses.iter().map(reference).collect();
        NotCompared::NotWeighed {
            asked: format!("{}{place}", alternative.failure_mode),
            ticket: ticket.id.clone(),
            known: known.join(", "),
        }
    })
}

/// A hypothesis as a question names it: `disk-slow@node/1`.
#[must_use]
pub fn reference(hypothesis: &Hypothesis) -> String {
    match &hypothesis.component {
        Some(component) => format!("{}@{component}", hypothesis.card),
        None => hypothesis.card.to_string(),
    }
}

fn side(hypothesis: &Hypothesis) -> Side {
    Side {
        card: hypothesis.card.clone(),
        component: hypothesis.component.clone(),
        title: hypothesis.title.clone(),
        probability: hypothesis.probability,
        missing: hypothesis.missing.clone(),
    }
}

/// The rules of both sides, joined by what they observe.
fn terms(ticket: &Ticket, leader: &Hypothesis, other: &Hypothesis) -> Vec<Term> {
    let mut pairs: BTreeMap<&str, (Vec<&AssessedEvidence>, Vec<&AssessedEvidence>)> =
        BTreeMap::new();
    for rule in leader.assessed() {
        pairs.entry(key_of(rule)).or_default().0.push(rule);
    }
    for rule in other.assessed() {
        pairs.entry(key_of(rule)).or_default().1.push(rule);
    }
    let mut terms: Vec<Term> = pairs
        .into_values()
        .filter_map(|(own, others)| term(ticket, &own, &others))
        .collect();
    terms.sort_by(|a, b| {
        let by_amount = b.weight.abs().total_cmp(&a.weight.abs());
        by_amount.then_with(|| a.observed.cmp(&b.observed))
    });
    terms
}

/// What a rule observes. Tickets of older operators do not record it; there each claim stands for itself.
fn key_of(rule: &AssessedEvidence) -> &str {
    if rule.observation.is_empty() {
        &rule.claim.text
    } else {
        &rule.observation
    }
}

fn term(ticket: &Ticket, own: &[&AssessedEvidence], others: &[&AssessedEvidence]) -> Option<Term> {
    let ratio: f64 = own.iter().map(|rule| rule.ratio).product();
    let other_ratio: f64 = others.iter().map(|rule| rule.ratio).product();
    let weight = ratio.ln() - other_ratio.ln();
    let is_for_the_cause = weight >= 0.0;
    let (first, second) = if is_for_the_cause {
        (own, others)
    } else {
        (others, own)
    };
    let shown = first.first().or_else(|| second.first())?;
    let contributes =
        (ratio - 1.0).abs() > f64::EPSILON || (other_ratio - 1.0).abs() > f64::EPSILON;
    contributes.then(|| Term {
        observed: shown.claim.text.clone(),
        because: shown.because.clone(),
        evidence: shown.claim.evidence.clone(),
        known_since: known_since(ticket, &shown.claim.evidence),
        ratio,
        other_ratio,
        weight,
    })
}

fn known_since(ticket: &Ticket, evidence: &[EvidenceId]) -> Option<Timestamp> {
    let symptoms = ticket.symptoms.iter();
    let citing = symptoms.filter(|symptom| symptom.evidence.iter().any(|id| evidence.contains(id)));
    let onset = citing.map(|symptom| symptom.onset.1).min();
    onset.or_else(|| {
        let cited = ticket.observations.iter();
        let cited = cited.filter(|one| evidence.contains(&one.id));
        cited.map(|one| one.seen_at.unwrap_or(one.window.1)).min()
    })
}

#[cfg(test)]
mod tests;
