//! A named cause gives way only to one that persists: while a fault begins or ends, its sources change one after the
//! other, and for some seconds they agree on what never happened.

use super::limits::{CHALLENGER_WAITS_MS, ONSET_TOLERANCE_MS};
use super::memory::IncidentRecord;
use operator_model::{EntityId, FailureModeId, Incident, Timestamp};

/// Another cause that leads since some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenger {
    failure_mode: FailureModeId,
    suspect: Option<EntityId>,
    since: Timestamp,
}

/// The incident as it was named before, as long as its challenger has not persisted. Remembers the challenger.
///
/// A young incident is corrected at once, and so are one that turns out to be worse and one that recovered: what
/// returns after a recovery is not known to have the same cause.
pub(super) fn held_back(
    record: &mut IncidentRecord,
    incident: &Incident,
    now: Timestamp,
) -> Option<Incident> {
    let before = record.challenger.take();
    let (_, named) = record.named.as_ref()?;
    let is_young = now.since_ms(record.started_at) < ONSET_TOLERANCE_MS;
    let is_settled =
        record.confirmed && record.is_open() && !is_young && named.recovering_since.is_none();
    let is_other = !incident.diagnosis.abstained && cause_of(incident) != cause_of(named);
    if !is_settled || !is_other || incident.severity > named.severity {
        return None;
    }
    let (failure_mode, suspect) = cause_of(incident)?;
    let same =
        before.filter(|one| &one.failure_mode == failure_mode && one.suspect.as_ref() == suspect);
    let challenger = same.unwrap_or_else(|| Challenger {
        failure_mode: failure_mode.clone(),
        suspect: suspect.cloned(),
        since: now,
    });
    let persists = now.since_ms(challenger.since) >= CHALLENGER_WAITS_MS;
    let held = (!persists).then(|| named.clone());
    record.challenger = Some(challenger);
    held
}

fn cause_of(incident: &Incident) -> Option<(&FailureModeId, Option<&EntityId>)> {
    let leader = incident.diagnosis.hypotheses.first()?;
    Some((&leader.card, leader.component.as_ref()))
}
