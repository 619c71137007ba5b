//! `operator verify`: is the target cluster deployed correctly?
//!
//! Evaluates the check plugins in the directory `deployment` next to the subject plugin. It observes a few times,
//! because rates need two samples, and prints the verdicts as a checklist.

mod report;

use super::subject::{LiveSystem, SubjectArgs, progress_on_stderr};
use super::{Console, duration};
use crate::exit::{Exit, Failure};
use operator_check::{CheckSet, run_all};
use operator_data::Snapshot;
use operator_engine::tick::{Assembly, Observer};
use operator_model::{Status, Tick, Verdict};
use operator_net::ports::Clock;
use report::Checklist;
use std::sync::Arc;
use std::time::Duration;

/// Time between observations: most counters move within a second, and a busy system is not burdened.
const OBSERVATION_INTERVAL: Duration = Duration::from_secs(2);

/// Minimum observations: rates need two samples, and a slow response gets a second chance.
const OBSERVATIONS_MIN: u64 = 3;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Retry until every check passes, at most this long, for example 5m; for a cluster that is still starting
    #[arg(long, env = "OPERATOR_WAIT", value_name = "DURATION", value_parser = duration::positive)]
    wait: Option<Duration>,
}

pub(super) async fn run(args: VerifyArgs, console: &Console) -> Result<Exit, Failure> {
    let real = LiveSystem::new(
        args.subject.settings_for_verification()?,
        &args.subject.cache,
    )?;
    let Assembly {
        mut observer,
        checks,
        ..
    } = real.assemble(&mut progress_on_stderr(console)).await?;
    observer.prime().await;
    let wait = args.wait.unwrap_or_default();
    let (snapshot, verdicts) =
        observe_until_right(&mut observer, &checks, real.ports.clock.as_ref(), wait).await?;
    let checklist = Checklist::new(&snapshot, verdicts);
    if console.json {
        console.value(&checklist)?;
    } else {
        console.line(&checklist.human(console.style.color))?;
    }
    Ok(exit_of(&checklist))
}

/// The first observation after the minimum at which every check passes, or the last before the deadline.
async fn observe_until_right(
    observer: &mut Observer,
    checks: &Arc<CheckSet>,
    clock: &dyn Clock,
    wait: Duration,
) -> Result<(Arc<Snapshot>, Vec<Verdict>), Failure> {
    let end = clock
        .now()
        .plus_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let mut tick = 1;
    loop {
        let snapshot = observer.observe(Tick(tick)).await;
        let verdicts = evaluate(checks, &snapshot).await?;
        let is_right = verdicts
            .iter()
            .all(|verdict| verdict.status == Status::Pass);
        if tick >= OBSERVATIONS_MIN && (is_right || clock.now() >= end) {
            return Ok((snapshot, verdicts));
        }
        clock.sleep(OBSERVATION_INTERVAL).await;
        tick += 1;
    }
}

async fn evaluate(
    checks: &Arc<CheckSet>,
    snapshot: &Arc<Snapshot>,
) -> Result<Vec<Verdict>, Failure> {
    let checks = Arc::clone(checks);
    let snapshot = Arc::clone(snapshot);
    tokio::task::spawn_blocking(move || run_all(&checks, &snapshot))
        .await
        .map_err(|error| {
            Failure::new(
                Exit::Internal,
                format!("evaluating the checks failed: {error}"),
            )
        })
}

/// As for `check`, an inconclusive result is never success.
fn exit_of(checklist: &Checklist) -> Exit {
    if checklist.count(Status::Fail) > 0 {
        Exit::Findings
    } else if checklist.count(Status::Inconclusive) > 0 || checklist.is_empty() {
        Exit::Inconclusive
    } else {
        Exit::Success
    }
}

#[cfg(test)]
mod tests;
