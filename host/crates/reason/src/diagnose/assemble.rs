//! Writes an incident: symptoms, hypotheses, path and gaps, each claim with the ids of its evidence.

use super::cover::Group;
use super::evidence_ids::{CitationScope, EvidenceIds};
use super::facts::{Facts, observation_of};
use super::limits::{GAPS_MAX, HYPOTHESES_MAX, SYMPTOMS_LISTED_MAX};
use super::symptoms::TrackedSymptom;
use super::weighing::{
    EvidenceWeight, RankedCause, normalise, stated_ratio, unknown_cause_log_odds,
};
use super::{discrimination, separate};
use operator_model::diagnosis::{GAP_HYPOTHESES, GAP_PROBABILITY_MIN, must_abstain};
use operator_model::knowledge::EvidenceRule;
use operator_model::quantity::escape;
use operator_model::title::{UNKNOWN_CAUSE, title};
use operator_model::{
    AssessedEvidence, Diagnosis, EntityId, FailureModeId, Hypothesis, Incident, IncidentKey,
    PathStep, Severity, Symptom, SymptomKind, Timestamp, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

/// What an incident is written from.
pub(super) struct Material<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) topology: &'a Topology,
    pub(super) group: &'a Group<'a>,
}

/// The incident at this tick. The caller decides whether it is confirmed.
pub(super) fn incident(
    material: &Material<'_>,
    key: IncidentKey,
    evidence_ids: &mut EvidenceIds,
) -> Incident {
    let mut citation_scope = CitationScope::new(evidence_ids);
    let (symptoms, unlisted) = list_symptoms(material, &mut citation_scope);
    let kept: Vec<&RankedCause<'_>> = material.group.ranked.iter().take(HYPOTHESES_MAX).collect();
    let mut hypotheses = hypotheses(material, &kept, &mut citation_scope);
    let abstained = must_abstain(&hypotheses);
    let discrimination = discrimination::claims(&kept, &hypotheses, &symptoms, &citation_scope);
    let path = path(material, &hypotheses, &symptoms, abstained);
    let gaps = gaps(material, &kept, &hypotheses, abstained, unlisted);
    add_neutral(&kept, &mut hypotheses, &mut citation_scope);
    let evidence = citation_scope.close();
    let suspect = hypotheses
        .first()
        .filter(|_| !abstained)
        .and_then(|leader| leader.component.as_ref());
    let located = suspect
        .map(|id| located(material.topology, id))
        .unwrap_or_default();
    let names = names(
        material.topology,
        &located,
        &symptoms,
        &hypotheses,
        &evidence,
    );
    let mut severity = symptoms
        .iter()
        .map(|symptom| symptom.severity)
        .max()
        .unwrap_or(Severity::Info);
    if let (false, Some(leader)) = (abstained, kept.first()) {
        severity = severity.max(leader.cause.failure_mode.severity);
    }
    let title = title(&symptoms, &hypotheses, abstained, &names);
    let started_at = symptoms
        .iter()
        .map(|symptom| symptom.onset.0)
        .min()
        .unwrap_or(material.facts.now());
    let diagnosis = Diagnosis {
        hypotheses,
        path,
        gaps,
        abstained,
        discrimination,
    };
    Incident {
        key,
        title,
        started_at,
        severity,
        names,
        located,
        symptoms,
        evidence,
        diagnosis,
        confirmed: false,
        awaits_ms: 0,
        recovering_since: None,
    }
}

/// What the suspect runs on, if that narrows the search: something that runs on many hosts is on none of them.
fn located(topology: &Topology, suspect: &EntityId) -> Vec<EntityId> {
    let hosts: Vec<EntityId> = topology.hosts_of(suspect).cloned().collect();
    if hosts.len() == 1 { hosts } else { Vec::new() }
}

/// Members by onset, with their evidence recorded; and how many did not fit.
fn list_symptoms(
    material: &Material<'_>,
    citation_scope: &mut CitationScope<'_>,
) -> (Vec<Symptom>, usize) {
    let members = &material.group.members;
    let unlisted = members.len().saturating_sub(SYMPTOMS_LISTED_MAX);
    let listed = members.iter().take(SYMPTOMS_LISTED_MAX).map(|member| {
        let evidence = member
            .tracked
            .evidence
            .iter()
            .map(|composed| citation_scope.record(composed))
            .collect();
        Symptom {
            evidence,
            ..member.symptom().clone()
        }
    });
    (listed.collect(), unlisted)
}

