//! `operator run`: ticks until stopped.

pub mod control;
mod pace;
mod stop;

pub use stop::Stop;

use crate::event::{Event, EventKind, Sink, Started, Stopped, TickDone};
use crate::settings::Settings;
use crate::telemetry::metrics::Metrics;
use crate::tick::{Assembly, Pipeline, Recordable, TickReport, config_digest};
use control::{Control, NoteQueue};
use operator_check::{CheckSet, Watcher, in_the_background};
use operator_journal::store::{TicketLog, TicketLogError};
use operator_journal::{Kind, Notes, body};
use operator_model::{Status, Tick};
use operator_net::egress::FileAudit;
use operator_net::ports::Clock;
use operator_net::ports::real::RealClock;
use operator_recording::RecordingError;
use pace::Pace;
use std::sync::Arc;
use std::time::Duration;

/// How long to run, and when to stop.
pub struct Until {
    /// Stop after this long by the operator's clock.
    pub duration: Option<Duration>,
    /// Stop when this is set.
    pub stop: Stop,
    /// Take over check plugin files that change.
    pub watch_files: bool,
}

/// Sums of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    ticks: u64,
    skipped: u64,
    opened: u64,
    resolved: u64,
    withheld: u64,
}

/// Why an operator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ticket log cannot be written.
    #[error(transparent)]
    TicketLog(#[from] TicketLogError),
    /// The recording that was asked for cannot be made.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// A running operator.
pub struct Daemon<'a> {
    settings: &'a Settings,
    clock: Arc<dyn Clock>,
    pipeline: Pipeline,
    ticket_log: TicketLog,
    sink: &'a mut dyn Sink,
    totals: Totals,
    metrics: Option<Metrics>,
    /// What people added so far.
    notes: Notes,
    /// What they add now.
    queue: NoteQueue,
}

impl<'a> Daemon<'a> {
    /// Puts the parts together and reports the start.
    ///
    /// # Errors
    /// The ticket log or the recording cannot be written.
    pub async fn start(
        settings: &'a Settings,
        clock: Arc<dyn Clock>,
        assembly: Assembly,
        opened: operator_journal::store::Opened,
        sink: &'a mut dyn Sink,
    ) -> Result<Self, StartError> {
        let operator_journal::store::Opened {
            ticket_log,
            mut warnings,
        } = opened;
        let config = config_digest(settings);
        let recordable = settings
            .record
            .as_ref()
            .map(|path| (path, Recordable::of(&assembly)));
        match FileAudit::open(
            &settings.data,
            settings.limits.egress.audit_bytes_max,
            clock.now(),
        ) {
            Ok(audit) => assembly.observer.audit_to(Arc::new(audit)),
            Err(error) => warnings.push(error.to_string()),
        }
        let notes = Notes::read(ticket_log.path()).unwrap_or_else(|error| {
            warnings.push(format!("silences cannot be read: {error}"));
            Notes::default()
        });
        let mut pipeline = Pipeline::new(assembly, config, &ticket_log);
        pipeline.measure_with(Arc::new(RealClock));
        pipeline.source().prime().await;
        let mut daemon = Self {
            settings,
            clock,
            pipeline,
            ticket_log,
            sink,
            totals: Totals::default(),
            metrics: None,
            notes,
            queue: NoteQueue::default(),
        };
        daemon.say_started(warnings, recordable).await?;
        Ok(daemon)
    }

