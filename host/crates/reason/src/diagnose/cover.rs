//! Groups symptoms by cause: the likeliest hypothesis takes what it explains, the next one takes what
//! is left, until nothing is left that a failure mode explains.

use super::facts::Facts;
use super::limits::{
    INCIDENTS_MAX, LONE_ANOMALY_GROUPS_MIN, LONE_ANOMALY_PROBABILITY_MIN, ONSET_TOLERANCE_MS,
    SUSPECTS_MAX,
};
use super::symptoms::{RankedSymptom, SymptomKey, SymptomSet, TrackedSymptom, key_of};
use super::weighing::{CandidateCause, RankedCause, normalise, unknown_cause_log_odds};
use operator_model::sentence::DISCRIMINATING_RATIO_MIN;
use operator_model::{EntityId, Severity, Timestamp};
use std::collections::BTreeSet;

/// Symptoms with one cause, and the hypotheses about it, likeliest first.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Never empty.
    pub(super) members: SymptomSet<'a>,
    /// Members that no hypothesis explains, included because they are on or next to the suspect.
    pub(super) attached: SymptomSet<'a>,
    /// All of them; shares are computed where hypotheses are written.
    pub(super) ranked: Vec<RankedCause<'a>>,
    /// Anomalies only, and not enough of them to open an incident: it may only continue one.
    pub(super) too_weak: bool,
}

impl<'a> Group<'a> {
    /// One group of all these symptoms without hypotheses; `None` for no symptoms.
    pub(super) fn of_all(symptoms: &'a [TrackedSymptom]) -> Option<Self> {
        (!symptoms.is_empty()).then(|| Self {
            members: RankedSymptom::all(symptoms),
            attached: SymptomSet::new(),
            ranked: Vec::new(),
            too_weak: false,
        })
    }

    /// The keys of its symptoms.
    pub(super) fn member_keys(&self) -> impl Iterator<Item = SymptomKey> {
        self.members.iter().map(|member| key_of(member.symptom()))
    }

    /// Some of its symptoms are worth telling a person.
    pub(super) fn is_more_than_a_note(&self) -> bool {
        self.members
            .iter()
            .any(|member| member.symptom().severity > Severity::Info)
    }

    /// Anomalies alone are enough for a cause that is likely and that needs a person.
    pub(super) fn is_worth_a_ticket(&self) -> bool {
        let leads_to = self
            .ranked
            .first()
            .map(|leader| leader.cause.failure_mode.severity);
        self.is_strong() && leads_to.is_some_and(|severity| severity > Severity::Info)
    }

    /// Whether the likeliest cause lies in this component.
    pub(super) fn suspects(&self, entity: &EntityId) -> bool {
        self.ranked
            .first()
            .is_some_and(|leader| &leader.cause.suspect == entity)
    }

    /// One cause is likely enough, on independent evidence, for anomalies alone.
    pub(super) fn is_strong(&self) -> bool {
        let mut odds: Vec<f64> = self.ranked.iter().map(|one| one.log_odds).collect();
        odds.push(unknown_cause_log_odds());
        let share = normalise(&odds).first().copied().unwrap_or(0.0);
        let groups = self
            .ranked
            .first()
            .map_or(0, RankedCause::supporting_groups);
        share >= LONE_ANOMALY_PROBABILITY_MIN && groups >= LONE_ANOMALY_GROUPS_MIN
    }
}

/// The symptoms of a tick and the facts about them.
pub(super) struct Scene<'a> {
    facts: &'a Facts<'a>,
    symptoms: SymptomSet<'a>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, symptoms: SymptomSet<'a>) -> Self {
        Self { facts, symptoms }
    }
}

/// All failure modes of all suspects that the symptoms point to.
pub(super) fn causes<'a>(scene: &Scene<'a>) -> Vec<CandidateCause<'a>> {
    let (touched, near) = touched_and_near(scene);
    let knowledge = scene.facts.input().knowledge;
    let mut causes = Vec::new();
    for failure_mode in &knowledge.cards {
        let suspects = touched
            .iter()
            .chain(near.iter())
            .filter(|entity| entity.kind() == failure_mode.entity_kind);
        for suspect in suspects.take(SUSPECTS_MAX) {
            let cause = CandidateCause::new(scene.facts, failure_mode, suspect, &scene.symptoms);
            causes.push(cause);
        }
    }
    causes.iter_mut().for_each(drop_earlier_symptoms);
    causes
}

