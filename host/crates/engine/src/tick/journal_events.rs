//! Events and log records of one tick: the same news, once for people and once for keeps.

use crate::event::{Event, EventKind, PluginChangeKind, PluginChanged};
use operator_check::{Quarantine, SwapEvent};
use operator_data::Snapshot;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_journal::{Kind, body};
use operator_model::{CheckId, Digest, Tick, TicketChange, Timestamp};

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

    /// A tick in which nothing has been seen yet.
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

    /// Writes the news that change no ticket to the log. Tickets are written by [`TicketLog::decide`].
    pub(super) fn note(
        &self,
        ticket_log: &mut TicketLog,
        what: &EventKind,
    ) -> Result<(), TicketLogError> {
        let Self {
            tick,
            at,
            observed_at,
            ..
        } = self.clone();
        match what {
            EventKind::VerdictChanged(verdict) => {
                ticket_log.note(
                    Kind::VerdictChanged,
                    at,
                    &verdict.record(tick, observed_at, &self.snapshot),
                )?;
            }
            EventKind::Anomaly(anomaly) => {
                let (signal, entity) = (anomaly.signal.clone(), anomaly.entity.clone());
                let summary = anomaly.summary.clone();
                ticket_log.note(
                    Kind::Anomaly,
                    at,
                    &body::Anomaly {
                        tick,
                        observed_at,
                        signal,
                        entity,
                        onset: anomaly.onset,
                        summary,
                    },
                )?;
            }
            EventKind::IncidentOpened(incident) => {
                let record = body::IncidentOpened {
                    tick,
                    observed_at,
                    key: incident.key.clone(),
                    title: incident.title.clone(),
                    severity: incident.severity,
                    entities: incident.entities.clone(),
                };
                ticket_log.note(Kind::IncidentOpened, at, &record)?;
            }
            EventKind::Blind(blind) => {
                ticket_log.note(
                    Kind::Blind,
                    at,
                    &body::Blind {
                        tick,
                        observed_at,
                        blind: blind.blind.clone(),
                    },
                )?;
            }
            EventKind::Plugin(change) => {
                let record = body::PluginChange {
                    tick,
                    plugin: change.plugin.clone(),
                    from: change.from.clone(),
                    to: change.to.clone(),
                    reason: change.reason.clone(),
                };
                ticket_log.note(kind_of(change.kind), at, &record)?;
            }
            EventKind::Started(_)
            | EventKind::Tick(_)
            | EventKind::Ticket(_)
            | EventKind::Stopped(_) => {}
        }
        Ok(())
    }
}

fn kind_of(kind: PluginChangeKind) -> Kind {
    match kind {
        PluginChangeKind::Swapped => Kind::PluginSwapped,
        PluginChangeKind::RolledBack => Kind::PluginRolledBack,
        PluginChangeKind::Quarantined => Kind::PluginQuarantined,
    }
}

/// A change of the modules. A file that was refused leaves the module that judged before in charge, which
/// is what a roll-back is.
pub(super) fn swapped(event: SwapEvent) -> EventKind {
    use PluginChangeKind::{RolledBack, Swapped};
    let (kind, plugin, from, to, reason) = match event {
        SwapEvent::Added { source, module, to } => {
            (Swapped, module, None, Some(to), format!("{source} is new"))
        }
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
            format!("{source} is gone"),
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

/// Which versions, what is lost, and what will be said otherwise: a swap is no surprise to who reads this.
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
            "; beside the old version it judged otherwise: {}",
            checks.join(", ")
        ));
    }
    reason
}

/// How long the tick waited for the swaps that are among the news.
pub(super) fn took(news: &mut [EventKind], pause_us: u64) {
    for what in news {
        if let EventKind::Plugin(change) = what
            && change.kind == PluginChangeKind::Swapped
        {
            change.pause_us = Some(pause_us);
        }
    }
}

/// A check that is switched off for a while.
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

/// The time of the last record of a ticket that this operator opened itself.
pub(super) fn counts(entries: &[operator_reason::ticket::Entry], change: TicketChange) -> u64 {
    entries
        .iter()
        .filter(|entry| entry.change == change)
        .count() as u64
}
