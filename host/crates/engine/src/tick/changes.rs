//! What changed since the previous tick: state in, events out.

use crate::event;
use crate::event::{ENTITIES_MAX, EventKind};
use operator_model::{
    CheckId, Detection, EntityId, Incident, IncidentKey, ObservationGap, Severity, SignalId,
    Status, Timestamp, Topology, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// An anomaly or an incident that comes back within this time is the same one and is not reported
/// again, in observed milliseconds: a signal at the edge of its limit would fill the log otherwise.
const TOLD_AGAIN_AFTER_MS: u64 = 300_000;

/// Observation gaps that one event lists.
const BLIND_MAX: usize = 64;

/// What was reported already.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    statuses: BTreeMap<CheckId, Status>,
    anomalies: BTreeMap<(SignalId, EntityId), Timestamp>,
    incidents: BTreeMap<IncidentKey, Timestamp>,
    suspected: BTreeMap<IncidentKey, Timestamp>,
    blind: BTreeSet<String>,
}

impl Changes {
    /// Incidents of open tickets are known already.
    pub(super) fn know(&mut self, key: &IncidentKey, at: Timestamp) {
        self.incidents.insert(key.clone(), at);
    }

    /// Checks whose status changed. On the first tick those that do not pass.
    pub(super) fn verdicts(&mut self, verdicts: &[Verdict], topology: &Topology) -> Vec<EventKind> {
        let mut changed = Vec::new();
        for verdict in verdicts {
            let before = self.statuses.insert(verdict.check.clone(), verdict.status);
            if before != Some(verdict.status)
                && (before.is_some() || verdict.status != Status::Pass)
            {
                changed.push(EventKind::VerdictChanged(changed_verdict(
                    verdict, before, topology,
                )));
            }
        }
        changed
    }

    /// Anomalies that are new.
    pub(super) fn anomalies(
        &mut self,
        detection: &Detection,
        now: Timestamp,
        topology: &Topology,
    ) -> Vec<EventKind> {
        let mut news = Vec::new();
        for anomaly in &detection.anomalies {
            let id = (anomaly.signal.clone(), anomaly.entity.clone());
            if is_new(&mut self.anomalies, id, now) {
                news.push(EventKind::Anomaly(event::Anomaly {
                    signal: anomaly.signal.clone(),
                    entity: anomaly.entity.clone(),
                    name: topology.name_of(&anomaly.entity).to_owned(),
                    onset: anomaly.onset,
                    summary: anomaly.summary.clone(),
                }));
            }
        }
        forget_old(&mut self.anomalies, now);
        news
    }

    /// Incidents that are new, and those that are not confirmed yet but point to a cause.
    pub(super) fn incidents(&mut self, incidents: &[Incident], now: Timestamp) -> Vec<EventKind> {
        let mut news = Vec::new();
        for incident in incidents {
            if let Some(suspected) = suspected(incident)
                && !self.incidents.contains_key(&incident.key)
                && is_new(&mut self.suspected, incident.key.clone(), now)
            {
                news.push(EventKind::IncidentSuspected(suspected));
            }
            if incident.confirmed && is_new(&mut self.incidents, incident.key.clone(), now) {
                news.push(EventKind::IncidentOpened(opened(incident)));
            }
        }
        forget_old(&mut self.incidents, now);
        forget_old(&mut self.suspected, now);
        news
    }

    /// The observation gaps, when the set of sources changed. A reason that only words itself
    /// differently is no news.
    pub(super) fn blind(&mut self, blind: &[ObservationGap]) -> Option<EventKind> {
        let sources: BTreeSet<String> = blind.iter().map(|spot| spot.source.to_string()).collect();
        if sources == self.blind {
            return None;
        }
        self.blind = sources;
        Some(EventKind::Blind(event::Blind {
            blind: blind.iter().take(BLIND_MAX).cloned().collect(),
        }))
    }
}

fn is_new<K: Ord>(journal_events: &mut BTreeMap<K, Timestamp>, id: K, now: Timestamp) -> bool {
    journal_events
        .insert(id, now)
        .is_none_or(|last| now.since_ms(last) > TOLD_AGAIN_AFTER_MS)
}

fn forget_old<K: Ord>(journal_events: &mut BTreeMap<K, Timestamp>, now: Timestamp) {
    journal_events.retain(|_, last| now.since_ms(*last) <= TOLD_AGAIN_AFTER_MS);
}

