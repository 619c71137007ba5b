//! What told the leading hypothesis from each rival, or that nothing did.

use super::evidence_ids::CitationScope;
use super::weigh::{Weighed, log_odds_of};
use operator_model::sentence::TOLD_APART_RATIO_MIN;
use operator_model::{Claim, EvidenceId, Hypothesis, Predicate, Symptom};
use std::collections::{BTreeMap, BTreeSet};

/// One claim for each rival that a card describes.
pub(super) fn claims(
    kept: &[&Weighed<'_>],
    hypotheses: &[Hypothesis],
    symptoms: &[Symptom],
    citation_scope: &CitationScope<'_>,
) -> Vec<Claim> {
    let carded: Vec<&Hypothesis> = hypotheses
        .iter()
        .filter(|h| !h.is_none_of_these())
        .collect();
    let Some(((winner, rivals), (weighed, others))) = carded.split_first().zip(kept.split_first())
    else {
        return Vec::new();
    };
    let pairs = rivals.iter().zip(others);
    pairs
        .map(|(rival, other)| {
            claim(
                winner,
                rival,
                ratio(weighed, other),
                symptoms,
                citation_scope,
            )
        })
        .collect()
}

/// How much likelier all evidence is under the one than under the other; priors do not count.
fn ratio(winner: &Weighed<'_>, rival: &Weighed<'_>) -> f64 {
    let evidence = |weighed: &Weighed<'_>| weighed.log_odds - log_odds_of(weighed.prior);
    rounded_down(
        (evidence(winner) - evidence(rival))
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
    rival: &Hypothesis,
    ratio: f64,
    symptoms: &[Symptom],
    citation_scope: &CitationScope<'_>,
) -> Claim {
    let decisive = if ratio >= TOLD_APART_RATIO_MIN {
        strongest(winner, rival)
    } else {
        None
    };
    let because = decisive.map(|claim| claim.text.clone()).unwrap_or_default();
    let predicate = Predicate::ToldApart {
        winner: winner.label(),
        rival: rival.label(),
        ratio,
        because,
    };
    citation_scope.claim_on(&predicate, &cited(winner, rival, symptoms))
}

/// The one observation that speaks most for the winner and against the rival.
fn strongest<'a>(winner: &'a Hypothesis, rival: &'a Hypothesis) -> Option<&'a Claim> {
    let mut weights: BTreeMap<&str, (f64, &Claim)> = BTreeMap::new();
    for one in winner.assessed() {
        weights
            .entry(&one.claim.text)
            .or_insert((0.0, &one.claim))
            .0 += one.ratio.ln();
    }
    for one in rival.assessed() {
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
fn cited(winner: &Hypothesis, rival: &Hypothesis, symptoms: &[Symptom]) -> Vec<EvidenceId> {
    let mut seen = BTreeSet::new();
    let weighed = winner
        .assessed()
        .chain(rival.assessed())
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

/// A larger factor says nothing more to anyone, and infinity cannot be written to JSON.
const RATIO_SHOWN_MAX: f64 = 1e9;
