//! Recovery is a phase of an incident and not another cause: what a fault leaves behind while the system catches
//! up looks like other faults, and none of them happened.

use super::cover::Group;
use super::facts::Facts;
use super::limits::{NAMED_WITHIN_MS, ONSET_TOLERANCE_MS, RECOVERS_AFTER_MS};
use super::memory::{IncidentRecord, Memory};
use super::symptoms::{RankedSymptom, key_of};
use operator_model::title::title;
use operator_model::{
    EntityId, FailureModeId, Hypothesis, Incident, Severity, Symptom, SymptomKind,
};

/// The incident in recovery: its diagnosis as it was before, and which of its symptoms have ended.
/// `None` while the fault lasts.
///
/// `group` are the symptoms that continue it; none are left when it is `None`.
pub(super) fn recovering(
    record: &IncidentRecord,
    memory: &Memory,
    facts: &Facts<'_>,
    group: Option<&Group<'_>>,
) -> Option<Incident> {
    let cause = Cause::of(record, memory)?;
    let is_over =
        cause.is_over(memory) && group.is_none_or(|group| !cause.still_acts(facts, group));
    let fades = cause.some_ended(memory)
        && group.is_none_or(|group| {
            !cause.leads(group) && cause.new_violations(group).next().is_none()
        });
    let is_another = group.is_some_and(|group| cause.is_followed_by_another(facts, group));
    let now = facts.now();
    if is_another || !(is_over || fades) {
        return None;
    }
    let mut incident = cause.last.clone();
    incident.recovering_since = record.recovering_since.or(Some(now));
    for symptom in &mut incident.symptoms {
        symptom.ended_at = (!is_there(memory, symptom)).then(|| symptom.ended_at.unwrap_or(now));
    }
    rename(&mut incident, memory);
    Some(incident)
}

/// Gives the entities of an incident that was written before the names that they have now.
pub(super) fn rename(incident: &mut Incident, memory: &Memory) {
    let topology = memory.topology();
    for (id, name) in &mut incident.names {
        if let Some(entity) = topology.entity(id) {
            name.clone_from(&entity.name);
        }
    }
    incident.title = title(
        &incident.symptoms,
        &incident.diagnosis.hypotheses,
        incident.diagnosis.abstained,
        &incident.names,
    );
}

/// Whether the symptoms of the group are those of another fault, although they share some with the incident or lie
/// on its suspect: what was violated there is over, and something else is violated that its cause does not explain.
pub(super) fn is_another_fault(
    record: &IncidentRecord,
    memory: &Memory,
    facts: &Facts<'_>,
    group: &Group<'_>,
) -> bool {
    Cause::of(record, memory).is_some_and(|cause| {
        cause.is_over(memory)
            && !cause.leads(group)
            && !cause.still_acts(facts, group)
            && cause.is_followed_by_another(facts, group)
    })
}

/// Merges the groups that consist of symptoms of one incident which is over: while the system catches up, they
/// have no common cause any more, and they are not incidents of their own.
pub(super) fn merge_echoes<'a>(memory: &Memory, groups: Vec<Group<'a>>) -> Vec<Group<'a>> {
    memory.known.values().fold(groups, |groups, record| {
        match Cause::of(record, memory).filter(|cause| cause.is_over(memory)) {
            Some(cause) => cause.merge_echoes(groups),
            None => groups,
        }
    })
}

/// Whether a group that suspects the component of an incident, and shares no symptom with it, may be about the same
/// fault: its leading failure mode was considered there, or no cause has been named there yet.
pub(super) fn was_considered(record: &IncidentRecord, group: &Group<'_>) -> bool {
    let (Some(last), Some(leader)) = (&record.last, group.ranked.first()) else {
        return true;
    };
    let mut considered = last.diagnosis.hypotheses.iter();
    last.diagnosis.abstained || considered.any(|one| one.card == leader.cause.failure_mode.id)
}

/// The named cause of a confirmed incident that is old enough to recover.
struct Cause<'a> {
    record: &'a IncidentRecord,
    last: &'a Incident,
    failure_mode: &'a FailureModeId,
    suspect: &'a EntityId,
}

