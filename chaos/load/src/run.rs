//! A run from the first contact to the report.

use crate::backend::{Backend, Failure};
use crate::chance::{Chance, Skew};
use crate::keys::KeySpace;
use crate::mix::Operation;
use crate::options::{BackendKind, Mode, Options};
use crate::progress::Progress;
use crate::report::Report;
use crate::safety::Safety;
use crate::worker::{self, Pace, Seen, Shared, Work, seen};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Between two looks of the progress bar.
const SHOW_EVERY: Duration = Duration::from_millis(500);

/// Runs as the options say.
///
/// # Errors
/// The cluster does not answer the first question, or nothing is left to do.
pub(crate) async fn run<B: Backend>(backend: Arc<B>, options: &Options) -> Result<Report, String> {
    let work = Arc::new(prepare(backend, options).await?);
    let progress = Progress::new(options);
    let shared: Vec<Shared> = (0..options.workers).map(|_| Shared::default()).collect();
    let mut workers = JoinSet::new();
    for (number, shared) in (0..options.workers).zip(&shared) {
        let chance = Chance::new(options.seed, u64::from(number) + 1);
        workers.spawn(worker::work(Arc::clone(&work), number, chance, Arc::clone(shared)));
    }
    let began = Instant::now();
    let checker = tokio::spawn(check_until_stopped(Arc::clone(&work), options.check_every));
    watch(&mut workers, &work, &shared, &progress, began + options.duration).await;
    work.stop.store(true, Ordering::Relaxed);
    // Each operation has a deadline, so this ends.
    while workers.join_next().await.is_some() {}
    let took = began.elapsed();
    let _ = checker.await;
    work.safety.check(work.backend.as_ref(), &work.keys).await;
    progress.finish();
    let all = sum(&shared);
    let work = Arc::into_inner(work).ok_or_else(|| "a worker did not end".to_owned())?;
    Ok(Report::new(options, &all, took, work.safety.into_report()))
}

async fn prepare<B: Backend>(backend: Arc<B>, options: &Options) -> Result<Work<B>, String> {
    let users = Skew::new(options.users, options.zipf, options.hot_keys, options.hot_share);
    let keys = KeySpace::new(&options.prefix(), users, usize::try_from(options.value_bytes).unwrap_or(usize::MAX));
    // Only transactions can keep a sum.
    let banks = options.mode == Mode::Txn;
    let mix = if banks { Some(options.mix.clone()) } else { options.mix.without(Operation::Transfer) };
    let mix = mix.ok_or_else(|| "--mix has nothing but transfers, which need --mode txn".to_owned())?;
    let accounts = banks.then_some(options.accounts);
    let preparing = Safety::prepare(backend.as_ref(), &keys, accounts, options.workers);
    let first = async {
        let _ = backend.get(keys.account(0)).await?;
        preparing.await
    };
    let safety = match tokio::time::timeout(options.connect_timeout, first).await {
        Ok(Ok(safety)) => safety,
        Ok(Err(failure)) => return Err(unreachable(options, &failure)),
        Err(_) => return Err(unreachable(options, &Failure::Timeout)),
    };
    Ok(Work {
        backend,
        keys,
        mix,
        safety,
        scan_limit: options.scan_limit,
        timeout: options.timeout,
        pace: Pace::new(Instant::now(), options.rate, options.operations),
        stop: AtomicBool::new(false),
    })
}

fn unreachable(options: &Options, failure: &Failure) -> String {
    let place = match options.backend {
        BackendKind::Tikv => format!("the cluster of PD {}", options.pd.join(", ")),
        BackendKind::Memory => "the memory".to_owned(),
    };
    format!("{place} does not serve: {}", failure.text())
}

/// Until the time is over, the work is done, or a person stops it.
async fn watch<B: Backend>(
    workers: &mut JoinSet<()>,
    work: &Work<B>,
    shared: &[Shared],
    progress: &Progress,
    end: Instant,
) {
    let mut ticks = tokio::time::interval(SHOW_EVERY);
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(end) => return,
            _ = &mut interrupted => return,
            ended = workers.join_next() => if ended.is_none() { return },
            _ = ticks.tick() => progress.show(&sum(shared), work.safety.violations()),
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

fn sum(shared: &[Shared]) -> Seen {
    let mut all = Seen::default();
    shared.iter().for_each(|one| all.add(&seen(one)));
    all
}

#[cfg(test)]
mod tests;
