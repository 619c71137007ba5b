//! Groups symptoms by cause: the likeliest hypothesis takes what it explains, the next one takes what
//! is left, until nothing is left that a card explains.

use super::facts::Facts;
use super::limits::{
    INCIDENTS_MAX, LONE_ANOMALY_GROUPS_MIN, LONE_ANOMALY_PROBABILITY_MIN, ONSET_TOLERANCE_MS,
    SUSPECTS_MAX,
};
use super::symptoms::SymptomKey;
use super::weigh::{Case, Weighed, none_log_odds, normalise};
use operator_model::sentence::TOLD_APART_RATIO_MIN;
use operator_model::{EntityId, Severity, Symptom, SymptomKind, Timestamp};
use std::collections::BTreeSet;

/// Symptoms with one cause, and the hypotheses about it, likeliest first.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Positions of the symptoms.
    pub(super) members: BTreeSet<usize>,
    /// Members that no hypothesis explains, counted in because they stand beside the suspect.
    pub(super) attached: BTreeSet<usize>,
    /// Never cut, never normalised here.
    pub(super) ranked: Vec<Weighed<'a>>,
    /// Anomalies only, and not enough to open an incident: it may only continue one.
    pub(super) too_weak: bool,
}

impl Group<'_> {
    /// All of so many symptoms, which no card is asked about; `None` for no symptoms.
    pub(super) fn of_all(count: usize) -> Option<Self> {
        let (attached, ranked) = (BTreeSet::new(), Vec::new());
        (count > 0).then(|| Self {
            members: (0..count).collect(),
            attached,
            ranked,
            too_weak: false,
        })
    }

    /// Anomalies alone speak for a cause that is likely, and that somebody has to be told of.
    pub(super) fn is_worth_a_ticket(&self) -> bool {
        let leads_to = self
            .ranked
            .first()
            .map(|weighed| weighed.case.card.severity);
        self.is_strong() && leads_to.is_some_and(|severity| severity > Severity::Info)
    }

    /// Whether the likeliest cause lies in this component.
    pub(super) fn suspects(&self, entity: &EntityId) -> bool {
        self.ranked
            .first()
            .is_some_and(|weighed| &weighed.case.suspect == entity)
    }

    /// One cause is likely enough, on independent evidence, for anomalies alone to speak for it.
    pub(super) fn is_strong(&self) -> bool {
        let mut odds: Vec<f64> = self.ranked.iter().map(|weighed| weighed.log_odds).collect();
        odds.push(none_log_odds());
        let share = normalise(&odds).first().copied().unwrap_or(0.0);
        let groups = self.ranked.first().map_or(0, Weighed::supporting_groups);
        share >= LONE_ANOMALY_PROBABILITY_MIN && groups >= LONE_ANOMALY_GROUPS_MIN
    }
}

/// Which symptoms there are, and which of them are violations.
pub(super) struct Scene<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) symptoms: &'a [&'a Symptom],
}

impl Scene<'_> {
    fn key(&self, position: usize) -> Option<SymptomKey> {
        self.symptoms
            .get(position)
            .map(|symptom| (symptom.kind.clone(), symptom.entity.clone()))
    }

    fn is_violation(&self, position: usize) -> bool {
        self.symptoms
            .get(position)
            .is_some_and(|s| matches!(s.kind, SymptomKind::Violation(_)))
    }

    fn entity(&self, position: usize) -> Option<&EntityId> {
        self.symptoms.get(position).map(|symptom| &symptom.entity)
    }
}

/// All cards on all suspects that the symptoms point to.
pub(super) fn cases<'a>(scene: &Scene<'a>) -> Vec<Case<'a>> {
    let (touched, near) = touched_and_near(scene);
    let knowledge = scene.facts.input().knowledge;
    let mut cases = Vec::new();
    for card in &knowledge.cards {
        let suspects = touched
            .iter()
            .chain(near.iter())
            .filter(|entity| entity.kind() == card.entity_kind);
        for suspect in suspects.take(SUSPECTS_MAX) {
            cases.push(Case::new(scene.facts, card, suspect, scene.symptoms));
        }
    }
    for case in &mut cases {
        drop_what_began_too_early(scene, case);
    }
    cases
}

