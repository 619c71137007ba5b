//! One worker: an operation after the other, each timed from when it was due.

use crate::backend::{Backend, Failure};
use crate::chance::Chance;
use crate::keys::KeySpace;
use crate::latency::Latency;
use crate::mix::{Mix, Operation};
use crate::safety::Safety;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// One of so many writes increments the worker's counter.
const WRITES_PER_COUNT: u64 = 8;
/// The most that one transfer moves.
const AMOUNT_MAX: u64 = 10;
/// After a failure, so that a cluster that refuses everything is not asked a million times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// What all workers share.
pub(crate) struct Work<B> {
    pub(crate) backend: Arc<B>,
    pub(crate) keys: KeySpace,
    pub(crate) mix: Mix,
    pub(crate) safety: Safety,
    pub(crate) scan_limit: u32,
    pub(crate) pace: Pace,
    pub(crate) stop: AtomicBool,
}

/// When the next operation is due.
pub(crate) struct Pace {
    began: Instant,
    /// Operations a second; 0 is as fast as can be.
    rate: f64,
    limit: u64,
    /// No operation is due after this, however late the run is stopped.
    end: Instant,
    next: AtomicU64,
}

impl Pace {
    pub(crate) fn new(began: Instant, duration: Duration, rate: f64, limit: Option<u64>) -> Self {
        Self {
            began,
            rate,
            limit: limit.unwrap_or(u64::MAX),
            end: began + duration,
            next: AtomicU64::new(0),
        }
    }

    /// The end of the time.
    pub(crate) fn end(&self) -> Instant {
        self.end
    }

    /// Takes a place in the queue; `None` when all were given out, or the time is over.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run has far fewer than 2^53 operations"
    )]
    fn take(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.limit {
            return None;
        }
        let wait_s = if self.rate > 0.0 {
            number as f64 / self.rate
        } else {
            0.0
        };
        let due = self
            .began
            .checked_add(Duration::try_from_secs_f64(wait_s).ok()?)?;
        (due.max(Instant::now()) < self.end).then_some(due)
    }
}

/// What one worker saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorkerStats {
    pub(crate) latency: BTreeMap<Operation, Latency>,
    pub(crate) failed: BTreeMap<(Operation, &'static str), u64>,
    /// One text of each kind of failure.
    pub(crate) examples: BTreeMap<&'static str, String>,
}

impl WorkerStats {
    fn record(&mut self, operation: Operation, took: Duration, result: &Result<(), Failure>) {
        match result {
            Ok(()) => {
                let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.latency.entry(operation).or_default().record(us);
            }
            Err(failure) => {
                *self.failed.entry((operation, failure.kind())).or_default() += 1;
                self.examples
                    .entry(failure.kind())
                    .or_insert_with(|| failure.text());
            }
        }
    }

    /// Takes over everything that another one saw.
    pub(crate) fn add(&mut self, other: &Self) {
        for (operation, latency) in &other.latency {
            self.latency.entry(*operation).or_default().add(latency);
        }
        for (key, count) in &other.failed {
            *self.failed.entry(*key).or_default() += count;
        }
        for (kind, text) in &other.examples {
            self.examples.entry(kind).or_insert_with(|| text.clone());
        }
    }
}

/// A worker's own statistics, which the progress bar reads.
pub(crate) type Shared = Arc<Mutex<WorkerStats>>;

/// Locks them.
pub(crate) fn stats_of(shared: &Shared) -> MutexGuard<'_, WorkerStats> {
    shared.lock()
}

/// Works until the run is stopped.
pub(crate) async fn work<B: Backend>(
    work: Arc<Work<B>>,
    worker: u32,
    mut chance: Chance,
    shared: Shared,
) {
    while !work.stop.load(Ordering::Relaxed) {
        let Some(due) = work.pace.take() else { return };
        if !wait_until(due, &work.stop).await {
            return;
        }
        // Without a rate nothing waits; with one, an operation that had to wait for a slow one is recorded as slow too.
        let began = if work.pace.rate > 0.0 {
            due
        } else {
            Instant::now()
        };
        let operation = work.mix.pick(&mut chance);
        // The backend has a deadline for every operation.
        let result = act(&work, worker, operation, &mut chance).await;
        stats_of(&shared).record(operation, began.elapsed(), &result);
        if result.is_err() {
            tokio::time::sleep_until(Instant::now() + AFTER_FAILURE).await;
        } else {
            // A store that answers without waiting would never let the others run.
            tokio::task::yield_now().await;
        }
    }
}

/// Waits in small steps, so that the end of the run is noticed; returns whether the run continues.
async fn wait_until(due: Instant, stop: &AtomicBool) -> bool {
    const STEP: Duration = Duration::from_millis(100);
    while Instant::now() < due {
        tokio::time::sleep_until(due.min(Instant::now() + STEP)).await;
        if stop.load(Ordering::Relaxed) {
            return false;
        }
    }
    true
}

async fn act<B: Backend>(
    work: &Work<B>,
    worker: u32,
    operation: Operation,
    chance: &mut Chance,
) -> Result<(), Failure> {
    let backend = work.backend.as_ref();
    let keys = &work.keys;
    match operation {
        Operation::Read => backend.get(keys.key(chance)).await.map(drop),
        Operation::Write if chance.below(WRITES_PER_COUNT) == 0 => {
            work.safety.count_up(backend, keys, worker).await
        }
        Operation::Write => {
            let entry = keys.entry(chance);
            backend.put(entry.key, entry.value).await
        }
        Operation::Scan => {
            let (from, to) = keys.range(chance);
            backend.scan(from, to, work.scan_limit).await.map(drop)
        }
        Operation::Delete => backend.delete(keys.key(chance)).await,
        Operation::Transfer => transfer(work, chance).await,
    }
}

async fn transfer<B: Backend>(work: &Work<B>, chance: &mut Chance) -> Result<(), Failure> {
    let accounts = work.safety.accounts();
    let from = chance.below(accounts);
    let to = (from + 1 + chance.below(accounts.saturating_sub(1))) % accounts.max(1);
    let amount = i64::try_from(1 + chance.below(AMOUNT_MAX)).unwrap_or(1);
    match (work.safety.account(from), work.safety.account(to)) {
        (Some(from), Some(to)) if from != to => work.backend.transfer(from, to, amount).await,
        _ => Ok(()),
    }
}
