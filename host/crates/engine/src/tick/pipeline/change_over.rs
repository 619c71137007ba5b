//! New versions of plugins take over between two ticks. The log names a version before the first
//! result that comes from it.

use super::Pipeline;
use crate::event::EventKind;
use crate::tick::journal_events::{self, EventContext};
use crate::tick::source::SubjectChange;
use operator_check::{Arrived, Boundary};
use operator_data::Snapshot;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_model::Tick;

/// The versions that arrived in one tick.
#[derive(Default)]
pub(super) struct ChangeOver {
    /// What the log holds about them already.
    pub(super) events: Vec<EventKind>,
    /// Check plugins.
    pub(super) checks: Vec<Arrived>,
    /// Subject plugins.
    pub(super) subjects: Vec<SubjectChange>,
}

impl ChangeOver {
    fn subjects(&mut self, changes: Vec<SubjectChange>) -> Vec<EventKind> {
        let events = changes
            .iter()
            .map(|change| journal_events::swapped(change.event.clone()))
            .collect();
        self.subjects.extend(changes);
        events
    }

    /// Writes the events and waits until the disk has them.
    fn journal(
        &mut self,
        events: Vec<EventKind>,
        context: &EventContext,
        log: &mut TicketLog,
    ) -> Result<(), TicketLogError> {
        if events.is_empty() {
            return Ok(());
        }
        events
            .iter()
            .try_for_each(|event| context.note(log, event))?;
        log.sync()?;
        self.events.extend(events);
        Ok(())
    }
}

impl Pipeline {
    /// Begins the tick, with the version of the subject that is to take its snapshot.
    pub(super) fn change_over_subject(
        &mut self,
        log: &mut TicketLog,
    ) -> Result<ChangeOver, TicketLogError> {
        self.last_tick = Tick(self.last_tick.0 + 1);
        let at = self.source.begin_tick();
        let mut change_over = ChangeOver::default();
        let events = change_over.subjects(self.source.boundary());
        if !events.is_empty() {
            change_over.journal(events, &EventContext::before(self.last_tick, at), log)?;
            self.source.commit();
        }
        Ok(change_over)
    }

    /// Activates the versions that are to evaluate the snapshot. A subject that was rolled back
    /// while it took the snapshot is reported first.
    pub(super) async fn change_over_checks(
        &mut self,
        snapshot: &Snapshot,
        change_over: &mut ChangeOver,
        log: &mut TicketLog,
    ) -> Result<(), TicketLogError> {
        let mut events = change_over.subjects(self.source.take_changes());
        let mut boundary = self.checks.boundary().await;
        change_over.checks = std::mem::take(&mut boundary.arrived);
        let swaps = std::mem::take(&mut boundary.events);
        events.extend(swaps.into_iter().map(journal_events::swapped));
        change_over.journal(events, &EventContext::of(snapshot), log)?;
        let pause_us = self.activate(boundary);
        journal_events::set_pause(&mut change_over.events, pause_us);
        Ok(())
    }

    /// Replaces the active versions; returns how long the tick waited for it, in microseconds.
    fn activate(&self, boundary: Boundary) -> Option<u64> {
        let stopwatch = self.stopwatch.as_ref();
        let begun = stopwatch.map(|clock| clock.now_us());
        self.checks.commit(boundary);
        let ended = stopwatch.map(|clock| clock.now_us());
        Some(ended?.saturating_sub(begun?))
    }
}