fn hypotheses(
    material: &Material<'_>,
    kept: &[&RankedCause<'_>],
    citation_scope: &mut CitationScope<'_>,
) -> Vec<Hypothesis> {
    let mut odds: Vec<f64> = kept.iter().map(|ranked| ranked.log_odds).collect();
    odds.push(unknown_cause_log_odds());
    let shares = normalise(&odds);
    let mut hypotheses: Vec<Hypothesis> = kept
        .iter()
        .zip(&shares)
        .map(|(ranked, share)| of_failure_mode(material, ranked, *share, citation_scope))
        .collect();
    hypotheses.push(unknown_cause(shares.last().copied().unwrap_or(1.0)));
    // Stable: equal shares keep the order of the odds, and the unknown cause comes after its equals.
    hypotheses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    hypotheses
}

fn of_failure_mode(
    material: &Material<'_>,
    ranked: &RankedCause<'_>,
    share: f64,
    citation_scope: &mut CitationScope<'_>,
) -> Hypothesis {
    let failure_mode = ranked.cause.failure_mode;
    let suspect = &ranked.cause.suspect;
    let mut supports = Vec::new();
    let mut contradicts = Vec::new();
    for one in &ranked.evidence {
        let side = match one.raw_ratio.ln() {
            weight if weight > 0.0 => &mut supports,
            weight if weight < 0.0 => &mut contradicts,
            _ => continue,
        };
        side.push(assessed(one, suspect, citation_scope));
    }
    supports.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    contradicts.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    Hypothesis {
        card: failure_mode.id.clone(),
        component: Some(suspect.clone()),
        title: failure_mode.title.clone(),
        mechanism: fill(&failure_mode.mechanism, suspect, material.topology),
        prior: ranked.prior,
        probability: rounded(share),
        log_odds: rounded(ranked.log_odds),
        supports,
        contradicts,
        neutral: Vec::new(),
        missing: ranked
            .cause
            .missing(material.facts)
            .into_iter()
            .map(|(_, text)| text)
            .collect(),
    }
}

fn assessed(
    one: &EvidenceWeight<'_>,
    suspect: &EntityId,
    citation_scope: &mut CitationScope<'_>,
) -> AssessedEvidence {
    let holds = one.observation.holds;
    AssessedEvidence {
        rule: one.rule.id.clone(),
        ratio: one.ratio,
        claim: citation_scope.claim(&one.observation.predicate, &one.observation.cited),
        because: meaning(one.rule, holds),
        reference: one.rule.reference.clone(),
        observation: observation_of(one.rule, suspect),
        stated_ratio: one.raw_ratio,
        opposite_ratio: stated_ratio(one.rule, !holds),
        group: one.rule.group.clone(),
    }
}

/// Adds the rules that only the opposite observation would give a weight. They come after everything else, so
/// that the ids of the evidence that counts do not depend on them.
fn add_neutral(
    kept: &[&RankedCause<'_>],
    hypotheses: &mut [Hypothesis],
    citation_scope: &mut CitationScope<'_>,
) {
    for ranked in kept {
        let suspect = &ranked.cause.suspect;
        let is_same = |one: &&mut Hypothesis| {
            one.card == ranked.cause.failure_mode.id && one.component.as_ref() == Some(suspect)
        };
        let Some(hypothesis) = hypotheses.iter_mut().find(is_same) else {
            continue;
        };
        let is_neutral = |one: &&EvidenceWeight<'_>| {
            let opposite = stated_ratio(one.rule, !one.observation.holds);
            one.raw_ratio.ln().abs() < f64::EPSILON && opposite.ln().abs() >= f64::EPSILON
        };
        let neutral = ranked.evidence.iter().filter(is_neutral);
        hypothesis.neutral = neutral
            .map(|one| assessed(one, suspect, citation_scope))
            .collect();
    }
}

/// What an observation means for the failure mode. The sentence of a rule is about a test that holds; for
/// the opposite observation the rule has another one, or the host says that it is the opposite.
fn meaning(rule: &EvidenceRule, holds: bool) -> String {
    let derived = if rule.ratio_if_true < 1.0 {
        "the opposite would count against it"
    } else {
        "expected under this cause"
    };
    match (holds, rule.because_not.as_str(), rule.because.as_str()) {
        (true, _, because) => because.to_owned(),
        (false, "", "") => String::new(),
        (false, "", because) => format!("{derived}: {because}"),
        (false, because_not, _) => because_not.to_owned(),
    }
}

pub(super) fn unknown_cause(share: f64) -> Hypothesis {
    Hypothesis {
        card: FailureModeId::from(UNKNOWN_CAUSE),
        component: None,
        title: "Unknown cause".to_owned(),
        mechanism: "No failure mode of this system describes what is observed.".to_owned(),
        prior: super::limits::UNKNOWN_CAUSE_PRIOR,
        probability: rounded(share),
        log_odds: rounded(unknown_cause_log_odds()),
        supports: Vec::new(),
        contradicts: Vec::new(),
        neutral: Vec::new(),
        missing: Vec::new(),
    }
}

/// Four decimals, because output must not depend on the last bit of a logarithm.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn fill(text: &str, suspect: &EntityId, topology: &Topology) -> String {
    text.replace("{entity}", suspect.as_str())
        .replace("{name}", &escape(topology.name_of(suspect), 80))
        .replace("{key}", suspect.key())
}

