//! One tick from the look at the system to the ticket on disk.

use super::assemble::Assembly;
use super::changes::Changes;
use super::journal_events::{self, EventContext};
use super::plugin_health::PluginHealth;
use super::recording_start;
use super::source::{SnapshotSource, SubjectChange};
use crate::event::{Event, EventKind, TicketWritten};
use operator_check as check;
use operator_check::{Arrived, Boundary, CheckSet};
use operator_data::Snapshot;
use operator_journal::CHECKPOINT_TICKS;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_journal::{Kind, body};
use operator_model::knowledge::KnowledgeBase;
use operator_model::{
    Detection, Incident, Provenance, Status, Tick, Ticket, TicketChange, Verdict,
};
use operator_net::ports::Clock as _;
use operator_net::ports::real::RealClock;
use operator_plugin_host::LoadError;
use operator_reason::detect::Detector;
use operator_reason::diagnose::{DiagnoseInput, Memory};
use operator_reason::ticket::{Entry, Proposal, TicketTable};
use operator_reason::{decide, diagnose, ticket, verify};
use operator_recording::{Frame, Recorder};
use std::sync::Arc;

/// Ticks for which a plugin has to answer before its ticket is resolved: the window in which three
/// failures would put it into quarantine again.
const PLUGIN_QUIET_TICKS: u64 = 10;

/// Subject, checks and everything that is remembered between ticks.
pub struct Pipeline {
    source: Box<dyn SnapshotSource>,
    checks: Arc<CheckSet>,
    knowledge: Arc<KnowledgeBase>,
    detector: Detector,
    memory: Memory,
    changes: Changes,
    plugin_health: PluginHealth,
    config: String,
    last_tick: Tick,
    recorder: Option<Recorder>,
}

/// What one tick gave.
#[derive(Debug)]
pub struct TickReport {
    /// What was seen.
    pub snapshot: Arc<Snapshot>,
    /// One for each check.
    pub verdicts: Vec<Verdict>,
    /// Incidents, confirmed or not.
    pub incidents: Vec<Incident>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Tickets opened.
    pub opened: u64,
    /// Tickets resolved.
    pub resolved: u64,
    /// Explanations that could not be verified.
    pub withheld: u64,
    /// Tickets that are open now.
    pub open_tickets: usize,
}

impl TickReport {
    /// Number of checks with this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.verdicts
            .iter()
            .filter(|verdict| verdict.status == status)
            .count()
    }
}

/// Modules and subjects that arrived in a tick.
type Arrivals = (Vec<Arrived>, Vec<SubjectChange>);

/// What the stages before the ticket found.
struct Judged {
    verdicts: Vec<Verdict>,
    detection: Detection,
    incidents: Vec<Incident>,
}

impl Pipeline {
    /// Takes up the tickets of the book and goes on counting ticks.
    #[must_use]
    pub fn new(assembly: Assembly, config: String, ticket_log: &TicketLog) -> Self {
        Self::with_source(
            Box::new(assembly.observer),
            assembly.checks,
            config,
            ticket_log,
        )
    }

    /// The same, whoever looks.
    #[must_use]
    pub fn with_source(
        source: Box<dyn SnapshotSource>,
        checks: Arc<CheckSet>,
        config: String,
        ticket_log: &TicketLog,
    ) -> Self {
        let tickets: Vec<Ticket> = ticket_log.ticket_table().tickets().cloned().collect();
        let mut changes = Changes::default();
        tickets
            .iter()
            .for_each(|ticket| changes.know(&ticket.key, ticket.updated_at));
        let knowledge = Arc::clone(source.knowledge());
        Self {
            detector: Detector::new(&knowledge),
            plugin_health: PluginHealth::restore(&tickets),
            memory: Memory::restore(&of_the_system(tickets)),
            knowledge,
            source,
            checks,
            changes,
            config,
            last_tick: ticket_log.last_tick(),
            recorder: None,
        }
    }