/// Entities with symptoms, the earliest first, and their neighbours.
fn touched_and_near(scene: &Scene<'_>) -> (Vec<EntityId>, Vec<EntityId>) {
    let mut touched: Vec<EntityId> = Vec::new();
    for symptom in scene.symptoms.iter().map(|ranked| ranked.symptom()) {
        if !touched.contains(&symptom.entity) {
            touched.push(symptom.entity.clone());
        }
    }
    let neighbours: BTreeSet<&EntityId> = touched
        .iter()
        .flat_map(|entity| scene.facts.neighbours(entity))
        .collect();
    let near = neighbours
        .into_iter()
        .filter(|entity| !touched.contains(entity))
        .cloned()
        .collect();
    (touched, near)
}

/// An effect does not begin before its cause.
fn drop_earlier_symptoms(cause: &mut CandidateCause<'_>) {
    let explained = cause.explains.iter().map(|ranked| ranked.symptom());
    let began = explained
        .filter(|symptom| symptom.entity == cause.suspect)
        .map(|symptom| symptom.onset.0)
        .min();
    let Some(began) = began else { return };
    let not_before = Timestamp(began.0.saturating_sub(ONSET_TOLERANCE_MS));
    cause
        .explains
        .retain(|ranked| ranked.symptom().onset.1 >= not_before);
}

/// The grouping. Every violation is in exactly one group.
pub(super) fn group<'a>(scene: &Scene<'a>, causes: &'a [CandidateCause<'a>]) -> Vec<Group<'a>> {
    let mut remaining = scene.symptoms.clone();
    let mut taken: BTreeSet<SymptomKey> = BTreeSet::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    while groups.len() + 1 < INCIDENTS_MAX {
        let ranked = rank(causes, &taken);
        let Some(group) = explained_group(&ranked, &remaining) else {
            break;
        };
        remaining.retain(|one| !group.members.contains(one));
        taken.extend(group.member_keys());
        groups.push(group);
    }
    attach_neighbouring(scene, &mut groups, &mut remaining);
    group_the_unexplained(scene, causes, &taken, &mut groups, remaining);
    groups
}

/// By falling odds, then by how much they explain, then by name: the order never depends on chance.
fn rank<'a>(
    causes: &'a [CandidateCause<'a>],
    taken: &BTreeSet<SymptomKey>,
) -> Vec<RankedCause<'a>> {
    let mut ranked: Vec<RankedCause<'a>> = causes.iter().map(|cause| cause.weigh(taken)).collect();
    ranked.sort_by(|a, b| {
        let id = |one: &RankedCause<'a>| (&one.cause.failure_mode.id, &one.cause.suspect);
        b.log_odds
            .total_cmp(&a.log_odds)
            .then_with(|| b.cause.explains.len().cmp(&a.cause.explains.len()))
            .then_with(|| id(a).cmp(&id(b)))
    });
    ranked
}

/// The group of the likeliest hypothesis that explains anything that is left. Alternatives that are nearly
/// as likely add what they explain: until they are discriminated it is one incident.
fn explained_group<'a>(
    ranked: &[RankedCause<'a>],
    remaining: &SymptomSet<'a>,
) -> Option<Group<'a>> {
    let explains_some = |one: &&RankedCause<'a>| !one.cause.explains.is_disjoint(remaining);
    let best = ranked
        .iter()
        .find(explains_some)
        .filter(|best| best.log_odds >= unknown_cause_log_odds())?;
    let own: SymptomSet<'a> = best
        .cause
        .explains
        .intersection(remaining)
        .copied()
        .collect();
    let own_decisive = decisive(&own);
    let close = best.log_odds - DISCRIMINATING_RATIO_MIN.ln();
    let mut members = own;
    for alternative in ranked
        .iter()
        .filter(|one| one.log_odds >= close && own_decisive.is_subset(&one.cause.explains))
    {
        members.extend(alternative.cause.explains.intersection(remaining));
    }
    let has_violation = members.iter().any(|member| member.is_violation());
    let ranked = hypotheses(ranked, &decisive(&members), best);
    let mut group = Group {
        members,
        attached: SymptomSet::new(),
        ranked,
        too_weak: false,
    };
    group.too_weak = !has_violation && !group.is_strong();
    Some(group)
}