/// From the suspect along edges to the entities with symptoms, by onset. The cause began, at the latest,
/// when its first effect was observed.
fn path(
    material: &Material<'_>,
    hypotheses: &[Hypothesis],
    symptoms: &[Symptom],
    abstained: bool,
) -> Vec<PathStep> {
    let Some(leader) = hypotheses
        .iter()
        .find(|hypothesis| !hypothesis.is_unknown_cause())
    else {
        return Vec::new();
    };
    let Some(suspect) = leader.component.as_ref().filter(|_| !abstained) else {
        return Vec::new();
    };
    let began = symptoms
        .iter()
        .map(|symptom| symptom.onset.1)
        .min()
        .unwrap_or(material.facts.now());
    let own = symptoms.iter().find(|symptom| &symptom.entity == suspect);
    let summary = own.map_or_else(
        || format!("suspected: {}", leader.title),
        |symptom| symptom.summary.clone(),
    );
    let mut steps = vec![PathStep {
        entity: suspect.clone(),
        onset: began,
        summary,
    }];
    let mut reached = BTreeSet::from([suspect.clone()]);
    for symptom in symptoms {
        let joined = reached
            .iter()
            .any(|entity| material.facts.are_neighbours(entity, &symptom.entity));
        if joined && reached.insert(symptom.entity.clone()) {
            steps.push(PathStep {
                entity: symptom.entity.clone(),
                onset: symptom.onset.1,
                summary: symptom.summary.clone(),
            });
        }
    }
    steps
}

/// What could not be observed or decided, the most useful line first.
fn gaps(
    material: &Material<'_>,
    kept: &[&RankedCause<'_>],
    hypotheses: &[Hypothesis],
    abstained: bool,
    unlisted: usize,
) -> Vec<String> {
    let mut gaps = Vec::new();
    if abstained {
        gaps.extend(separate::next_observation(
            material.facts,
            kept,
            hypotheses,
            is_blindness(material.group),
        ));
    }
    let described = hypotheses
        .iter()
        .filter(|h| !h.is_unknown_cause() && h.probability >= GAP_PROBABILITY_MIN);
    gaps.extend(
        described
            .take(GAP_HYPOTHESES)
            .flat_map(|hypothesis| hypothesis.missing.iter().cloned()),
    );
    if let Some(leader) = kept.first() {
        let title = &leader.cause.failure_mode.title;
        let attached = material.group.attached.iter();
        gaps.extend(attached.map(|member| not_explained(member.symptom(), title)));
    }
    let tracked = material.group.members.iter().map(|member| member.tracked);
    gaps.extend(tracked.filter(|one| one.paused).map(not_observed));
    if unlisted > 0 {
        gaps.push(format!("{unlisted} more symptoms not listed"));
    }
    let blind = &material.facts.input().snapshot.blind;
    gaps.extend(blind.iter().map(|spot| {
        escape(
            &format!("cannot observe {}: {}", spot.source, spot.reason),
            240,
        )
    }));
    distinct(gaps)
}

/// Whether the incident is about what cannot be observed.
fn is_blindness(group: &Group<'_>) -> bool {
    let mut members = group.members.iter();
    members.any(|member| member.symptom().kind == SymptomKind::Blind)
}

fn not_explained(symptom: &Symptom, title: &str) -> String {
    format!(
        "{}: “{}” is not explained by “{title}”, but occurred on or next to the suspect",
        symptom.entity,
        escape(&symptom.summary, 160)
    )
}

fn not_observed(tracked: &TrackedSymptom) -> String {
    let symptom = &tracked.symptom;
    format!(
        "{}: cannot observe whether “{}” still holds",
        symptom.entity,
        escape(&symptom.summary, 160)
    )
}

/// Without repeats, in order, bounded.
fn distinct(lines: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<String> = lines
        .into_iter()
        .filter(|line| seen.insert(line.clone()))
        .collect();
    if kept.len() > GAPS_MAX {
        let more = kept.len() - GAPS_MAX + 1;
        kept.truncate(GAPS_MAX - 1);
        kept.push(format!("{more} more gaps not listed"));
    }
    kept
}

/// What people call everything that the incident names.
fn names(
    topology: &Topology,
    located: &[EntityId],
    symptoms: &[Symptom],
    hypotheses: &[Hypothesis],
    evidence: &[operator_model::Evidence],
) -> BTreeMap<EntityId, String> {
    let of_symptoms = symptoms.iter().map(|symptom| &symptom.entity);
    let of_hypotheses = hypotheses
        .iter()
        .filter_map(|hypothesis| hypothesis.component.as_ref());
    let of_evidence = evidence.iter().filter_map(|one| one.entity.as_ref());
    let all = of_symptoms
        .chain(of_hypotheses)
        .chain(of_evidence)
        .chain(located);
    let named = all.filter_map(|id| topology.entity(id));
    named
        .map(|entity| (entity.id.clone(), escape(&entity.name, 120)))
        .collect()
}

/// An incident of which nothing can be observed at this tick, as it was last written.
pub(super) fn still_unseen(mut last: Incident, now: Timestamp) -> Incident {
    let line = format!("{NOT_EVALUATED_AT}{now}; this ticket shows earlier observations");
    last.diagnosis
        .gaps
        .retain(|gap| !gap.starts_with(NOT_EVALUATED_AT));
    last.diagnosis.gaps.insert(0, line);
    last
}

/// Begins the one line of gaps that is replaced at every tick.
const NOT_EVALUATED_AT: &str = "could not be re-evaluated at ";
