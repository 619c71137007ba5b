//! One tick of all checks.

use crate::CheckSet;
use crate::fault::explain;
use crate::history::CheckHistory;
use crate::verdict_cache::VerdictCache;
use crate::version::Version;
use operator_data::Snapshot;
use operator_model::{CheckDeclaration, GapSource, Status, Verdict};
use operator_plugin_host::{Evaluated, InvariantModule, Outcome, PluginFailure};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};

/// One check that has to be answered in this tick.
pub(super) struct Job {
    pub(super) source: String,
    pub(super) module: Arc<Version>,
    pub(super) check: CheckDeclaration,
    pub(super) state: Option<Vec<u8>>,
    /// Why it is not run.
    pub(super) blocked: Option<String>,
    /// It belongs to a version that does not count.
    pub(super) beside: bool,
    /// What it answered last.
    pub(super) verdict_cache: Option<Arc<VerdictCache>>,
}

/// A job with its end.
pub(super) struct JobOutcome {
    pub(super) job: Job,
    pub(super) evaluated: Option<Evaluated>,
}

impl CheckSet {
    pub(super) fn run(&self, snapshot: &Arc<Snapshot>) -> Vec<Verdict> {
        let active = self.active.load_full();
        let mut jobs: Vec<Job> = {
            let history = self.history();
            active
                .iter()
                .flat_map(|(source, module)| jobs(&history, source, module, snapshot, false))
                .collect()
        };
        jobs.extend(self.trial_jobs(snapshot));
        let ended = self.evaluate_all(jobs, snapshot);
        let (others, counted): (Vec<JobOutcome>, Vec<JobOutcome>) =
            ended.into_iter().partition(|ended| ended.job.beside);
        let faults = self.compare_trials(&counted, &others, snapshot);
        let replaced: BTreeSet<String> = faults
            .into_iter()
            .filter_map(|fault| Some(fault.source.clone()).filter(|_| self.end_trial(fault)))
            .collect();
        let mut verdicts = Vec::with_capacity(counted.len());
        for JobOutcome { job, evaluated } in counted {
            if !replaced.contains(&job.source) {
                verdicts.push(self.settle(job, evaluated, snapshot));
            }
        }
        for JobOutcome { job, evaluated } in others {
            if replaced.contains(&job.source) {
                verdicts.push(self.settle(job, evaluated, snapshot));
            } else {
                self.settle_beside(job, evaluated, snapshot);
            }
        }
        verdicts.sort_by(|a, b| a.check.cmp(&b.check));
        self.end_trial_tick();
        self.ring().keep(
            snapshot,
            &verdicts,
            self.engine.limits().rehearsal_snapshots,
        );
        verdicts
    }

    /// Jobs of the versions that do not count.
    fn trial_jobs(&self, snapshot: &Snapshot) -> Vec<Job> {
        let swaps = self.swaps();
        let trials = swaps.trials.iter();
        trials
            .flat_map(|(source, trial)| jobs(&trial.history, source, &trial.other, snapshot, true))
            .collect()
    }

    /// Remembers how a check of a version next to the active one ended.
    fn settle_beside(&self, job: Job, evaluated: Option<Evaluated>, snapshot: &Snapshot) {
        let tick = snapshot.tick;
        let limits = self.engine.limits();
        let (Some(evaluated), mut swaps) = (evaluated, self.swaps()) else {
            return;
        };
        let Some(trial) = swaps.trials.get_mut(&job.source) else {
            return;
        };
        match evaluated.result {
            Ok(mut outcome) => drop(trial.history.succeeded(
                &job.check.id,
                outcome.state.take(),
                tick,
                limits,
            )),
            Err(failure) => trial.history.failed(
                &job.check.id,
                &job.module.info().name,
                &failure,
                tick,
                limits,
            ),
        }
    }

    /// Runs everything that is not blocked, a few at a time. The order in which they end is lost.
    pub(super) fn evaluate_all(&self, jobs: Vec<Job>, snapshot: &Arc<Snapshot>) -> Vec<JobOutcome> {
        let threads = self
            .engine
            .limits()
            .check_threads
            .clamp(1, jobs.len().max(1));
        let next = AtomicUsize::new(0);
        let mut results: Vec<Option<Evaluated>> = jobs.iter().map(|_| None).collect();
        let ended: Vec<(usize, Evaluated)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| work(&jobs, &next, snapshot)))
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_else(lost_results))
                .collect()
        });
        for (index, evaluated) in ended {
            if let Some(result) = results.get_mut(index) {
                *result = Some(evaluated);
            }
        }
        jobs.into_iter()
            .zip(results)
            .map(|(job, evaluated)| JobOutcome { job, evaluated })
            .collect()
    }

    /// Remembers how it ended, and reports it.
    fn settle(&self, job: Job, evaluated: Option<Evaluated>, snapshot: &Snapshot) -> Verdict {
        let Job {
            module,
            check,
            blocked,
            state,
            ..
        } = job;
        if let Some(reason) = blocked {
            return inconclusive(&module, &check, reason, 0);
        }
        let lost = || {
            let failure = PluginFailure::Host("its worker ended early".to_owned());
            Evaluated {
                result: Err(failure),
                fuel: 0,
                memory_bytes: 0,
                reads: None,
            }
        };
        let mut evaluated = evaluated.unwrap_or_else(lost);
        let verdict_cache = VerdictCache::of(&module, state.as_deref(), &mut evaluated);
        let Evaluated { result, fuel, .. } = evaluated;
        let tick = snapshot.tick;
        let limits = self.engine.limits();
        match result {
            Ok(mut outcome) => {
                let mut history = self.history();
                history.remember(&check.id, verdict_cache);
                let on_trial = history.succeeded(&check.id, outcome.state.take(), tick, limits);
                drop(history);
                if on_trial {
                    shadowed(&module, &check, &outcome, fuel)
                } else {
                    concluded(&module, &check, outcome, fuel)
                }
            }
            Err(failure) => {
                let fault = explain(&module, &check, state.as_deref(), snapshot, &failure, fuel);
                tracing::warn!(target: "operator_plugin_host", %fault, "check failed");
                let mut history = self.history();
                history.explain(fault);
                history.failed(&check.id, &module.info().name, &failure, tick, limits);
                inconclusive(&module, &check, format!("the check {failure}"), fuel)
            }
        }
    }
}

