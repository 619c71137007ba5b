//! The first two stages: one observation of the system, frozen.

use super::subject_file::{SubjectCandidate, SubjectFile, SubjectVersion, lost_tables, swapped};
use crate::tick::{ObserveFuture, SnapshotSource, SubjectChange};
use operator_check::{Rollout, SwapEvent};
use operator_data::freeze::{FreezeInput, Tables};
use operator_data::{Observed, SeriesStore, Snapshot, freeze as snapshot};
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Tick, Timestamp};
use operator_net::egress::{Audit, Egress, EgressCounters, TargetRequest};
use operator_net::observed_clock::ObservedClock;
use operator_net::ports::{Clock, Method};
use operator_plugin_host::{CircuitBreaker, PluginFailure, observe};
use operator_recording::{PortTraffic, RecordingPorts};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the first question for the time may take.
const PRIME_MS: u64 = 2_000;

/// A subject with everything that it looks through.
pub struct Observer {
    /// The active subject, the one that takes over next and the previous one.
    pub(super) versions: Rollout<SubjectVersion>,
    pub(super) egress: Arc<Egress>,
    pub(super) series: Arc<Mutex<SeriesStore>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observed_clock: Arc<ObservedClock>,
    pub(super) past: Vec<Arc<Tables>>,
    pub(super) history_ticks: usize,
    pub(super) deadline_ms: u64,
    /// What passes through the ports, while it is recorded.
    pub(super) recording_ports: Option<Arc<RecordingPorts>>,
    /// Where new versions of the subject come from.
    pub(super) file: Arc<SubjectFile>,
    pub(super) changes: Vec<SubjectChange>,
    pub(super) tick_at: Option<Timestamp>,
}

impl Observer {
    /// Queries the targets for the time until one reports it. The first samples would otherwise be
    /// stamped with the operator's time, and later ones, if the observed system is behind, could
    /// not follow them.
    pub async fn prime(&self) {
        self.egress.begin_tick(self.clock.now().plus_ms(PRIME_MS));
        for target in self.egress.targets() {
            let request = TargetRequest {
                target,
                method: Method::Head,
                body: None,
                path_and_query: "/".to_owned(),
                headers: Vec::new(),
                timeout: Some(Duration::from_millis(PRIME_MS)),
            };
            if self
                .egress
                .send(request)
                .await
                .is_ok_and(|answer| answer.server_date.is_some())
            {
                return;
            }
        }
    }

    /// Takes one observation and freezes it.
    pub async fn observe(&mut self, tick: Tick) -> Arc<Snapshot> {
        let host_at = self.tick_at.take().unwrap_or_else(|| self.clock.now());
        let taken_at = self.observed_clock.now(host_at);
        let budget = Duration::from_millis(self.deadline_ms);
        let observed = self.observe_subject(tick, taken_at, budget).await;
        let series = Arc::new(
            self.series
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        );
        let snapshot = snapshot::freeze(FreezeInput {
            tick,
            taken_at,
            host_at,
            subject: &self.versions.active().subject.info().name,
            observed,
            series,
            past: &self.past,
            history_ticks: self.history_ticks,
        });
        self.past = snapshot::history(&snapshot, self.history_ticks);
        snapshot
    }

    /// Where every request of the subject is written down.
    pub fn audit_to(&self, audit: Arc<dyn Audit>) {
        self.egress.audit_to(audit);
    }

    /// Lets the subject observe; one on probation that fails is rolled back, and the previous
    /// version observes instead.
    async fn observe_subject(&mut self, tick: Tick, at: Timestamp, budget: Duration) -> Observed {
        if !self.versions.is_on_probation() {
            return self.observe_alone(tick, at, budget).await;
        }
        let version = self.versions.active_mut();
        let result = version.subject.observe(tick, at, budget).await;
        let fault = match &result {
            Err(failure) => failure.is_strike().then(|| failure.to_string()),
            Ok(observed) => {
                let known = self
                    .past
                    .first()
                    .map(|tables| tables.keys().cloned().collect())
                    .unwrap_or_default();
                let lost = lost_tables(observed, &known);
                (!lost.is_empty()).then(|| {
                    format!(
                        "it no longer returns {} and reports no observation gap for it",
                        lost.join(", ")
                    )
                })
            }
        };
        if let Some(reason) = fault {
            self.roll_back(reason);
            return self.observe_alone(tick, at, budget).await;
        }
        self.versions.survived_tick();
        observe::seen(result, &self.versions.active().subject)
    }