/// Entities with symptoms, the earliest first, and the ones beside them.
fn touched_and_near(scene: &Scene<'_>) -> (Vec<EntityId>, Vec<EntityId>) {
    let mut touched: Vec<EntityId> = Vec::new();
    for symptom in scene.symptoms {
        if !touched.contains(&symptom.entity) {
            touched.push(symptom.entity.clone());
        }
    }
    let beside: BTreeSet<&EntityId> = touched
        .iter()
        .flat_map(|entity| scene.facts.neighbours(entity))
        .collect();
    let near = beside
        .into_iter()
        .filter(|entity| !touched.contains(entity))
        .cloned()
        .collect();
    (touched, near)
}

/// An effect does not begin before its cause.
fn drop_what_began_too_early(scene: &Scene<'_>, case: &mut Case<'_>) {
    let of_suspect = case
        .explains
        .iter()
        .filter_map(|position| scene.symptoms.get(*position));
    let began = of_suspect
        .filter(|symptom| symptom.entity == case.suspect)
        .map(|symptom| symptom.onset.0)
        .min();
    let Some(began) = began else { return };
    let not_before = Timestamp(began.0.saturating_sub(ONSET_TOLERANCE_MS));
    case.explains.retain(|position| {
        scene
            .symptoms
            .get(*position)
            .is_some_and(|s| s.onset.1 >= not_before)
    });
}

/// The grouping. Every violation is in exactly one group.
pub(super) fn group<'a>(scene: &Scene<'_>, cases: &'a [Case<'a>]) -> Vec<Group<'a>> {
    let mut remaining: BTreeSet<usize> = (0..scene.symptoms.len()).collect();
    let mut taken: BTreeSet<SymptomKey> = BTreeSet::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    while groups.len() + 1 < INCIDENTS_MAX {
        let ranked = rank(cases, &taken);
        let Some(group) = explained_group(scene, &ranked, &remaining) else {
            break;
        };
        for position in &group.members {
            remaining.remove(position);
            taken.extend(scene.key(*position));
        }
        groups.push(group);
    }
    attach_what_stands_beside(scene, &mut groups, &mut remaining);
    group_the_unexplained(scene, cases, &taken, &mut groups, remaining);
    groups
}

/// By falling odds, then by how much they explain, then by name: the order never depends on chance.
fn rank<'a>(cases: &'a [Case<'a>], taken: &BTreeSet<SymptomKey>) -> Vec<Weighed<'a>> {
    let mut ranked: Vec<Weighed<'a>> = cases.iter().map(|case| case.weigh(taken)).collect();
    ranked.sort_by(|a, b| {
        b.log_odds
            .total_cmp(&a.log_odds)
            .then_with(|| b.case.explains.len().cmp(&a.case.explains.len()))
            .then_with(|| {
                (&a.case.card.id, &a.case.suspect).cmp(&(&b.case.card.id, &b.case.suspect))
            })
    });
    ranked
}

/// The group of the likeliest hypothesis that explains anything that is left. Rivals that are nearly
/// as likely bring what they explain with them: until they are told apart it is one incident.
fn explained_group<'a>(
    scene: &Scene<'_>,
    ranked: &[Weighed<'a>],
    remaining: &BTreeSet<usize>,
) -> Option<Group<'a>> {
    let open = |w: &&Weighed<'a>| !w.case.explains.is_disjoint(remaining);
    let best = ranked
        .iter()
        .find(open)
        .filter(|best| best.log_odds >= none_log_odds())?;
    let own: BTreeSet<usize> = best
        .case
        .explains
        .intersection(remaining)
        .copied()
        .collect();
    let close = best.log_odds - TOLD_APART_RATIO_MIN.ln();
    let mut members = own.clone();
    for rival in ranked
        .iter()
        .filter(|w| w.log_odds >= close && what_matters(scene, &own).is_subset(&w.case.explains))
    {
        members.extend(rival.case.explains.intersection(remaining));
    }
    let has_violation = members.iter().any(|position| scene.is_violation(*position));
    let ranked = candidates(ranked, &what_matters(scene, &members), best);
    let mut group = Group {
        members,
        attached: BTreeSet::new(),
        ranked,
        too_weak: false,
    };
    group.too_weak = !has_violation && !group.is_strong();
    Some(group)
}