    /// Records from now on.
    pub fn record_into(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Ends the recording, if there is one. `book` has all records of the end.
    pub fn end_recording(&mut self, reason: &str, ticket_log: &mut TicketLog) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(reason, ticket_log.take_lines());
        }
    }

    /// Runs one tick. When it returns, every decision is on disk.
    ///
    /// # Errors
    /// The book cannot be written; nothing else can fail.
    pub async fn tick(&mut self, ticket_log: &mut TicketLog) -> Result<TickReport, TicketLogError> {
        self.last_tick = Tick(self.last_tick.0 + 1);
        let at = self.source.begin_tick();
        let (mut news, mut subjects) = (Vec::new(), self.source.boundary());
        if !subjects.is_empty() {
            let moment = EventContext::before(self.last_tick, at);
            news.extend(
                subjects
                    .iter()
                    .map(|change| journal_events::swapped(change.event.clone())),
            );
            news.iter()
                .try_for_each(|what| moment.note(ticket_log, what))?;
            ticket_log.sync()?;
            self.source.commit();
        }
        let told_before = news.len();
        let snapshot = self.source.look(self.last_tick).await;
        let taken_back = self.source.take_changes();
        news.extend(
            taken_back
                .iter()
                .map(|change| journal_events::swapped(change.event.clone())),
        );
        self.learn();
        let moment = EventContext::of(&snapshot);
        let mut boundary = self.checks.boundary().await;
        let arrived = std::mem::take(&mut boundary.arrived);
        news.extend(
            std::mem::take(&mut boundary.events)
                .into_iter()
                .map(journal_events::swapped),
        );
        if news.len() > told_before {
            // The log knows of a version before any verdict comes from it.
            news.iter()
                .skip(told_before)
                .try_for_each(|what| moment.note(ticket_log, what))?;
            ticket_log.sync()?;
        }
        let journal_events = news.len();
        let pause_us = self.commit(boundary);
        journal_events::took(&mut news, pause_us);
        let judged = self.judge(&snapshot).await;
        let (entries, withheld) =
            self.file(&snapshot, &judged.incidents, ticket_log.ticket_table_mut());
        news.extend(
            self.checks
                .take_events()
                .into_iter()
                .map(journal_events::swapped),
        );
        news.extend(
            self.checks
                .take_quarantines()
                .into_iter()
                .map(journal_events::quarantined),
        );
        news.extend(self.news(&snapshot, &judged));
        news.iter()
            .skip(journal_events)
            .try_for_each(|what| moment.note(ticket_log, what))?;
        for entry in &entries {
            ticket_log.decide(entry, moment.tick, moment.at)?;
        }
        self.checkpoint(&moment, &judged.verdicts, ticket_log)?;
        ticket_log.commit().await?;
        subjects.extend(taken_back);
        self.record(&snapshot, &judged, (arrived, subjects), ticket_log);
        let (opened, resolved) = (
            journal_events::counts(&entries, TicketChange::Opened),
            journal_events::counts(&entries, TicketChange::Resolved),
        );
        news.extend(entries.into_iter().map(written));
        let Judged {
            verdicts,
            incidents,
            ..
        } = judged;
        let events = news.into_iter().map(|what| moment.event(what)).collect();
        let open_tickets = ticket_log.ticket_table().open().count();
        Ok(TickReport {
            snapshot,
            verdicts,
            incidents,
            events,
            opened,
            resolved,
            withheld,
            open_tickets,
        })
    }

    /// Lets arrive before the next tick what arrived before it when it was recorded.
    ///
    /// # Errors
    /// A version cannot be loaded here.
    pub async fn put_before_tick(&self, arrivals: Vec<Arrived>) -> Result<(), LoadError> {
        self.checks.arrive_again(arrivals).await
    }

    /// Another subject may bring other expertise; the detectors then learn anew what is normal.
    fn learn(&mut self) {
        let knowledge = self.source.knowledge();
        if !Arc::ptr_eq(knowledge, &self.knowledge) && **knowledge != *self.knowledge {
            self.knowledge = Arc::clone(knowledge);
            self.detector = Detector::new(&self.knowledge);
        }
    }

    /// Changes the versions that count; gives how long the tick waited for it, in microseconds. Real time
    /// by design: it is shown and never decided from.
    fn commit(&self, boundary: Boundary) -> u64 {
        let begun = RealClock.now_us();
        self.checks.commit(boundary);
        RealClock.now_us().saturating_sub(begun)
    }

    /// The checks, for watching their files.
    #[must_use]
    pub fn checks(&self) -> &Arc<CheckSet> {
        &self.checks
    }

    /// The eyes.
    #[must_use]
    pub fn source(&self) -> &dyn SnapshotSource {
        self.source.as_ref()
    }

    /// The last tick that was run.
    #[must_use]
    pub fn last_tick(&self) -> Tick {
        self.last_tick
    }

    /// Checks and detectors look at the snapshot at the same time; then the incidents.
    async fn judge(&mut self, snapshot: &Arc<Snapshot>) -> Judged {
        let (checks, shared) = (Arc::clone(&self.checks), Arc::clone(snapshot));
        let checking = tokio::task::spawn_blocking(move || check::run_all(&checks, &shared));
        let detection = self.detector.detect(snapshot);
        let verdicts = match checking.await {
            Ok(verdicts) => verdicts,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down; nobody will read this tick.
            Err(_) => Vec::new(),
        };
        let input = DiagnoseInput {
            snapshot,
            verdicts: &verdicts,
            detection: &detection,
            knowledge: &self.knowledge,
        };
        let (mut incidents, memory) = diagnose::explain(&self.memory, input);
        self.memory = memory;
        incidents.extend(
            self.plugin_health
                .incidents(&self.checks.troubles(), snapshot.taken_at),
        );
        Judged {
            verdicts,
            detection,
            incidents,
        }
    }

    fn record(
        &mut self,
        snapshot: &Arc<Snapshot>,
        judged: &Judged,
        (arrived, subjects): Arrivals,
        ticket_log: &mut TicketLog,
    ) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        recorder.tick(Frame {
            snapshot: Arc::clone(snapshot),
            seen: self.source.seen(),
            components: recording_start::components(&arrived, &subjects),
            arrivals: arrived
                .iter()
                .map(recording_start::arrival)
                .chain(subjects.iter().map(recording_start::subject))
                .collect(),
            verdicts: judged.verdicts.clone(),
            incidents: judged.incidents.clone(),
            journal: ticket_log.take_lines(),
        });
    }

    /// Composes a ticket for every incident that has or deserves one, and resolves those that are over.
    fn file(
        &mut self,
        snapshot: &Snapshot,
        incidents: &[Incident],
        ticket_table: &mut TicketTable,
    ) -> (Vec<Entry>, u64) {
        let (mut entries, mut withheld) = (Vec::new(), 0);
        for incident in incidents {
            if !incident.confirmed && !ticket_table.has_open(&incident.key) {
                continue;
            }
            let (composed, safe) = self.compose(snapshot, incident);
            let entry = ticket_table.file(composed, incident.confirmed);
            withheld += u64::from(!safe && entry.is_some());
            entries.extend(entry);
        }
        for key in self.memory.resolvable() {
            entries.extend(ticket_table.resolve(
                &key,
                snapshot.taken_at,
                "all its symptoms are gone",
            ));
            self.memory.forget(&key);
        }
        for key in self.plugin_health.over(PLUGIN_QUIET_TICKS) {
            entries.extend(ticket_table.resolve(
                &key,
                snapshot.taken_at,
                "the plugin has answered for a while",
            ));
        }
        (entries, withheld)
    }

    /// The ticket, and whether its explanation could be verified.
    fn compose(&self, snapshot: &Snapshot, incident: &Incident) -> (Ticket, bool) {
        let decide::Decided {
            options,
            decision,
            rationale,
            gaps,
        } = decide::decide(incident, &self.knowledge, snapshot);
        let proposal = Proposal {
            options,
            decision,
            rationale,
            gaps,
        };
        let mut composed = ticket::compose(
            incident,
            proposal,
            self.provenance(snapshot),
            snapshot.taken_at,
        );
        let verification = verify::verify(&composed, self.memory.topology());
        composed.explanation_score = verification.score;
        if verification.score > 0 {
            return (composed, true);
        }
        tracing::warn!(key = %incident.key, failures = ?verification.failures, "An explanation could not be verified and is withheld.");
        let mut composed = ticket::withhold(composed, &verification.failures);
        composed.explanation_score = verify::verify(&composed, self.memory.topology()).score;
        (composed, false)
    }

    fn provenance(&self, snapshot: &Snapshot) -> Provenance {
        let mut plugins = self.checks.modules();
        plugins.extend([self.source.plugin()]);
        Provenance {
            host: env!("CARGO_PKG_VERSION").to_owned(),
            plugins,
            config: self.config.clone(),
            knowledge: self.knowledge.version.clone(),
            snapshot: snapshot.hash.to_string(),
        }
    }

    fn news(&mut self, snapshot: &Snapshot, judged: &Judged) -> Vec<EventKind> {
        let topology = &snapshot.topology;
        let mut news: Vec<EventKind> = self.changes.blind(&snapshot.blind).into_iter().collect();
        news.extend(self.changes.verdicts(&judged.verdicts, topology));
        news.extend(
            self.changes
                .anomalies(&judged.detection, snapshot.taken_at, topology),
        );
        news.extend(self.changes.incidents(&judged.incidents, snapshot.taken_at));
        news
    }

    fn checkpoint(
        &self,
        moment: &EventContext,
        verdicts: &[Verdict],
        ticket_log: &mut TicketLog,
    ) -> Result<(), TicketLogError> {
        if !moment.tick.0.is_multiple_of(CHECKPOINT_TICKS) {
            return Ok(());
        }
        let count = |status| {
            verdicts
                .iter()
                .filter(|verdict| verdict.status == status)
                .count()
        };
        let record = body::Checkpoint {
            tick: moment.tick,
            observed_at: moment.observed_at,
            snapshot: moment.snapshot.clone(),
            verdicts: (
                count(Status::Pass),
                count(Status::Fail),
                count(Status::Inconclusive),
            ),
            open_tickets: ticket_log.ticket_table().open().count(),
        };
        ticket_log
            .note(Kind::TickCheckpoint, moment.at, &record)
            .map(drop)
    }
}

/// Tickets that diagnosis answers for; those about plugins are answered for here.
fn of_the_system(tickets: Vec<Ticket>) -> Vec<Ticket> {
    tickets
        .into_iter()
        .filter(|ticket| !diagnose::is_about_plugin(&ticket.key))
        .collect()
}

fn written(entry: Entry) -> EventKind {
    let Entry {
        change,
        because,
        ticket,
    } = entry;
    EventKind::Ticket(Box::new(TicketWritten {
        change,
        because,
        ticket,
    }))
}
