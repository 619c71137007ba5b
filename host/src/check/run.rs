//! One tick of all checks.

use crate::check::CheckSet;
use crate::check::fault::explain;
use crate::model::{CheckDeclaration, Snapshot, Status, Verdict};
use crate::plugin::{Evaluated, InvariantModule, Outcome, PluginFailure};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One check that has to be answered in this tick.
struct Job {
    source: String,
    module: Arc<InvariantModule>,
    check: CheckDeclaration,
    state: Option<Vec<u8>>,
    /// Why it is not run.
    blocked: Option<String>,
}

impl CheckSet {
    pub(super) fn run(&self, snapshot: &Arc<Snapshot>) -> Vec<Verdict> {
        let roster = self.roster.load_full();
        let jobs: Vec<Job> = roster.iter().flat_map(|(source, module)| self.jobs(source, module, snapshot)).collect();
        let mut ended = self.evaluate_all(jobs, snapshot);
        for (source, reason) in self.failed_on_probation(&ended) {
            if let Some(restored) = self.roll_back(&source, &reason) {
                ended.retain(|(job, _)| job.source != source);
                let again = self.jobs(&source, &restored, snapshot);
                ended.extend(self.evaluate_all(again, snapshot));
            }
        }
        let mut verdicts: Vec<Verdict> =
            ended.into_iter().map(|(job, evaluated)| self.settle(job, evaluated, snapshot)).collect();
        verdicts.sort_by(|a, b| a.check.cmp(&b.check));
        self.book().end_tick();
        verdicts
    }

    fn jobs(&self, source: &str, module: &Arc<InvariantModule>, snapshot: &Snapshot) -> Vec<Job> {
        let book = self.book();
        let job = |check: &CheckDeclaration| {
            let record = book.record(&check.id);
            let blocked = record.quarantined(snapshot.tick).or_else(|| missing_tables(check, snapshot));
            let (module, check) = (Arc::clone(module), check.clone());
            Job { source: source.to_owned(), module, check, state: record.state, blocked }
        };
        module.checks().iter().map(job).collect()
    }

    /// Runs everything that is not blocked, a few at a time. The order in which they end is lost.
    fn evaluate_all(&self, jobs: Vec<Job>, snapshot: &Arc<Snapshot>) -> Vec<(Job, Option<Evaluated>)> {
        let threads = self.engine.limits().check_threads.clamp(1, jobs.len().max(1));
        let next = AtomicUsize::new(0);
        let mut results: Vec<Option<Evaluated>> = jobs.iter().map(|_| None).collect();
        let ended: Vec<(usize, Evaluated)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&jobs, &next, snapshot))).collect();
            // A worker that panics loses its results; those checks are inconclusive.
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        for (index, evaluated) in ended {
            if let Some(result) = results.get_mut(index) {
                *result = Some(evaluated);
            }
        }
        jobs.into_iter().zip(results).collect()
    }

    /// Modules on probation of which a check failed, with the failure.
    fn failed_on_probation(&self, ended: &[(Job, Option<Evaluated>)]) -> Vec<(String, String)> {
        let book = self.book();
        let mut failed: Vec<(String, String)> = ended
            .iter()
            .filter(|(job, _)| book.probations.contains_key(&job.source))
            .filter_map(|(job, evaluated)| {
                let failure = evaluated.as_ref()?.result.as_ref().err()?;
                failure.is_strike().then(|| (job.source.clone(), format!("{}: it {failure}", job.check.id)))
            })
            .collect();
        failed.dedup_by(|later, earlier| later.0 == earlier.0);
        failed
    }

    /// Remembers how it ended, and says it.
    fn settle(&self, job: Job, evaluated: Option<Evaluated>, snapshot: &Snapshot) -> Verdict {
        let Job { module, check, blocked, state, .. } = job;
        if let Some(reason) = blocked {
            return inconclusive(&module, &check, reason, 0);
        }
        let lost = || {
            let failure = PluginFailure::Host("its worker ended early".to_owned());
            Evaluated { result: Err(failure), fuel: 0, memory_bytes: 0 }
        };
        let Evaluated { result, fuel, .. } = evaluated.unwrap_or_else(lost);
        let (tick, limits) = (snapshot.tick, self.engine.limits());
        match result {
            Ok(mut outcome) => {
                let on_trial = self.book().succeeded(&check.id, outcome.state.take(), tick, limits);
                if on_trial {
                    shadowed(&module, &check, &outcome, fuel)
                } else {
                    concluded(&module, &check, outcome, fuel)
                }
            }
            Err(failure) => {
                let fault = explain(&module, &check, state.as_deref(), snapshot, &failure, fuel);
                tracing::warn!(target: "operator::plugin", %fault, "A check failed.");
                let mut book = self.book();
                book.explain(fault);
                book.failed(&check.id, &module.info().name, &failure, tick, limits);
                inconclusive(&module, &check, format!("the check {failure}"), fuel)
            }
        }
    }
}