    /// With no version to go back to: a subject that keeps failing is quarantined for a while, and
    /// its observation gaps state the reason.
    async fn observe_alone(&mut self, tick: Tick, at: Timestamp, budget: Duration) -> Observed {
        let version = self.versions.active_mut();
        if let Some(reason) = version.circuit_breaker.quarantined(tick) {
            return observe::unseen(&version.subject, &format!("is {reason}"));
        }
        let result = version.subject.observe(tick, at, budget).await;
        self.count(tick, &result);
        observe::seen(result, &self.versions.active().subject)
    }

    fn count(&mut self, tick: Tick, result: &Result<Observed, PluginFailure>) {
        let limits = self.file.engine.limits();
        let circuit_breaker = &mut self.versions.active_mut().circuit_breaker;
        match result {
            Ok(_) => {
                circuit_breaker.succeeded(tick, limits);
            }
            Err(failure) => {
                if let Some(until) = circuit_breaker.failed(failure, tick, limits) {
                    tracing::warn!(until = until.0, %failure, "the subject keeps failing and is quarantined");
                }
            }
        }
    }

    fn roll_back(&mut self, reason: String) {
        let Some(failed) = self.versions.roll_back() else {
            return;
        };
        let version = self.versions.active_mut();
        version.circuit_breaker = CircuitBreaker::default();
        let event = SwapEvent::RolledBack {
            source: self.file.path().display().to_string(),
            module: version.subject.info().name.clone(),
            from: failed.subject.digest().clone(),
            to: version.subject.digest().clone(),
            reason,
        };
        let counts = Some(version.loaded(&self.file));
        self.changes.push(SubjectChange { event, counts });
    }

    /// Name and version of the subject.
    #[must_use]
    pub fn subject(&self) -> String {
        let info = self.versions.active().subject.info();
        format!("{} {}", info.name, info.version)
    }

    /// Name of the subject and digest of its component.
    #[must_use]
    pub fn plugin(&self) -> (String, String) {
        (
            self.versions.active().subject.info().name.clone(),
            self.versions.active().subject.digest().0.clone(),
        )
    }

    /// The subject's expertise.
    #[must_use]
    pub fn knowledge(&self) -> &Arc<KnowledgeBase> {
        self.versions.active().subject.knowledge()
    }

    /// The time of the observed system.
    #[must_use]
    pub fn observed_now(&self) -> Timestamp {
        self.observed_clock.now(self.clock.now())
    }
}

impl SnapshotSource for Observer {
    fn subject(&self) -> String {
        Self::subject(self)
    }

    fn plugin(&self) -> (String, String) {
        Self::plugin(self)
    }

    fn knowledge(&self) -> &Arc<KnowledgeBase> {
        Self::knowledge(self)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn observed_now(&self) -> Timestamp {
        Self::observed_now(self)
    }

    fn prime(&self) -> ObserveFuture<'_, ()> {
        Box::pin(Self::prime(self))
    }

    fn begin_tick(&mut self) -> Timestamp {
        *self.tick_at.insert(self.clock.now())
    }

    fn boundary(&mut self) -> Vec<SubjectChange> {
        let source = self.file.path().display().to_string();
        match self.file.take() {
            None => Vec::new(),
            Some(SubjectCandidate::Unfit(to, reason)) => {
                vec![SubjectChange {
                    event: SwapEvent::Refused { source, to, reason },
                    counts: None,
                }]
            }
            Some(SubjectCandidate::Ready(next)) => {
                let active = self.versions.active();
                let event = swapped(source, &active.subject, &next.subject);
                let counts = Some(next.loaded(&self.file));
                self.versions.propose(*next);
                vec![SubjectChange { event, counts }]
            }
        }
    }

    fn commit(&mut self) {
        self.versions
            .promote(self.file.engine.limits().probation_ticks);
    }

    fn take_changes(&mut self) -> Vec<SubjectChange> {
        std::mem::take(&mut self.changes)
    }

    fn file(&self) -> Option<Arc<SubjectFile>> {
        Some(Arc::clone(&self.file))
    }

    fn observe(&mut self, tick: Tick) -> ObserveFuture<'_, Arc<Snapshot>> {
        Box::pin(Self::observe(self, tick))
    }

    fn egress(&self) -> EgressCounters {
        self.egress.counters()
    }

    fn seen(&self) -> PortTraffic {
        self.recording_ports
            .as_ref()
            .map(|recording_ports| recording_ports.take())
            .unwrap_or_default()
    }
}
