//! Events of one tick and the records of the decision log that hold them.

use crate::event::{self, Event, EventKind, PluginChangeKind, PluginChanged};
use operator_check::{Quarantine, SwapEvent};
use operator_data::Snapshot;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_journal::{Kind, body};
use operator_model::{CheckId, Digest, Tick, Timestamp};

/// When and in which tick.
#[derive(Debug, Clone)]
pub(super) struct EventContext {
    pub(super) tick: Tick,
    pub(super) at: Timestamp,
    pub(super) observed_at: Timestamp,
    pub(super) snapshot: Digest,
}

impl EventContext {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self {
            tick: snapshot.tick,
            at: snapshot.host_at,
            observed_at: snapshot.taken_at,
            snapshot: snapshot.hash.clone(),
        }
    }

    /// A tick in which nothing has been observed yet.
    pub(super) fn before(tick: Tick, at: Timestamp) -> Self {
        Self {
            tick,
            at,
            observed_at: at,
            snapshot: Digest(String::new()),
        }
    }

    pub(super) fn event(&self, what: EventKind) -> Event {
        Event {
            at: self.at,
            observed_at: self.observed_at,
            tick: self.tick,
            what,
        }
    }

    /// Writes an event that changes no ticket to the log. Tickets are written by
    /// [`TicketLog::decide`].
    pub(super) fn note(
        &self,
        ticket_log: &mut TicketLog,
        what: &EventKind,
    ) -> Result<(), TicketLogError> {
        let at = self.at;
        let written = match what {
            EventKind::VerdictChanged(verdict) => {
                let record = verdict.record(self.tick, self.observed_at, &self.snapshot);
                ticket_log.note(Kind::VerdictChanged, at, &record)
            }
            EventKind::Anomaly(anomaly) => {
                ticket_log.note(Kind::Anomaly, at, &self.anomaly(anomaly))
            }
            EventKind::IncidentSuspected(incident) => {
                ticket_log.note(Kind::IncidentSuspected, at, &self.suspected(incident))
            }
            EventKind::IncidentOpened(incident) => {
                ticket_log.note(Kind::IncidentOpened, at, &self.opened(incident))
            }
            EventKind::Blind(blind) => {
                let record = body::Blind {
                    tick: self.tick,
                    observed_at: self.observed_at,
                    blind: blind.blind.clone(),
                };
                ticket_log.note(Kind::Blind, at, &record)
            }
            EventKind::Plugin(change) => {
                let record = body::PluginChange {
                    tick: self.tick,
                    plugin: change.plugin.clone(),
                    from: change.from.clone(),
                    to: change.to.clone(),
                    reason: change.reason.clone(),
                };
                ticket_log.note(kind_of(change.kind), at, &record)
            }
            EventKind::Started(_)
            | EventKind::Tick(_)
            | EventKind::Ticket(_)
            | EventKind::Stopped(_) => return Ok(()),
        };
        written.map(drop)
    }

    fn anomaly(&self, anomaly: &event::Anomaly) -> body::Anomaly {
        body::Anomaly {
            tick: self.tick,
            observed_at: self.observed_at,
            signal: anomaly.signal.clone(),
            entity: anomaly.entity.clone(),
            onset: anomaly.onset,
            summary: anomaly.summary.clone(),
        }
    }

    fn suspected(&self, incident: &event::IncidentSuspected) -> body::IncidentSuspected {
        body::IncidentSuspected {
            tick: self.tick,
            observed_at: self.observed_at,
            key: incident.key.clone(),
            title: incident.title.clone(),
            severity: incident.severity,
            component: incident.component.clone(),
            card: incident.card.clone(),
            probability: incident.probability,
            awaits_ms: incident.awaits_ms,
        }
    }

    fn opened(&self, incident: &event::IncidentOpened) -> body::IncidentOpened {
        body::IncidentOpened {
            tick: self.tick,
            observed_at: self.observed_at,
            key: incident.key.clone(),
            title: incident.title.clone(),
            severity: incident.severity,
            entities: incident.entities.clone(),
        }
    }
}

fn kind_of(kind: PluginChangeKind) -> Kind {
    match kind {
        PluginChangeKind::Swapped => Kind::PluginSwapped,
        PluginChangeKind::RolledBack => Kind::PluginRolledBack,
        PluginChangeKind::Quarantined => Kind::PluginQuarantined,
    }
}

/// A change of the plugins. A refused file counts as a rollback: the previous version stays active.
pub(super) fn swapped(event: SwapEvent) -> EventKind {
    use PluginChangeKind::{RolledBack, Swapped};
    let (kind, plugin, from, to, reason) = match event {
        SwapEvent::Added { source, module, to } => (
            Swapped,
            module,
            None,
            Some(to),
            format!("{source} was added"),
        ),
        SwapEvent::Swapped {
            source,
            module,
            from,
            to,
            versions,
            restarted,
            differs,
        } => {
            let reason = why_swapped(&source, from == to, &versions, &restarted, &differs);
            (Swapped, module, Some(from), Some(to), reason)
        }
        SwapEvent::RolledBack {
            module,
            from,
            to,
            reason,
            ..
        } => (RolledBack, module, Some(from), Some(to), reason),
        SwapEvent::Removed {
            source,
            module,
            from,
        } => (
            Swapped,
            module,
            Some(from),
            None,
            format!("{source} was removed"),
        ),
        SwapEvent::Refused { source, to, reason } => {
            (RolledBack, source, to, None, format!("refused: {reason}"))
        }
    };
    EventKind::Plugin(PluginChanged {
        kind,
        plugin,
        from: from.map(|d| d.0),
        to: to.map(|d| d.0),
        reason,
        pause_us: None,
    })
}

/// Names the versions, the checks that lose their state and those whose verdicts differ.
fn why_swapped(
    source: &str,
    same_code: bool,
    versions: &(String, String),
    restarted: &[CheckId],
    differs: &[CheckId],
) -> String {
    let mut reason = if same_code {
        format!("the configuration of {source} changed")
    } else {
        format!("{source} changed")
    };
    if versions.0 != versions.1 {
        reason.push_str(&format!(", version {} to {}", versions.0, versions.1));
    }
    if !restarted.is_empty() {
        reason.push_str(&format!("; {} checks start without state", restarted.len()));
    }
    if !differs.is_empty() {
        let checks: Vec<&str> = differs.iter().map(CheckId::as_str).collect();
        reason.push_str(&format!(
            "; verdicts differ from those of the previous version: {}",
            checks.join(", ")
        ));
    }
    reason
}

/// Adds to the swaps how long the tick waited for them, where that was measured.
pub(super) fn set_pause(events: &mut [EventKind], pause_us: Option<u64>) {
    for event in events {
        if let EventKind::Plugin(change) = event
            && change.kind == PluginChangeKind::Swapped
        {
            change.pause_us = pause_us;
        }
    }
}

/// A check that is quarantined.
pub(super) fn quarantined(quarantine: Quarantine) -> EventKind {
    EventKind::Plugin(PluginChanged {
        kind: PluginChangeKind::Quarantined,
        plugin: format!("{}/{}", quarantine.module, quarantine.check),
        from: None,
        to: None,
        reason: match quarantine.fault {
            Some(fault) => format!("until tick {}: {fault}", quarantine.until.0),
            None => format!("until tick {}: {}", quarantine.until.0, quarantine.reason),
        },
        pause_us: None,
    })
}