/// Takes one job after the other until none is left. Guests wait for nothing but, at worst, an empty
/// WASI clock, so each worker drives its own calls.
fn work(jobs: &[Job], next: &AtomicUsize, snapshot: &Arc<Snapshot>) -> Vec<(usize, Evaluated)> {
    let mut ended = Vec::new();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return ended };
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else { return ended };
        if job.blocked.is_none() {
            let call = job.module.evaluate(&job.check, snapshot, job.state.as_deref());
            ended.push((index, runtime.block_on(call)));
        }
    }
}

/// A check cannot tell without the tables that it reads.
fn missing_tables(check: &CheckDeclaration, snapshot: &Snapshot) -> Option<String> {
    let missing = check.tables.iter().filter(|table| !snapshot.tables.contains_key(*table));
    let sentences: Vec<String> = missing
        .map(|table| match why_unseen(table, snapshot) {
            Some(reason) => format!("table {table} was not observed: {reason}"),
            None => format!("table {table} was not observed"),
        })
        .collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

/// The reason for this table, or for the subject as a whole.
fn why_unseen<'a>(table: &str, snapshot: &'a Snapshot) -> Option<&'a str> {
    let of_table = |source: &str| source.strip_prefix("table:") == Some(table);
    let of_subject = |source: &str| source.starts_with("subject:");
    let find = |matches: &dyn Fn(&str) -> bool| snapshot.blind.iter().find(|spot| matches(&spot.source));
    find(&of_table).or_else(|| find(&of_subject)).map(|spot| spot.reason.as_str())
}

fn concluded(module: &InvariantModule, check: &CheckDeclaration, outcome: Outcome, fuel: u64) -> Verdict {
    let worst = outcome.violations.iter().map(|violation| violation.severity).max();
    Verdict {
        status: outcome.status,
        severity: worst.unwrap_or(check.severity),
        reason: outcome.reason,
        violations: outcome.violations,
        passed: outcome.passed,
        fuel,
        ..inconclusive(module, check, String::new(), fuel)
    }
}

/// After a quarantine the first answer is looked at and not counted.
fn shadowed(module: &InvariantModule, check: &CheckDeclaration, outcome: &Outcome, fuel: u64) -> Verdict {
    let said = match outcome.status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
    };
    let reason = format!("on trial after its quarantine: it answered {said}, and counts again from the next tick");
    inconclusive(module, check, reason, fuel)
}

fn inconclusive(module: &InvariantModule, check: &CheckDeclaration, reason: String, fuel: u64) -> Verdict {
    Verdict {
        check: check.id.clone(),
        module: module.info().name.clone(),
        status: Status::Inconclusive,
        severity: check.severity,
        claim: check.claim.clone(),
        hold_ms: check.hold_ms,
        reason,
        violations: Vec::new(),
        passed: Vec::new(),
        fuel,
    }
}
