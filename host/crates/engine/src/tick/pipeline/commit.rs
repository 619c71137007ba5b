//! The end of a tick: its events and decisions go to the log, then to the store and the recording.

use super::Pipeline;
use super::change_over::ChangeOver;
use super::reconcile::TicketChanges;
use super::report::{TickReport, count};
use crate::event::{EventKind, TicketWritten};
use crate::tick::journal_events::{self, EventContext};
use crate::tick::recording_start;
use crate::tick::source::SubjectChange;
use operator_check::Arrived;
use operator_data::Snapshot;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_journal::{CHECKPOINT_TICKS, Kind, body};
use operator_model::{Detection, Incident, Status, TicketChange, Verdict};
use operator_reason::ticket::Entry;
use operator_recording::Frame;
use std::sync::Arc;

/// What the stages before the ticket found.
pub(super) struct Findings {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) detection: Detection,
    pub(super) incidents: Vec<Incident>,
}

impl Pipeline {
    /// Writes everything that happened in the tick, in the order of the stages.
    pub(super) async fn commit(
        &mut self,
        findings: Findings,
        changes: TicketChanges,
        change_over: ChangeOver,
        log: &mut TicketLog,
    ) -> Result<TickReport, TicketLogError> {
        let context = EventContext::of(&findings.snapshot);
        let news = self.events(&findings);
        news.iter().try_for_each(|event| context.note(log, event))?;
        for entry in &changes.entries {
            log.decide(entry, context.tick, context.at)?;
        }
        checkpoint(&context, &findings.verdicts, log)?;
        log.commit().await?;
        self.record(&findings, &change_over.checks, &change_over.subjects, log);
        Ok(TickReport {
            opened: changes.count(TicketChange::Opened),
            resolved: changes.count(TicketChange::Resolved),
            withheld: changes.withheld,
            open_tickets: log.ticket_table().open().count(),
            events: change_over
                .events
                .into_iter()
                .chain(news)
                .chain(changes.entries.into_iter().map(written))
                .map(|event| context.event(event))
                .collect(),
            snapshot: findings.snapshot,
            verdicts: findings.verdicts,
            incidents: findings.incidents,
        })
    }

    /// What is different from the last tick: plugins, then sources, checks, signals and incidents.
    fn events(&mut self, findings: &Findings) -> Vec<EventKind> {
        let topology = &findings.snapshot.topology;
        let now = findings.snapshot.taken_at;
        let swaps = self.checks.take_events().into_iter();
        let mut events: Vec<EventKind> = swaps.map(journal_events::swapped).collect();
        let quarantines = self.checks.take_quarantines().into_iter();
        events.extend(quarantines.map(journal_events::quarantined));
        events.extend(self.changes.blind(&findings.snapshot.blind));
        events.extend(self.changes.verdicts(&findings.verdicts, topology));
        events.extend(self.changes.anomalies(&findings.detection, now, topology));
        events.extend(self.changes.incidents(&findings.incidents, now));
        events
    }

    fn record(
        &mut self,
        findings: &Findings,
        checks: &[Arrived],
        subjects: &[SubjectChange],
        log: &mut TicketLog,
    ) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        let arrivals = match recording_start::arrivals(checks, subjects) {
            Ok(arrivals) => arrivals,
            Err(error) => {
                let reason = format!("a change of the subject cannot be recorded: {error}");
                return self.end_recording(&reason, log);
            }
        };
        recorder.tick(Frame {
            snapshot: Arc::clone(&findings.snapshot),
            seen: self.source.seen(),
            components: recording_start::components(checks, subjects),
            arrivals,
            verdicts: findings.verdicts.clone(),
            incidents: findings.incidents.clone(),
            journal: log.take_lines(),
        });
    }
}

/// Proof of life in the log, every [`CHECKPOINT_TICKS`].
fn checkpoint(
    context: &EventContext,
    verdicts: &[Verdict],
    log: &mut TicketLog,
) -> Result<(), TicketLogError> {
    if !context.tick.0.is_multiple_of(CHECKPOINT_TICKS) {
        return Ok(());
    }
    let record = body::Checkpoint {
        tick: context.tick,
        observed_at: context.observed_at,
        snapshot: context.snapshot.clone(),
        verdicts: (
            count(verdicts, Status::Pass),
            count(verdicts, Status::Fail),
            count(verdicts, Status::Inconclusive),
        ),
        open_tickets: log.ticket_table().open().count(),
    };
    log.note(Kind::TickCheckpoint, context.at, &record)
        .map(drop)
}

fn written(entry: Entry) -> EventKind {
    EventKind::Ticket(Box::new(TicketWritten {
        change: entry.change,
        because: entry.because,
        ticket: entry.ticket,
        silenced: None,
    }))
}
