//! Writes an incident down: symptoms, hypotheses, path and gaps, each claim with the ids of its evidence.

use super::cover::Group;
use super::evidence_ids::{CitationScope, EvidenceIds};
use super::facts::Facts;
use super::limits::{GAPS_MAX, HYPOTHESES_MAX, SYMPTOMS_LISTED_MAX};
use super::symptoms::Lasting;
use super::weigh::{Weighed, none_log_odds, normalise};
use super::{separate, told_apart};
use operator_model::diagnosis::{GAP_HYPOTHESES, GAP_PROBABILITY_MIN, must_abstain};
use operator_model::quantity::escape;
use operator_model::title::{NONE_OF_THESE, title};
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
    /// All symptoms of the tick; the group's members are positions in it.
    pub(super) lasting: &'a [&'a Lasting],
}

/// The incident as it stands at this tick. Whether it is confirmed is for the caller to say.
pub(super) fn incident(
    material: &Material<'_>,
    key: IncidentKey,
    evidence_ids: &mut EvidenceIds,
) -> Incident {
    let mut citation_scope = CitationScope::new(evidence_ids);
    let (symptoms, unlisted) = list_symptoms(material, &mut citation_scope);
    let kept: Vec<&Weighed<'_>> = material.group.ranked.iter().take(HYPOTHESES_MAX).collect();
    let hypotheses = hypotheses(material, &kept, &mut citation_scope);
    let abstained = must_abstain(&hypotheses);
    let told_apart = told_apart::claims(&kept, &hypotheses, &symptoms, &citation_scope);
    let path = path(material, &hypotheses, &symptoms, abstained);
    let gaps = gaps(material, &kept, &hypotheses, abstained, unlisted);
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
        severity = severity.max(leader.case.card.severity);
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
        told_apart,
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
    }
}

/// What the suspect runs on, where that narrows down where to look: a whole that runs on many parts is not there.
fn located(topology: &Topology, suspect: &EntityId) -> Vec<EntityId> {
    let hosts: Vec<EntityId> = topology.hosts_of(suspect).cloned().collect();
    if hosts.len() == 1 { hosts } else { Vec::new() }
}

/// Members by onset, with their evidence on record; and how many did not fit.
fn list_symptoms(
    material: &Material<'_>,
    citation_scope: &mut CitationScope<'_>,
) -> (Vec<Symptom>, usize) {
    let members = material
        .group
        .members
        .iter()
        .filter_map(|position| material.lasting.get(*position));
    let mut members: Vec<&&Lasting> = members.collect();
    members.sort_by(|a, b| by_onset(&a.symptom, &b.symptom));
    let unlisted = members.len().saturating_sub(SYMPTOMS_LISTED_MAX);
    let listed = members
        .into_iter()
        .take(SYMPTOMS_LISTED_MAX)
        .map(|lasting| {
            let evidence = lasting
                .seen
                .iter()
                .map(|composed| citation_scope.record(composed))
                .collect();
            Symptom {
                evidence,
                ..lasting.symptom.clone()
            }
        });
    (listed.collect(), unlisted)
}

/// The earlier onset first; symptoms that began together by kind and entity.
pub(super) fn by_onset(a: &Symptom, b: &Symptom) -> std::cmp::Ordering {
    (a.onset.1, a.onset.0, &a.kind, &a.entity).cmp(&(b.onset.1, b.onset.0, &b.kind, &b.entity))
}

