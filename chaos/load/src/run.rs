//! A run from the first contact to the report.

use crate::backend::{Backend, Failure};
use crate::chance::{Chance, Skew};
use crate::keys::KeySpace;
use crate::mix::Operation;
use crate::options::{BackendKind, Mode, Options};
use crate::progress::Progress;
use crate::report::Report;
use crate::safety::Safety;
use crate::stop;
use crate::worker::{self, Pace, Shared, Work, WorkerStats, stats_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Refresh interval of the progress bar.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// Between two attempts to prepare.
const PREPARE_AGAIN: Duration = Duration::from_millis(200);

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum NoReport {
    /// The cluster does not answer the first questions, or nothing is left to do.
    Unreachable(String),
    /// It was asked to stop, and asked again before it could.
    StoppedTwice,
}

/// Runs as the options say.
pub(crate) async fn run<B: Backend>(
    backend: Arc<B>,
    options: &Options,
) -> Result<Report, NoReport> {
    let work = Arc::new(
        prepare(backend, options)
            .await
            .map_err(NoReport::Unreachable)?,
    );
    let progress = Progress::new(options);
    let shared: Vec<Shared> = (0..options.workers).map(|_| Shared::default()).collect();
    let mut workers = JoinSet::new();
    for (number, shared) in (0..options.workers).zip(&shared) {
        let chance = Chance::new(options.seed, u64::from(number) + 1);
        workers.spawn(worker::work(
            Arc::clone(&work),
            number,
            chance,
            Arc::clone(shared),
        ));
    }
    let began = Instant::now();
    let checker = tokio::spawn(check_until_stopped(Arc::clone(&work), options.check_every));
    let interrupted = watch(&mut workers, &work, &shared, &progress).await;
    work.stop.store(true, Ordering::Relaxed);
    progress.stop(interrupted);
    let ending = async {
        // Each operation has a deadline, so this ends.
        while workers.join_next().await.is_some() {}
        let took = began.elapsed();
        let _ = checker.await;
        work.safety.check(work.backend.as_ref(), &work.keys).await;
        took
    };
    let took = tokio::select! {
        took = ending => took,
        () = impatient(interrupted) => return Err(NoReport::StoppedTwice),
    };
    progress.finish(&work.safety.violations());
    let all = sum(&shared);
    let work = Arc::into_inner(work)
        .ok_or_else(|| NoReport::Unreachable("a worker did not end".to_owned()))?;
    Ok(Report::new(
        options,
        &all,
        took,
        interrupted,
        work.safety.into_report(),
    ))
}

/// Ends when the run was asked to stop twice.
async fn impatient(interrupted: bool) {
    if !interrupted {
        stop::asked().await;
    }
    stop::asked().await;
}

async fn prepare<B: Backend>(backend: Arc<B>, options: &Options) -> Result<Work<B>, String> {
    let users = Skew::new(
        options.users,
        options.zipf,
        options.hot_keys,
        options.hot_share,
    );
    let value_bytes = usize::try_from(options.value_bytes).unwrap_or(usize::MAX);
    let keys = KeySpace::new(&options.prefix(), users, value_bytes).of_run(name());
    // Only transactions can keep a sum.
    let banks = options.mode == Mode::Txn;
    let mix = if banks {
        Some(options.mix.clone())
    } else {
        options.mix.without(Operation::Transfer)
    };
    let mix = mix.ok_or_else(|| "there is nothing to do".to_owned())?;
    let safety = opened(backend.as_ref(), &keys, options).await?;
    Ok(Work {
        backend,
        keys,
        mix,
        safety,
        scan_limit: options.scan_limit,
        pace: Pace::new(
            Instant::now(),
            options.duration,
            options.rate,
            options.operations,
        ),
        stop: AtomicBool::new(false),
    })
}

/// A name that no other run has.
#[expect(clippy::disallowed_methods, reason = "a run takes place in real time")]
fn name() -> String {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:x}-{:x}", since_1970.as_millis(), std::process::id())
}

/// Asks the cluster until it answers or the time is over: another run may be opening the same accounts, or may have left
/// locks on them when it was killed.
async fn opened<B: Backend>(
    backend: &B,
    keys: &KeySpace,
    options: &Options,
) -> Result<Safety, String> {
    let accounts = (options.mode == Mode::Txn).then_some(options.accounts);
    let end = Instant::now() + options.connect_timeout;
    let mut last = Failure::Timeout;
    loop {
        let preparing = async {
            let _ = backend.get(keys.account(options.accounts, 0)).await?;
            Safety::prepare(backend, keys, accounts, options.workers).await
        };
        match tokio::time::timeout_at(end, preparing).await {
            Ok(Ok(safety)) => return Ok(safety),
            Ok(Err(failure)) => last = failure,
            Err(_) => return Err(unreachable(options, &last)),
        }
        tokio::time::sleep_until(end.min(Instant::now() + PREPARE_AGAIN)).await;
    }
}

fn unreachable(options: &Options, failure: &Failure) -> String {
    let place = match options.backend {
        BackendKind::Tikv => format!("the cluster of PD {}", options.pd.join(", ")),
        BackendKind::Memory => "the memory".to_owned(),
    };
    let waited_s = options.connect_timeout.as_secs_f64();
    format!(
        "{place} does not serve within {waited_s} s (--connect-timeout): {}",
        failure.text()
    )
}

/// Completes when the time is up, the work is done, or a signal arrives; returns whether one did.
async fn watch<B: Backend>(
    workers: &mut JoinSet<()>,
    work: &Work<B>,
    shared: &[Shared],
    progress: &Progress,
) -> bool {
    let mut ticks = tokio::time::interval(SHOW_EVERY);
    let interrupted = stop::asked();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(work.pace.end()) => return false,
            () = &mut interrupted => return true,
            ended = workers.join_next() => if ended.is_none() { return false },
            _ = ticks.tick() => progress.show(&sum(shared), &work.safety.violations()),
        }
    }
}

async fn check_until_stopped<B: Backend>(work: Arc<Work<B>>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut notice = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            _ = ticks.tick() => work.safety.check(work.backend.as_ref(), &work.keys).await,
            _ = notice.tick() => {}
        }
        if work.stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn sum(shared: &[Shared]) -> WorkerStats {
    let mut all = WorkerStats::default();
    shared.iter().for_each(|one| all.add(&stats_of(one)));
    all
}

#[cfg(test)]
mod tests;
