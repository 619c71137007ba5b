//! The first two stages: one look at the system, frozen.

use crate::egress::{Audit, Egress, EgressCounters, TargetRequest};
use crate::model::knowledge::KnowledgeBase;
use crate::model::{SeriesStore, Snapshot, Tick, Timestamp};
use crate::observe;
use crate::observed_clock::ObservedClock;
use crate::plugin::Subject;
use crate::ports::{Clock, Method};
use crate::recording::{Seen, Tap};
use crate::snapshot::{self, FreezeInput, Tables};
use crate::tick::{Eyes, Looking};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the first question for the time may take.
const PRIME_MS: u64 = 2_000;

/// A subject with everything that it looks through.
pub struct Observer {
    pub(super) subject: Subject,
    pub(super) egress: Arc<Egress>,
    pub(super) series: Arc<Mutex<SeriesStore>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observed_clock: Arc<ObservedClock>,
    pub(super) past: Vec<Arc<Tables>>,
    pub(super) history_ticks: usize,
    pub(super) deadline_ms: u64,
    /// What passes through the ports, while it is recorded.
    pub(super) tap: Option<Arc<Tap>>,
}

impl Observer {
    /// Asks the targets for the time until one says it. The first samples would otherwise be stamped with
    /// our own time, and later ones, if the observed system is behind us, could not follow them.
    pub async fn prime(&self) {
        self.egress.begin_tick(self.clock.now().plus_ms(PRIME_MS));
        for target in self.egress.targets() {
            let request = TargetRequest {
                target,
                method: Method::Head,
                path_and_query: "/".to_owned(),
                headers: Vec::new(),
                timeout: Some(Duration::from_millis(PRIME_MS)),
            };
            if self.egress.send(request).await.is_ok_and(|answer| answer.server_date.is_some()) {
                return;
            }
        }
    }

    /// Looks once and freezes what was seen.
    pub async fn look(&mut self, tick: Tick) -> Arc<Snapshot> {
        let host_at = self.clock.now();
        let taken_at = self.observed_clock.now(host_at);
        let budget = Duration::from_millis(self.deadline_ms);
        let observed = observe::observe(&mut self.subject, tick, taken_at, budget).await;
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let snapshot = snapshot::freeze(FreezeInput {
            tick,
            taken_at,
            host_at,
            subject: &self.subject.info().name,
            observed,
            series: &series,
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

    /// Name and version of the subject.
    #[must_use]
    pub fn subject(&self) -> String {
        let info = self.subject.info();
        format!("{} {}", info.name, info.version)
    }

    /// Name of the subject and digest of its component.
    #[must_use]
    pub fn plugin(&self) -> (String, String) {
        (self.subject.info().name.clone(), self.subject.digest().0.clone())
    }

    /// The subject's expertise.
    #[must_use]
    pub fn knowledge(&self) -> &Arc<KnowledgeBase> {
        self.subject.knowledge()
    }

    /// The time of the observed system.
    #[must_use]
    pub fn observed_now(&self) -> Timestamp {
        self.observed_clock.now(self.clock.now())
    }
}

impl Eyes for Observer {
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

    fn prime(&self) -> Looking<'_, ()> {
        Box::pin(Self::prime(self))
    }

    fn look(&mut self, tick: Tick) -> Looking<'_, Arc<Snapshot>> {
        Box::pin(Self::look(self, tick))
    }

    fn egress(&self) -> EgressCounters {
        self.egress.counters()
    }

    fn seen(&self) -> Seen {
        self.tap.as_ref().map(|tap| tap.take()).unwrap_or_default()
    }
}