    /// Updates these metrics from now on.
    #[must_use]
    pub fn measured_by(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Ticks until it is asked to stop, then reports it and closes the ticket log.
    ///
    /// # Errors
    /// The ticket log cannot be written: no decision without a record.
    pub async fn run(mut self, until: Until) -> Result<(), TicketLogError> {
        // A watcher that cannot start costs hot swapping, not observing.
        let watching = until
            .watch_files
            .then(|| Watcher::start(self.pipeline.checks()));
        if let Some(Err(error)) = &watching {
            tracing::warn!(%error, "file watching unavailable; changed plugins will not be reloaded");
        }
        let subject = self.pipeline.source().file().filter(|_| until.watch_files);
        let _watching_subject = subject.map(|file| {
            let path = [file.path().to_owned()];
            Watcher::over(&path, move || {
                in_the_background(file.prepare_changes());
                true
            })
        });
        // Without a socket, only the control commands fail.
        let control = until.watch_files.then(|| {
            let directory = self.ticket_log.path();
            Control::start(directory, self.pipeline.checks(), &self.queue, &self.clock)
        });
        if let Some(Err(error)) = &control {
            tracing::warn!(%error, "control socket unavailable; `operator plugin swap` will not work");
        }
        let mut pace = Pace::new(
            self.clock.now(),
            self.settings.tick_interval_ms,
            until.duration,
        );
        let reason = loop {
            if let Some(reason) = until.stop.requested() {
                break reason;
            }
            if pace.is_over(self.clock.now()) {
                break "the requested duration has elapsed".to_owned();
            }
            self.tick(pace.skipped()).await?;
            let wait = pace.next(self.clock.now());
            if !wait.is_zero() {
                tokio::select! {
                    () = self.clock.sleep(wait) => {}
                    () = until.stop.wait() => {}
                }
            }
        };
        self.stop(reason).await
    }

    /// One tick, shown to the sink.
    ///
    /// # Errors
    /// The ticket log cannot be written.
    pub async fn tick(&mut self, skipped: u64) -> Result<TickReport, TicketLogError> {
        let begun = self.clock.now();
        self.take_notes()?;
        let report = self.pipeline.tick(&mut self.ticket_log).await?;
        self.totals.ticks += 1;
        self.totals.skipped += skipped;
        self.totals.opened += report.opened;
        self.totals.resolved += report.resolved;
        self.totals.withheld += report.withheld;
        for event in &report.events {
            let silenced = self.silenced(event);
            self.sink.emit(silenced.as_ref().unwrap_or(event));
        }
        let done = TickDone {
            snapshot: report.snapshot.hash.to_string(),
            pass: report.count(Status::Pass),
            fail: report.count(Status::Fail),
            inconclusive: report.count(Status::Inconclusive),
            blind: report.snapshot.blind.len(),
            open_tickets: report.open_tickets,
            skipped,
            took_ms: self.clock.now().since_ms(begun),
        };
        if let Some(metrics) = &self.metrics {
            let source = self.pipeline.source();
            let egress = source.egress();
            let failures = self.pipeline.checks().failures();
            metrics.count(&report, &done, self.clock.now(), egress, failures);
        }
        self.say(EventKind::Tick(done));
        Ok(report)
    }

    /// Writes what people added since the last tick.
    fn take_notes(&mut self) -> Result<(), TicketLogError> {
        let added = std::mem::take(&mut *self.queue.lock());
        for note in added {
            let at = self.clock.now();
            self.ticket_log.note_of_person(&note, at)?;
            self.notes.take(at, note);
        }
        Ok(())
    }

    /// The event about a ticket of which no one is notified, marked as such.
    fn silenced(&self, event: &Event) -> Option<Event> {
        let EventKind::Ticket(written) = &event.what else {
            return None;
        };
        let silence = self.notes.silence_of(&written.ticket, self.clock.now())?;
        let mut written = written.clone();
        written.silenced = Some(silence.added.clone());
        Some(Event {
            what: EventKind::Ticket(written),
            ..event.clone()
        })
    }

    /// The sink, for output other than events.
    pub fn sink(&mut self) -> &mut dyn Sink {
        self.sink
    }

    /// The checks, for swapping them.
    #[must_use]
    pub fn checks(&self) -> &Arc<CheckSet> {
        self.pipeline.checks()
    }

    /// Tickets that can still change: open, or resolved lately.
    #[must_use]
    pub fn tickets(&self) -> Vec<operator_model::Ticket> {
        self.ticket_log.ticket_table().tickets().cloned().collect()
    }

    /// Reports the stop and closes the ticket log.
    ///
    /// # Errors
    /// The ticket log cannot be written.
    pub async fn stop(mut self, reason: String) -> Result<(), TicketLogError> {
        self.take_notes()?;
        let open_tickets = self.ticket_log.ticket_table().open().count();
        let tick = self.pipeline.last_tick();
        let Totals {
            ticks,
            skipped,
            opened,
            resolved,
            withheld,
        } = self.totals;
        let record = body::Stopped {
            tick,
            reason: reason.clone(),
            ticks,
            open_tickets,
        };
        let last_record = self
            .ticket_log
            .note(Kind::Stopped, self.clock.now(), &record)?;
        self.ticket_log.commit().await?;
        self.pipeline.end_recording(&reason, &mut self.ticket_log);
        let stopped = Stopped {
            reason,
            ticks,
            skipped,
            tickets_opened: opened,
            tickets_resolved: resolved,
            open_tickets,
            withheld,
            last_record,
        };
        self.say(EventKind::Stopped(stopped));
        self.ticket_log.close().await
    }

    fn say(&mut self, what: EventKind) {
        let observed_at = self.pipeline.source().observed_now();
        let event = Event {
            at: self.clock.now(),
            observed_at,
            tick: self.pipeline.last_tick(),
            what,
        };
        self.sink.emit(&event);
    }

    async fn say_started(
        &mut self,
        warnings: Vec<String>,
        recordable: Option<(&std::path::PathBuf, Recordable)>,
    ) -> Result<(), StartError> {
        let started = self.started(warnings);
        let record = body::Started {
            format: body::FORMAT,
            operator: started.operator.clone(),
            first_tick: Tick(self.pipeline.last_tick().0 + 1),
            subject: started.subject.clone(),
            plugins: started.plugins.clone(),
            config: started.config.clone(),
            knowledge: started.knowledge.clone(),
            checks: started.checks.clone(),
            tick_interval_ms: started.tick_interval_ms,
        };
        let at = self.clock.now();
        if let Some((path, recordable)) = recordable {
            let recorder = recordable.begin(
                path,
                self.settings,
                &mut self.ticket_log,
                (at, record.clone()),
            )?;
            self.pipeline.record_into(recorder);
        }
        self.ticket_log.note(Kind::Started, at, &record)?;
        self.ticket_log.commit().await?;
        self.say(EventKind::Started(Box::new(started)));
        Ok(())
    }

    fn started(&self, warnings: Vec<String>) -> Started {
        let observer = self.pipeline.source();
        let mut plugins = self.pipeline.checks().modules();
        plugins.extend([observer.plugin()]);
        Started {
            operator: env!("CARGO_PKG_VERSION").to_owned(),
            subject: observer.subject(),
            plugins,
            config: config_digest(self.settings),
            knowledge: observer.knowledge().version.clone(),
            checks: self
                .pipeline
                .checks()
                .declarations()
                .into_iter()
                .map(|(_, check)| check.id)
                .collect(),
            targets: self
                .settings
                .targets
                .iter()
                .map(|(name, target)| (name.clone(), target.origin.to_string()))
                .collect(),
            data: self.ticket_log.path().display().to_string(),
            tick_interval_ms: self.settings.tick_interval_ms,
            limits: limits(self.settings),
            open_tickets: self.ticket_log.ticket_table().open().count(),
            warnings,
        }
    }
}

/// The bounds in force, for the `started` event.
fn limits(settings: &Settings) -> serde_json::Value {
    let limits = &settings.limits;
    serde_json::json!({
        "tick_deadline_ms": limits.tick_deadline_ms,
        "history_ticks": limits.history_ticks,
        "requests_per_tick_max": limits.egress.requests_per_tick_max,
        "bytes_per_tick_max": limits.egress.bytes_per_tick_max,
        "body_bytes_max": limits.egress.body_bytes_max,
        "series_max": limits.series.series_max,
        "samples_per_series_max": limits.series.samples_per_series_max,
        "plugins": settings.plugin_limits,
    })
}