/// The jobs of one check plugin, with its check history.
pub(super) fn jobs(
    history: &CheckHistory,
    source: &str,
    module: &Arc<Version>,
    snapshot: &Snapshot,
    beside: bool,
) -> Vec<Job> {
    let job = |check: &CheckDeclaration| {
        let record = history.record(&check.id);
        let blocked = record
            .quarantined(snapshot.tick)
            .or_else(|| missing_tables(check, snapshot));
        let module = Arc::clone(module);
        let check = check.clone();
        let verdict_cache = history.verdict_cache(&check.id);
        Job {
            source: source.to_owned(),
            module,
            check,
            state: record.state,
            blocked,
            beside,
            verdict_cache,
        }
    };
    module.checks().iter().map(job).collect()
}

/// Takes one job after the other until none is left. Guests wait for nothing but, at worst, an
/// empty WASI clock, so each worker drives its own calls.
fn work(jobs: &[Job], next: &AtomicUsize, snapshot: &Arc<Snapshot>) -> Vec<(usize, Evaluated)> {
    let mut ended = Vec::new();
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
        return ended;
    };
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else {
            return ended;
        };
        if job.blocked.is_none() {
            ended.push((index, answer(job, snapshot, &runtime)));
        }
    }
}

/// A worker that panics loses its results; those checks are inconclusive. In the debug profile the
/// panic propagates, so a cached verdict that differs from a fresh one fails the test.
fn lost_results(panic: Box<dyn Any + Send>) -> Vec<(usize, Evaluated)> {
    if cfg!(debug_assertions) {
        std::panic::resume_unwind(panic);
    }
    Vec::new()
}

/// What it answered last while nothing changed that it read; else it is called.
fn answer(job: &Job, snapshot: &Arc<Snapshot>, runtime: &Runtime) -> Evaluated {
    let state = job.state.as_deref();
    let call = || runtime.block_on(job.module.evaluate(&job.check, snapshot, state));
    let Some(again) = job
        .verdict_cache
        .as_ref()
        .and_then(|verdict_cache| verdict_cache.again(&job.module, state, snapshot))
    else {
        return call();
    };
    if cfg!(debug_assertions) {
        let called = call();
        let told = format!("{:?}", again.result);
        let asked = format!("{:?}", called.result);
        assert!(
            told == asked && again.fuel == called.fuel,
            "{}: the cached verdict {told} differs from {asked}",
            job.check.id
        );
    }
    again
}

/// A check is inconclusive without the tables that it reads.
fn missing_tables(check: &CheckDeclaration, snapshot: &Snapshot) -> Option<String> {
    let missing = check
        .tables
        .iter()
        .filter(|table| !snapshot.tables.contains_key(*table));
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
    let of_table = |source: &GapSource| matches!(source, GapSource::Table(name) if name == table);
    let of_subject = |source: &GapSource| matches!(source, GapSource::Subject(_));
    let find = |matches: &dyn Fn(&GapSource) -> bool| {
        snapshot.blind.iter().find(|gap| matches(&gap.source))
    };
    find(&of_table)
        .or_else(|| find(&of_subject))
        .map(|spot| spot.reason.as_str())
}

fn concluded(
    module: &InvariantModule,
    check: &CheckDeclaration,
    outcome: Outcome,
    fuel: u64,
) -> Verdict {
    let worst = outcome
        .violations
        .iter()
        .map(|violation| violation.severity)
        .max();
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
fn shadowed(
    module: &InvariantModule,
    check: &CheckDeclaration,
    outcome: &Outcome,
    fuel: u64,
) -> Verdict {
    let said = match outcome.status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
    };
    let reason = format!(
        "half-open after its quarantine: the result was {said}; verdicts are used again from the next tick"
    );
    inconclusive(module, check, reason, fuel)
}

fn inconclusive(
    module: &InvariantModule,
    check: &CheckDeclaration,
    reason: String,
    fuel: u64,
) -> Verdict {
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