fn hypotheses(
    material: &Material<'_>,
    kept: &[&Weighed<'_>],
    citation_scope: &mut CitationScope<'_>,
) -> Vec<Hypothesis> {
    let mut odds: Vec<f64> = kept.iter().map(|weighed| weighed.log_odds).collect();
    odds.push(none_log_odds());
    let shares = normalise(&odds);
    let mut hypotheses: Vec<Hypothesis> = kept
        .iter()
        .zip(&shares)
        .map(|(weighed, share)| carded(material, weighed, *share, citation_scope))
        .collect();
    hypotheses.push(none_of_these(shares.last().copied().unwrap_or(1.0)));
    // Stable: equal shares keep the order of the odds, and the remainder stands behind its equals.
    hypotheses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    hypotheses
}

fn carded(
    material: &Material<'_>,
    weighed: &Weighed<'_>,
    share: f64,
    citation_scope: &mut CitationScope<'_>,
) -> Hypothesis {
    let (card, suspect) = (weighed.case.card, &weighed.case.suspect);
    let (mut supports, mut contradicts) = (Vec::new(), Vec::new());
    for one in &weighed.counted {
        let side = match one.raw_ratio.ln() {
            weight if weight > 0.0 => &mut supports,
            weight if weight < 0.0 => &mut contradicts,
            _ => continue,
        };
        side.push(AssessedEvidence {
            rule: one.rule.id.clone(),
            ratio: one.ratio,
            claim: citation_scope.claim(&one.seen.predicate, &one.seen.cited),
            because: one.rule.because.clone(),
            reference: one.rule.reference.clone(),
        });
    }
    supports.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    contradicts.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    Hypothesis {
        card: card.id.clone(),
        component: Some(suspect.clone()),
        title: card.title.clone(),
        mechanism: fill(&card.mechanism, suspect, material.topology),
        prior: weighed.prior,
        probability: rounded(share),
        log_odds: rounded(weighed.log_odds),
        supports,
        contradicts,
        missing: weighed
            .case
            .missing(material.facts)
            .into_iter()
            .map(|(_, text)| text)
            .collect(),
    }
}

pub(super) fn none_of_these(share: f64) -> Hypothesis {
    Hypothesis {
        card: FailureModeId::from(NONE_OF_THESE),
        component: None,
        title: "None of these".to_owned(),
        mechanism: "Something that the knowledge of this system does not describe.".to_owned(),
        prior: super::limits::NONE_OF_THESE_PRIOR,
        probability: rounded(share),
        log_odds: rounded(none_log_odds()),
        supports: Vec::new(),
        contradicts: Vec::new(),
        missing: Vec::new(),
    }
}

/// Four decimals: what is written must not depend on the last bit of a logarithm.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn fill(text: &str, suspect: &EntityId, topology: &Topology) -> String {
    text.replace("{entity}", suspect.as_str())
        .replace("{name}", &escape(topology.name_of(suspect), 80))
        .replace("{key}", suspect.key())
}

/// From the suspect along edges to what shows trouble, by onset. The cause began, at the latest, when
/// its first effect was seen.
fn path(
    material: &Material<'_>,
    hypotheses: &[Hypothesis],
    symptoms: &[Symptom],
    abstained: bool,
) -> Vec<PathStep> {
    let Some(leader) = hypotheses
        .iter()
        .find(|hypothesis| !hypothesis.is_none_of_these())
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
            let (entity, onset) = (symptom.entity.clone(), symptom.onset.1);
            steps.push(PathStep {
                entity,
                onset,
                summary: symptom.summary.clone(),
            });
        }
    }
    steps
}

/// What could not be seen or told, the most useful line first.
fn gaps(
    material: &Material<'_>,
    kept: &[&Weighed<'_>],
    hypotheses: &[Hypothesis],
    abstained: bool,
    unlisted: usize,
) -> Vec<String> {
    let mut gaps = Vec::new();
    if abstained {
        gaps.extend(separate::what_would_tell(
            material.facts,
            kept,
            hypotheses,
            is_blindness(material),
        ));
    }
    let carded = hypotheses
        .iter()
        .filter(|h| !h.is_none_of_these() && h.probability >= GAP_PROBABILITY_MIN);
    gaps.extend(
        carded
            .take(GAP_HYPOTHESES)
            .flat_map(|hypothesis| hypothesis.missing.iter().cloned()),
    );
    if let Some(leader) = kept.first() {
        let attached = material
            .group
            .attached
            .iter()
            .filter_map(|position| material.lasting.get(*position));
        gaps.extend(
            attached.map(|lasting| not_explained(&lasting.symptom, &leader.case.card.title)),
        );
    }
    let members = material
        .group
        .members
        .iter()
        .filter_map(|position| material.lasting.get(*position));
    gaps.extend(
        members
            .filter(|lasting| lasting.paused)
            .map(|lasting| not_seen(&lasting.symptom)),
    );
    if unlisted > 0 {
        gaps.push(format!("{unlisted} more symptoms are not listed"));
    }
    let blind = &material.facts.input().snapshot.blind;
    gaps.extend(
        blind
            .iter()
            .map(|spot| escape(&format!("cannot see {}: {}", spot.source, spot.reason), 240)),
    );
    distinct(gaps)
}

fn is_blindness(material: &Material<'_>) -> bool {
    material
        .lasting
        .iter()
        .any(|lasting| lasting.symptom.kind == SymptomKind::Blind)
}

fn not_explained(symptom: &Symptom, title: &str) -> String {
    format!(
        "{}: “{}” is not explained by “{title}”; it is counted in because it stands beside it",
        symptom.entity,
        escape(&symptom.summary, 160)
    )
}

fn not_seen(symptom: &Symptom) -> String {
    format!(
        "{}: whether “{}” still holds cannot be seen now",
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
        kept.push(format!("{more} more things are not known"));
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

/// How an incident that is only remembered speaks of the time since.
pub(super) fn still_unseen(mut last: Incident, now: Timestamp) -> Incident {
    let line =
        format!("nothing of this could be checked at {now}; what is written here was seen before");
    last.diagnosis
        .gaps
        .retain(|gap| !gap.starts_with("nothing of this could be checked at "));
    last.diagnosis.gaps.insert(0, line);
    last
}