/// What an alternative has to explain: the violations, or all anomalies where nothing is violated.
/// Who explains only a side effect is another cause, not a rival.
fn what_matters(scene: &Scene<'_>, members: &BTreeSet<usize>) -> BTreeSet<usize> {
    let violations: BTreeSet<usize> = members
        .iter()
        .copied()
        .filter(|one| scene.is_violation(*one))
        .collect();
    if violations.is_empty() {
        members.clone()
    } else {
        violations
    }
}

/// Hypotheses that explain something that matters, and the rivals that the leading card names, if those
/// explain nothing and are therefore behind.
fn candidates<'a>(
    ranked: &[Weighed<'a>],
    matters: &BTreeSet<usize>,
    best: &Weighed<'a>,
) -> Vec<Weighed<'a>> {
    let is_rival = |w: &Weighed<'a>| {
        best.case.card.rivals.contains(&w.case.card.id) && w.case.suspect == best.case.suspect
    };
    let kept = ranked.iter().filter(|w| {
        !w.case.explains.is_disjoint(matters) && w.log_odds <= best.log_odds
            || (is_rival(w) && w.log_odds < best.log_odds)
    });
    kept.cloned().collect()
}

/// What no likely hypothesis explains, but stands on or beside a suspect, is no worse than its incident
/// and did not begin before it, belongs to that incident: one cause, one ticket.
fn attach_what_stands_beside(
    scene: &Scene<'_>,
    groups: &mut [Group<'_>],
    remaining: &mut BTreeSet<usize>,
) {
    for position in remaining.clone() {
        let Some(symptom) = scene.symptoms.get(position) else {
            continue;
        };
        let home = groups
            .iter_mut()
            .find(|group| !group.too_weak && stands_beside(scene, group, symptom));
        if let Some(group) = home {
            group.members.insert(position);
            group.attached.insert(position);
            remaining.remove(&position);
        }
    }
}

fn stands_beside(scene: &Scene<'_>, group: &Group<'_>, symptom: &Symptom) -> bool {
    let Some(suspect) = group.ranked.first().map(|leader| &leader.case.suspect) else {
        return false;
    };
    let members = || {
        group
            .members
            .iter()
            .filter_map(|position| scene.symptoms.get(*position))
    };
    let began = members()
        .map(|member| member.onset.0)
        .min()
        .unwrap_or(Timestamp(0));
    let worst = members().map(|member| member.severity).max();
    (&symptom.entity == suspect || scene.facts.are_neighbours(suspect, &symptom.entity))
        && symptom.onset.1.0.saturating_add(ONSET_TOLERANCE_MS) >= began.0
        && worst.is_some_and(|worst| symptom.severity <= worst)
}

/// What is left is grouped by where it is: entities that are the same or joined by an edge.
fn group_the_unexplained<'a>(
    scene: &Scene<'_>,
    cases: &'a [Case<'a>],
    taken: &BTreeSet<SymptomKey>,
    groups: &mut Vec<Group<'a>>,
    mut remaining: BTreeSet<usize>,
) {
    while let Some(first) = remaining
        .iter()
        .copied()
        .find(|position| scene.is_violation(*position))
    {
        // The last group takes the rest: no violation may go unseen because there are too many.
        let is_last = groups.len() + 1 >= INCIDENTS_MAX;
        let members = if is_last {
            remaining.clone()
        } else {
            connected(scene, first, &remaining)
        };
        remaining.retain(|position| !members.contains(position));
        let mut ranked = rank(cases, taken);
        ranked.retain(|weighed| {
            !weighed
                .case
                .explains
                .is_disjoint(&what_matters(scene, &members))
        });
        groups.push(Group {
            members,
            attached: BTreeSet::new(),
            ranked,
            too_weak: false,
        });
    }
}

fn connected(scene: &Scene<'_>, first: usize, among: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut members = BTreeSet::from([first]);
    let mut fringe = vec![first];
    while let Some(position) = fringe.pop() {
        let Some(entity) = scene.entity(position) else {
            continue;
        };
        for other in among {
            let joined = scene
                .entity(*other)
                .is_some_and(|e| e == entity || scene.facts.are_neighbours(e, entity));
            if joined && members.insert(*other) {
                fringe.push(*other);
            }
        }
    }
    members
}
