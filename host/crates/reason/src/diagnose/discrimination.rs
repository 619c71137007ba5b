//! Which observation discriminates the leading hypothesis from each alternative, or that none does.

use super::evidence_ids::CitationScope;
use super::weighing::{RankedCause, log_odds_of};
use operator_model::sentence::DISCRIMINATING_RATIO_MIN;
use operator_model::{Claim, EvidenceId, Hypothesis, Predicate, Symptom};
use std::collections::{BTreeMap, BTreeSet};

/// One claim for each alternative that a failure mode describes.
pub(super) fn claims(
    kept: &[&RankedCause<'_>],
    hypotheses: &[Hypothesis],
    symptoms: &[Symptom],
    citation_scope: &CitationScope<'_>,
) -> Vec<Claim> {
    let described: Vec<&Hypothesis> = hypotheses
        .iter()
        .filter(|h| !h.is_unknown_cause())
        .collect();
    let Some(((winner, alternatives), (leader, others))) =
        described.split_first().zip(kept.split_first())
    else {
        return Vec::new();
    };
    let pairs = alternatives.iter().zip(others);
    pairs
        .map(|(alternative, other)| {
            claim(
                winner,
                alternative,
                ratio(leader, other),
                symptoms,
                citation_scope,
            )
        })
        .collect()
}

/// How much likelier all evidence is under the one than under the other, without the priors.
fn ratio(winner: &RankedCause<'_>, alternative: &RankedCause<'_>) -> f64 {
    let evidence = |ranked: &RankedCause<'_>| ranked.log_odds - log_odds_of(ranked.prior);
    rounded_down(
        (evidence(winner) - evidence(alternative))
            .exp()
            .min(RATIO_SHOWN_MAX),
    )
}

/// Two significant digits, never more than the value: the claim says "at least".
fn rounded_down(value: f64) -> f64 {
    let scale = 10_f64.powf(value.log10().floor() - 1.0);
    if scale.is_finite() && scale > 0.0 {
        ((value * (1.0 - 1e-9)) / scale).floor() * scale
    } else {
        value
    }
}

fn claim(
    winner: &Hypothesis,
    alternative: &Hypothesis,
    ratio: f64,
    symptoms: &[Symptom],
    citation_scope: &CitationScope<'_>,
) -> Claim {
    let decisive = if ratio >= DISCRIMINATING_RATIO_MIN {
        strongest(winner, alternative)
    } else {
        None
    };
    let because = decisive.map(|claim| claim.text.clone()).unwrap_or_default();
    let predicate = Predicate::Discriminates {
        winner: winner.label(),
        alternative: alternative.label(),
        ratio,
        because,
    };
    citation_scope.claim_on(&predicate, &cited(winner, alternative, symptoms))
}

/// The one observation that supports the winner most over the alternative.
fn strongest<'a>(winner: &'a Hypothesis, alternative: &'a Hypothesis) -> Option<&'a Claim> {
    let mut weights: BTreeMap<&str, (f64, &Claim)> = BTreeMap::new();
    for one in winner.assessed() {
        weights
            .entry(&one.claim.text)
            .or_insert((0.0, &one.claim))
            .0 += one.ratio.ln();
    }
    for one in alternative.assessed() {
        weights
            .entry(&one.claim.text)
            .or_insert((0.0, &one.claim))
            .0 -= one.ratio.ln();
    }
    let best = weights
        .into_iter()
        .rev()
        .max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    (best.1.0 > 0.0).then_some(best.1.1)
}

/// Everything that was weighed for either; the first symptom if there was nothing.
fn cited(winner: &Hypothesis, alternative: &Hypothesis, symptoms: &[Symptom]) -> Vec<EvidenceId> {
    let mut seen = BTreeSet::new();
    let weighed = winner
        .assessed()
        .chain(alternative.assessed())
        .flat_map(|one| one.claim.evidence.iter());
    let mut ids: Vec<EvidenceId> = weighed
        .filter(|id| seen.insert((*id).clone()))
        .cloned()
        .collect();
    if ids.is_empty() {
        ids.extend(
            symptoms
                .first()
                .and_then(|symptom| symptom.evidence.first())
                .cloned(),
        );
    }
    ids
}

/// A larger ratio carries no more information, and JSON cannot represent infinity.
const RATIO_SHOWN_MAX: f64 = 1e9;