impl<'a> Cause<'a> {
    fn of(record: &'a IncidentRecord, memory: &Memory) -> Option<Self> {
        let (named_at, last) = record.named.as_ref()?;
        let leader: &Hypothesis = last.diagnosis.hypotheses.first()?;
        let is_told = record.confirmed && record.is_open();
        let now = memory.now();
        let is_recent = now.since_ms(*named_at) < NAMED_WITHIN_MS;
        let is_old_enough = now.since_ms(record.started_at) >= RECOVERS_AFTER_MS;
        let may_recover = is_told && is_recent && is_old_enough;
        let suspect = leader.component.as_ref().filter(|_| may_recover)?;
        Some(Self {
            record,
            last,
            failure_mode: &leader.card,
            suspect,
        })
    }

    fn leads(&self, group: &Group<'_>) -> bool {
        group.ranked.first().is_some_and(|leader| {
            &leader.cause.failure_mode.id == self.failure_mode
                && &leader.cause.suspect == self.suspect
        })
    }

    /// Its suspect violated something, and no longer violates any of it.
    fn is_over(&self, memory: &Memory) -> bool {
        let mut own = self
            .violations()
            .filter(|symptom| &symptom.entity == self.suspect)
            .peekable();
        own.peek().is_some() && own.all(|symptom| !is_there(memory, symptom))
    }

    fn some_ended(&self, memory: &Memory) -> bool {
        self.violations().any(|symptom| !is_there(memory, symptom))
    }

    fn violations(&self) -> impl Iterator<Item = &'a Symptom> {
        self.last.symptoms.iter().filter(|symptom| {
            matches!(symptom.kind, SymptomKind::Violation(_)) && symptom.severity > Severity::Info
        })
    }

    /// A violation of its suspect that it explains and that is no echo: the incident is so young that its symptoms
    /// are still coming, or the violation cannot have begun with the others.
    fn still_acts(&self, facts: &Facts<'_>, group: &Group<'_>) -> bool {
        let began = self.record.started_at;
        let is_young = facts.now().since_ms(began) < ONSET_TOLERANCE_MS;
        serious(group).any(|member| {
            let symptom = member.symptom();
            let is_late = symptom.onset.0.since_ms(began) > ONSET_TOLERANCE_MS / 2;
            &symptom.entity == self.suspect && (is_young || is_late) && self.explains(facts, member)
        })
    }

    /// Violations that the incident never had.
    fn new_violations<'b>(
        &'b self,
        group: &'b Group<'b>,
    ) -> impl Iterator<Item = RankedSymptom<'b>> {
        let had = &self.record.symptoms;
        serious(group).filter(move |member| !had.contains(&key_of(member.symptom())))
    }

    /// A new violation that lasts, that its cause does not explain, and that is no echo of it: checks look at
    /// windows of a minute, so what the fault did is reported for so long after it is over.
    fn is_followed_by_another(&self, facts: &Facts<'_>, group: &Group<'_>) -> bool {
        let recovers_for_ms = self
            .record
            .recovering_since
            .map_or(0, |since| facts.now().since_ms(since));
        recovers_for_ms >= ONSET_TOLERANCE_MS
            && self
                .new_violations(group)
                .any(|member| member.tracked.is_active() && !self.explains(facts, member))
    }

    fn merge_echoes<'b>(&self, groups: Vec<Group<'b>>) -> Vec<Group<'b>> {
        let (echoes, mut kept): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| {
            let mut serious = serious(group).peekable();
            serious.peek().is_some()
                && !self.leads(group)
                && serious.all(|member| self.record.symptoms.contains(&key_of(member.symptom())))
        });
        let mut echoes = echoes.into_iter();
        if let Some(mut merged) = echoes.next() {
            for echo in echoes {
                merged.members.extend(echo.members);
                merged.attached.extend(echo.attached);
            }
            kept.push(merged);
        }
        kept
    }

    fn explains(&self, facts: &Facts<'_>, member: RankedSymptom<'_>) -> bool {
        let symptom = member.symptom();
        let failure_modes = &facts.input().knowledge.cards;
        let failure_mode = failure_modes
            .iter()
            .find(|one| &one.id == self.failure_mode);
        failure_mode.is_some_and(|one| {
            one.evidence
                .iter()
                .any(|rule| facts.explains(rule, self.suspect, &symptom.kind, &symptom.entity))
        })
    }
}

/// Violations that are worth more than a note.
fn serious<'a>(group: &'a Group<'a>) -> impl Iterator<Item = RankedSymptom<'a>> {
    group
        .members
        .iter()
        .copied()
        .filter(|member| member.is_violation() && member.symptom().severity > Severity::Info)
}

fn is_there(memory: &Memory, symptom: &Symptom) -> bool {
    memory.symptoms.all().contains_key(&key_of(symptom))
}