/// What an alternative has to explain: the violations, or all anomalies where nothing is violated.
/// A hypothesis that explains only a side effect is another cause, not an alternative.
fn decisive<'a>(members: &SymptomSet<'a>) -> SymptomSet<'a> {
    let violations: SymptomSet<'a> = members
        .iter()
        .copied()
        .filter(|member| member.is_violation())
        .collect();
    if violations.is_empty() {
        members.clone()
    } else {
        violations
    }
}

/// Hypotheses that explain something decisive, and the alternatives that the leading failure mode names, if
/// those explain nothing and are therefore less likely.
fn hypotheses<'a>(
    ranked: &[RankedCause<'a>],
    decisive: &SymptomSet<'a>,
    best: &RankedCause<'a>,
) -> Vec<RankedCause<'a>> {
    let is_named = |one: &RankedCause<'a>| {
        let named = &best.cause.failure_mode.rivals;
        named.contains(&one.cause.failure_mode.id) && one.cause.suspect == best.cause.suspect
    };
    let kept = ranked.iter().filter(|one| {
        !one.cause.explains.is_disjoint(decisive) && one.log_odds <= best.log_odds
            || (is_named(one) && one.log_odds < best.log_odds)
    });
    kept.cloned().collect()
}

/// A symptom that no likely hypothesis explains belongs to an incident if it is on or next to its suspect,
/// is no worse than the incident and did not begin before it: one cause, one ticket.
fn attach_neighbouring<'a>(
    scene: &Scene<'a>,
    groups: &mut [Group<'a>],
    remaining: &mut SymptomSet<'a>,
) {
    remaining.retain(|ranked| {
        let home = groups
            .iter_mut()
            .find(|group| !group.too_weak && is_next_to(scene, group, *ranked));
        let is_homeless = home.is_none();
        if let Some(group) = home {
            group.members.insert(*ranked);
            group.attached.insert(*ranked);
        }
        is_homeless
    });
}

fn is_next_to(scene: &Scene<'_>, group: &Group<'_>, ranked: RankedSymptom<'_>) -> bool {
    let Some(suspect) = group.ranked.first().map(|leader| &leader.cause.suspect) else {
        return false;
    };
    let symptom = ranked.symptom();
    let members = || group.members.iter().map(|member| member.symptom());
    let began = members()
        .map(|member| member.onset.0)
        .min()
        .unwrap_or(Timestamp(0));
    let worst = members().map(|member| member.severity).max();
    (&symptom.entity == suspect || scene.facts.are_neighbours(suspect, &symptom.entity))
        && symptom.onset.1.0.saturating_add(ONSET_TOLERANCE_MS) >= began.0
        && worst.is_some_and(|worst| symptom.severity <= worst)
}

/// What is left is grouped by place: entities that are the same or joined by an edge.
fn group_the_unexplained<'a>(
    scene: &Scene<'a>,
    causes: &'a [CandidateCause<'a>],
    taken: &BTreeSet<SymptomKey>,
    groups: &mut Vec<Group<'a>>,
    mut remaining: SymptomSet<'a>,
) {
    while let Some(first) = remaining.iter().copied().find(|one| one.is_violation()) {
        // The last group takes the rest: no violation may be dropped because there are too many.
        let is_last = groups.len() + 1 >= INCIDENTS_MAX;
        let members = if is_last {
            remaining.clone()
        } else {
            connected(scene, first, &remaining)
        };
        remaining.retain(|one| !members.contains(one));
        let decisive = decisive(&members);
        let mut ranked = rank(causes, taken);
        ranked.retain(|one| !one.cause.explains.is_disjoint(&decisive));
        groups.push(Group {
            members,
            attached: SymptomSet::new(),
            ranked,
            too_weak: false,
        });
    }
}

fn connected<'a>(
    scene: &Scene<'a>,
    first: RankedSymptom<'a>,
    among: &SymptomSet<'a>,
) -> SymptomSet<'a> {
    let mut members = SymptomSet::from([first]);
    let mut fringe = vec![first];
    while let Some(next) = fringe.pop() {
        let entity = &next.symptom().entity;
        for other in among {
            let place = &other.symptom().entity;
            let is_joined = place == entity || scene.facts.are_neighbours(place, entity);
            if is_joined && members.insert(*other) {
                fringe.push(*other);
            }
        }
    }
    members
}
