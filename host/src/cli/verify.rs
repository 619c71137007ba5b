//! `operator verify`: was this installation put together rightly?
//!
//! What is right is said by the modules beside the subject, in the directory `deployment`; this command looks a few
//! times, so that rates exist, and prints their answers as a checklist.

mod report;

use super::subject::{Real, SubjectArgs, progress_on_stderr};
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

/// Between two looks: the counters of most systems move within a second, and a busy one is not hurt.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Looks at the least: rates need two samples, and a process that just answered late gets a second chance.
const LOOKS_MIN: u64 = 3;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Look again until everything is right, at most this long, for example 5m: for a system that is just starting
    #[arg(long, env = "OPERATOR_WAIT", value_name = "DURATION", value_parser = duration::parse)]
    wait: Option<Duration>,
}

pub(super) async fn run(args: VerifyArgs, console: &Console) -> Result<Exit, Failure> {
    let real = Real::new(
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
        look_until_right(&mut observer, &checks, real.ports.clock.as_ref(), wait).await?;
    let checklist = Checklist::new(&snapshot, verdicts);
    if console.json {
        console.value(&checklist)?;
    } else {
        console.line(&checklist.human(console.style.color))?;
    }
    Ok(exit_of(&checklist))
}

/// The last look: the first of enough looks at which everything was right, or the one at which the time was over.
async fn look_until_right(
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
        let verdicts = judge(checks, &snapshot).await?;
        let is_right = verdicts
            .iter()
            .all(|verdict| verdict.status == Status::Pass);
        if tick >= LOOKS_MIN && (is_right || clock.now() >= end) {
            return Ok((snapshot, verdicts));
        }
        clock.sleep(BETWEEN_LOOKS).await;
        tick += 1;
    }
}

async fn judge(checks: &Arc<CheckSet>, snapshot: &Arc<Snapshot>) -> Result<Vec<Verdict>, Failure> {
    let (checks, snapshot) = (Arc::clone(checks), Arc::clone(snapshot));
    tokio::task::spawn_blocking(move || run_all(&checks, &snapshot))
        .await
        .map_err(|error| Failure::new(Exit::Internal, format!("the checks ended early: {error}")))
}

/// As `check`: what could not be told is never well.
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
