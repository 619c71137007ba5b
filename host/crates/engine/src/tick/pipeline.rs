//! One tick, from the observation of the system to the ticket on disk.

mod change_over;
mod commit;
mod reconcile;
mod report;

pub use report::TickReport;

use super::assemble::Assembly;
use super::changes::Changes;
use super::plugin_health::PluginHealth;
use super::source::SnapshotSource;
use commit::Findings;
use operator_check::{self as check, Arrived, CheckSet};
use operator_data::Snapshot;
use operator_journal::store::{TicketLog, TicketLogError};
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Detection, Incident, Tick, Ticket, Verdict};
use operator_net::ports::Clock;
use operator_plugin_host::LoadError;
use operator_reason::detect::Detector;
use operator_reason::diagnose::{self, DiagnoseInput, Memory};
use operator_recording::Recorder;
use std::sync::Arc;

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
    stopwatch: Option<Arc<dyn Clock>>,
    recorder: Option<Recorder>,
}

impl Pipeline {
    /// Runs one tick. When it returns, every decision is on disk.
    ///
    /// # Errors
    /// The ticket log cannot be written; nothing else can fail.
    pub async fn tick(&mut self, log: &mut TicketLog) -> Result<TickReport, TicketLogError> {
        let mut change_over = self.change_over_subject(log)?;
        let snapshot = self.observe().await;
        self.change_over_checks(&snapshot, &mut change_over, log)
            .await?;
        let evaluation = self.evaluate(&snapshot);
        let detection = self.detector.detect(&snapshot);
        let verdicts = evaluation.await;
        let incidents = self.explain(&snapshot, &verdicts, &detection);
        let changes = self.reconcile(&snapshot, &incidents, log.ticket_table_mut());
        let findings = Findings {
            snapshot,
            verdicts,
            detection,
            incidents,
        };
        self.commit(findings, changes, change_over, log).await
    }

    /// Resumes the tickets of the log and continues its tick numbers.
    #[must_use]
    pub fn new(assembly: Assembly, config: String, ticket_log: &TicketLog) -> Self {
        Self::with_source(
            Box::new(assembly.observer),
            assembly.checks,
            config,
            ticket_log,
        )
    }

    /// As [`Self::new`], with snapshots from any source.
    #[must_use]
    pub fn with_source(
        source: Box<dyn SnapshotSource>,
        checks: Arc<CheckSet>,
        config: String,
        ticket_log: &TicketLog,
    ) -> Self {
        let tickets: Vec<Ticket> = ticket_log.ticket_table().tickets().cloned().collect();
        let mut changes = Changes::default();
        for ticket in &tickets {
            changes.know(&ticket.key, ticket.updated_at);
        }
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
            stopwatch: None,
            recorder: None,
        }
    }

    /// Measures with this clock how long ticks wait for swaps. It is real time even when the
    /// operator's clock is virtual: the pause is reported, and nothing is decided from it.
    pub fn measure_with(&mut self, stopwatch: Arc<dyn Clock>) {
        self.stopwatch = Some(stopwatch);
    }

    /// Records from now on.
    pub fn record_into(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Ends the recording, if there is one. `ticket_log` must hold the final records already.
    pub fn end_recording(&mut self, reason: &str, ticket_log: &mut TicketLog) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(reason, ticket_log.take_lines());
        }
    }

    /// Repeats before the next tick the arrivals that a recording has before it.
    ///
    /// # Errors
    /// A version cannot be loaded here.
    pub async fn put_before_tick(&self, arrivals: Vec<Arrived>) -> Result<(), LoadError> {
        self.checks.arrive_again(arrivals).await
    }

    /// The checks, for watching their files.
    #[must_use]
    pub fn checks(&self) -> &Arc<CheckSet> {
        &self.checks
    }

    /// Where the snapshots come from.
    #[must_use]
    pub fn source(&self) -> &dyn SnapshotSource {
        self.source.as_ref()
    }

    /// The last tick that was run.
    #[must_use]
    pub fn last_tick(&self) -> Tick {
        self.last_tick
    }

    /// Takes the snapshot. If the subject that took it has different knowledge, the detectors learn
    /// again what is normal.
    async fn observe(&mut self) -> Arc<Snapshot> {
        let snapshot = self.source.observe(self.last_tick).await;
        let knowledge = self.source.knowledge();
        if !Arc::ptr_eq(knowledge, &self.knowledge) && **knowledge != *self.knowledge {
            self.knowledge = Arc::clone(knowledge);
            self.detector = Detector::new(&self.knowledge);
        }
        snapshot
    }

    /// Starts all checks on their own thread; the detectors run meanwhile.
    fn evaluate(&self, snapshot: &Arc<Snapshot>) -> impl Future<Output = Vec<Verdict>> + use<> {
        let checks = Arc::clone(&self.checks);
        let snapshot = Arc::clone(snapshot);
        let evaluation = tokio::task::spawn_blocking(move || check::run_all(&checks, &snapshot));
        async {
            match evaluation.await {
                Ok(verdicts) => verdicts,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // The runtime is shutting down; no one will read this tick.
                Err(_) => Vec::new(),
            }
        }
    }

    /// The incidents of the system, then those of plugins that keep failing.
    fn explain(
        &mut self,
        snapshot: &Snapshot,
        verdicts: &[Verdict],
        detection: &Detection,
    ) -> Vec<Incident> {
        let input = DiagnoseInput {
            snapshot,
            verdicts,
            detection,
            knowledge: &self.knowledge,
        };
        let (mut incidents, memory) = diagnose::explain(&self.memory, input);
        self.memory = memory;
        let troubles = self.checks.troubles();
        incidents.extend(self.plugin_health.incidents(&troubles, snapshot.taken_at));
        incidents
    }
}

/// Tickets whose incidents diagnosis explains. Those about plugins belong to [`PluginHealth`].
fn of_the_system(tickets: Vec<Ticket>) -> Vec<Ticket> {
    tickets
        .into_iter()
        .filter(|ticket| !diagnose::is_about_plugin(&ticket.key))
        .collect()
}