fn changed_verdict(
    verdict: &Verdict,
    from: Option<Status>,
    topology: &Topology,
) -> event::VerdictChanged {
    let mut entities: Vec<EntityId> = verdict
        .violations
        .iter()
        .map(|violation| violation.entity.clone())
        .collect();
    entities.truncate(ENTITIES_MAX);
    let first = verdict
        .violations
        .first()
        .map(|violation| violation.summary.clone());
    event::VerdictChanged {
        invariant: verdict.check.clone(),
        module: verdict.module.clone(),
        from,
        to: verdict.status,
        severity: verdict.severity,
        names: entities
            .iter()
            .map(|id| topology.name_of(id).to_owned())
            .collect(),
        entities,
        summary: first.unwrap_or_else(|| verdict.reason.clone()),
    }
}

/// From this probability of the likeliest cause on an incident is worth a word before it is worth a ticket.
const SUSPECTED_PROBABILITY_MIN: f64 = 0.5;

/// An incident that waits for confirmation and points to a cause that would be worth a ticket.
fn suspected(incident: &Incident) -> Option<event::IncidentSuspected> {
    let leader = incident.diagnosis.hypotheses.first()?;
    let component = leader.component.as_ref()?;
    let is_worth_a_word = !incident.confirmed
        && incident.severity > Severity::Info
        && leader.probability >= SUSPECTED_PROBABILITY_MIN;
    let name = incident.names.get(component);
    is_worth_a_word.then(|| event::IncidentSuspected {
        key: incident.key.clone(),
        title: incident.title.clone(),
        severity: incident.severity,
        component: component.clone(),
        name: name.cloned().unwrap_or_else(|| component.to_string()),
        card: leader.card.to_string(),
        probability: leader.probability,
        awaits_ms: incident.awaits_ms,
    })
}

fn opened(incident: &Incident) -> event::IncidentOpened {
    let mut entities: Vec<EntityId> = Vec::new();
    for symptom in &incident.symptoms {
        if !entities.contains(&symptom.entity) && entities.len() < ENTITIES_MAX {
            entities.push(symptom.entity.clone());
        }
    }
    let name = |id: &EntityId| {
        incident
            .names
            .get(id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    };
    event::IncidentOpened {
        key: incident.key.clone(),
        title: incident.title.clone(),
        severity: incident.severity,
        names: entities.iter().map(name).collect(),
        entities,
        confirmed: incident.confirmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: Status) -> Verdict {
        Verdict {
            check: "quorum".into(),
            module: "members".to_owned(),
            status,
            severity: Severity::Critical,
            claim: String::new(),
            hold_ms: 0,
            reason: "looked at 3 members".to_owned(),
            violations: Vec::new(),
            passed: Vec::new(),
            fuel: 0,
        }
    }

    #[test]
    fn only_a_changed_status_is_told_and_a_pass_at_first_is_not() {
        let mut changes = Changes::default();
        let topology = Topology::default();
        let journal_events =
            |changes: &mut Changes, status| changes.verdicts(&[verdict(status)], &topology).len();
        assert_eq!(journal_events(&mut changes, Status::Pass), 0);
        assert_eq!(journal_events(&mut changes, Status::Pass), 0);
        assert_eq!(journal_events(&mut changes, Status::Inconclusive), 1);
        assert_eq!(journal_events(&mut changes, Status::Inconclusive), 0);
        assert_eq!(journal_events(&mut changes, Status::Pass), 1);
        assert_eq!(journal_events(&mut Changes::default(), Status::Fail), 1);
    }

    #[test]
    fn blind_spots_are_told_when_the_sources_change_and_not_when_the_words_do() {
        let mut changes = Changes::default();
        let spot = |source: &str, reason: &str| ObservationGap {
            source: source.into(),
            entity: None,
            reason: reason.to_owned(),
        };
        assert!(changes.blind(&[]).is_none());
        assert!(
            changes
                .blind(&[spot("http:a", "timeout after 12 ms")])
                .is_some()
        );
        assert!(
            changes
                .blind(&[spot("http:a", "timeout after 13 ms")])
                .is_none()
        );
        assert!(changes.blind(&[]).is_some());
    }

    #[test]
    fn what_flaps_is_told_once_and_again_after_a_pause() {
        let mut journal_events = BTreeMap::new();
        assert!(is_new(&mut journal_events, 'a', Timestamp(0)));
        assert!(!is_new(
            &mut journal_events,
            'a',
            Timestamp(TOLD_AGAIN_AFTER_MS)
        ));
        assert!(is_new(
            &mut journal_events,
            'a',
            Timestamp(3 * TOLD_AGAIN_AFTER_MS)
        ));
    }
}
