//! What must hold whatever happens to the cluster: money is neither made nor lost, and what was acknowledged is read.

use crate::backend::{Backend, Failure, Found, balance};
use crate::keys::KeySpace;
use futures_util::future::{join, join_all};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use std::collections::BTreeSet;

/// What each account begins with.
const OPENING_BALANCE: i64 = 1_000;
/// Violations that are reported; more of them add no information.
const VIOLATIONS_MAX: usize = 20;
/// Counters that are looked at in one check.
const COUNTERS_PER_CHECK: usize = 64;

/// What was checked and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SafetyReport {
    /// Times that all accounts were read at one moment and added up.
    pub(crate) bank_sums: u64,
    /// Times that a counter was read and compared with what was acknowledged before.
    pub(crate) counter_reads: u64,
    /// Checks that got no answer.
    pub(crate) unanswered: u64,
    /// What does not hold.
    pub(crate) violations: Vec<String>,
}

/// Remembers what the cluster promised.
pub(crate) struct Safety {
    accounts: Vec<Vec<u8>>,
    /// The sum that must stay; `None` where there are no transactions.
    expected: Option<i64>,
    counters: Vec<Mutex<Counter>>,
    report: Mutex<SafetyReport>,
}

/// A counter that only one worker increments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counter {
    /// A write without an answer may still come late, so the worker goes on with a new key.
    generation: u64,
    /// A write was begun and not yet answered. If it still is when the next one begins, the worker gave up waiting.
    is_written: bool,
    /// Written and acknowledged.
    acknowledged: u64,
    /// Read before.
    seen: u64,
}

impl Counter {
    /// Nothing can be promised of a key that may or may not have been written, now or later.
    fn renewed(self) -> Self {
        Self {
            generation: self.generation + 1,
            ..Self::default()
        }
    }
}

impl SafetyReport {
    /// Whether anything at all could be checked.
    pub(crate) fn is_known(&self) -> bool {
        self.bank_sums + self.counter_reads > 0
    }
}

impl Safety {
    /// Opens the accounts, if there are transactions, and takes their sum as the truth.
    pub(crate) async fn prepare<B: Backend>(
        backend: &B,
        keys: &KeySpace,
        accounts: Option<u32>,
        workers: u32,
    ) -> Result<Self, Failure> {
        let of = accounts.unwrap_or_default();
        let accounts: Vec<Vec<u8>> = (0..of).map(|number| keys.account(of, number)).collect();
        let mut expected = None;
        if !accounts.is_empty() {
            backend
                .fill(accounts.clone(), OPENING_BALANCE.to_string().into_bytes())
                .await?;
            expected = Some(sum(&backend.read_together(accounts.clone()).await?));
        }
        let counters = (0..workers).map(|_| Mutex::default()).collect();
        Ok(Self {
            accounts,
            expected,
            counters,
            report: Mutex::default(),
        })
    }

    /// An account by number.
    pub(crate) fn account(&self, number: u64) -> Option<Vec<u8>> {
        self.accounts.get(usize::try_from(number).ok()?).cloned()
    }

    /// Number of accounts.
    pub(crate) fn accounts(&self) -> u64 {
        self.accounts.len() as u64
    }

    /// Increments a worker's counter, and records the outcome.
    pub(crate) async fn count_up<B: Backend>(
        &self,
        backend: &B,
        keys: &KeySpace,
        worker: u32,
    ) -> Result<(), Failure> {
        let Some(slot) = self.slot(worker) else {
            return Ok(());
        };
        let counter = begun(slot);
        let next = counter.acknowledged + 1;
        let written = backend
            .put(
                keys.counter(worker, counter.generation),
                next.to_string().into_bytes(),
            )
            .await;
        let mut counter = lock(slot);
        match written {
            Ok(()) => (counter.acknowledged, counter.is_written) = (next, false),
            Err(_) => *counter = counter.renewed(),
        }
        written
    }

    /// Checks everything once, all at the same time: a check ends when one operation would. A check without an answer says
    /// nothing about safety.
    pub(crate) async fn check<B: Backend>(&self, backend: &B, keys: &KeySpace) {
        let workers =
            (0..u32::try_from(self.counters.len()).unwrap_or(u32::MAX)).take(COUNTERS_PER_CHECK);
        let counters = join_all(workers.map(|worker| self.check_counter(backend, keys, worker)));
        let (bank, counters) = join(self.check_bank(backend), counters).await;
        let unanswered = counters
            .iter()
            .chain([&bank])
            .filter(|answer| answer.is_err())
            .count();
        self.report().unanswered += u64::try_from(unanswered).unwrap_or_default();
    }

    /// What was found.
    pub(crate) fn into_report(self) -> SafetyReport {
        self.report.into_inner()
    }

    /// Violations so far.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.report().violations.clone()
    }

    async fn check_bank<B: Backend>(&self, backend: &B) -> Result<(), Failure> {
        let Some(expected) = self.expected else {
            return Ok(());
        };
        let found = sum(&backend.read_together(self.accounts.clone()).await?);
        let mut report = self.report();
        report.bank_sums += 1;
        if found != expected {
            let accounts = self.accounts.len();
            violated(
                &mut report,
                format!("the sum of {accounts} accounts is {found}, it must be {expected}"),
            );
        }
        Ok(())
    }

    async fn check_counter<B: Backend>(
        &self,
        backend: &B,
        keys: &KeySpace,
        worker: u32,
    ) -> Result<(), Failure> {
        let Some(slot) = self.slot(worker) else {
            return Ok(());
        };
        let before = *lock(slot);
        let found = backend.get(keys.counter(worker, before.generation)).await?;
        let found = u64::try_from(balance(&found)).unwrap_or_default();
        let mut counter = lock(slot);
        if counter.generation != before.generation {
            return Ok(());
        }
        counter.seen = counter.seen.max(found);
        let mut report = self.report();
        report.counter_reads += 1;
        if found < before.acknowledged {
            let acknowledged = before.acknowledged;
            violated(
                &mut report,
                format!("counter {worker} reads {found} after {acknowledged} was acknowledged"),
            );
        } else if found < before.seen {
            violated(
                &mut report,
                format!(
                    "counter {worker} reads {found} after {} was read",
                    before.seen
                ),
            );
        }
        Ok(())
    }

    fn slot(&self, worker: u32) -> Option<&Mutex<Counter>> {
        self.counters.get(usize::try_from(worker).ok()?)
    }

    fn report(&self) -> MutexGuard<'_, SafetyReport> {
        lock(&self.report)
    }
}

/// The counter as its next write finds it.
fn begun(slot: &Mutex<Counter>) -> Counter {
    let mut counter = lock(slot);
    if counter.is_written {
        *counter = counter.renewed();
    }
    counter.is_written = true;
    *counter
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

fn sum(found: &[Found]) -> i64 {
    found.iter().map(balance).sum()
}

fn violated(report: &mut SafetyReport, what: String) {
    let known: BTreeSet<&String> = report.violations.iter().collect();
    if !known.contains(&what) && report.violations.len() < VIOLATIONS_MAX {
        report.violations.push(what);
    }
}

#[cfg(test)]
mod tests;
