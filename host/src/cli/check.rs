//! `operator check`: one observation, all verdicts.

mod report;

use super::Console;
use super::subject::{LiveSystem, SubjectArgs, progress_on_stderr};
use crate::console::render::escape;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_check::run_all;
use operator_data::Snapshot;
use operator_engine::settings::Settings;
use operator_model::{GapSource, Severity, Status, Tick, Verdict};
use report::CheckReport;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Time between the two observations: rates need two samples, and most counters move within a second.
const OBSERVATION_INTERVAL: Duration = Duration::from_secs(2);

/// Longest text of the observed system in one line, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Longest message about a skipped check plugin, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// What to check.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    subject: SubjectArgs,
}

pub(super) async fn run(args: CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let mut settings = args.subject.settings(None, None)?;
    settings.leave_out_unusable_modules = true;
    let real = LiveSystem::new(settings, &args.subject.cache)?;
    let mut assembly = real.assemble(&mut progress_on_stderr(console)).await?;
    for error in &assembly.unusable {
        super::console::complain(&format!(
            "skipped: {}",
            escape(&error.to_string(), MESSAGE_CHARS_MAX)
        ));
    }
    assembly.observer.prime().await;
    let first = assembly.observer.observe(Tick(1)).await;
    // The first verdicts are discarded: checks that compare two ticks have no previous tick yet.
    let _ = evaluate(&assembly.checks, &first).await?;
    real.ports.clock.sleep(OBSERVATION_INTERVAL).await;
    let snapshot = assembly.observer.observe(Tick(2)).await;
    let verdicts = evaluate(&assembly.checks, &snapshot).await?;
    let exit = exit_of(&verdicts, assembly.unusable.len());
    let report = CheckReport::new(&snapshot, verdicts);
    if console.json {
        console.value(&report)?;
    } else {
        console.line(&human(&report, console))?;
    }
    if report
        .verdicts
        .iter()
        .all(|verdict| verdict.status == Status::Inconclusive)
    {
        super::console::complain(&nothing_observed(&snapshot, &real.settings));
    }
    Ok(exit)
}

async fn evaluate(
    checks: &Arc<operator_check::CheckSet>,
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

/// An inconclusive result never exits with 0: scripts would take it for success.
fn exit_of(verdicts: &[Verdict], skipped_plugins: usize) -> Exit {
    let any = |status| verdicts.iter().any(|verdict| verdict.status == status);
    if any(Status::Fail) {
        Exit::Findings
    } else if any(Status::Inconclusive) || verdicts.is_empty() || skipped_plugins > 0 {
        Exit::Inconclusive
    } else {
        Exit::Success
    }
}

/// Names the unobservable target, its address and the error.
fn nothing_observed(snapshot: &Snapshot, settings: &Settings) -> String {
    let Some(spot) = snapshot.blind.first() else {
        return "nothing could be observed: the plugin returned no tables".to_owned();
    };
    let target = match &spot.source {
        GapSource::Target(name) | GapSource::Path { target: name, .. } => {
            settings.targets.get(name)
        }
        _ => None,
    };
    let origin = target
        .map(|target| format!(" ({})", target.origin))
        .unwrap_or_default();
    let source = escape(&spot.source.to_string(), TEXT_CHARS_MAX);
    let reason = escape(&spot.reason, TEXT_CHARS_MAX);
    format!("nothing could be observed: {source}{origin}: {reason}")
}

fn human(report: &CheckReport, console: &Console) -> String {
    let mut text = format!("{}\n", verdict_table(report, console));
    violations(&mut text, report);
    for spot in &report.blind {
        let _ = writeln!(
            text,
            "not observable: {}: {}",
            escape(&spot.source.to_string(), TEXT_CHARS_MAX),
            escape(&spot.reason, TEXT_CHARS_MAX)
        );
    }
    let count = |status| {
        report
            .verdicts
            .iter()
            .filter(|verdict| verdict.status == status)
            .count()
    };
    let _ = write!(
        text,
        "\n{} passed, {} failed, {} inconclusive",
        count(Status::Pass),
        count(Status::Fail),
        count(Status::Inconclusive)
    );
    text
}

fn verdict_table(report: &CheckReport, console: &Console) -> String {
    let rows = report.verdicts.iter().map(|verdict| {
        [
            verdict.invariant.to_string(),
            colored(verdict.status, console.style.color),
            verdict.module.clone(),
            escape(&verdict.reason, TEXT_CHARS_MAX),
        ]
    });
    let header = ["CHECK", "STATUS", "PLUGIN", "REASON"];
    table::wrapped(console.style.width, header, rows)
}

/// Every violation with its evidence.
fn violations(text: &mut String, report: &CheckReport) {
    for verdict in report
        .verdicts
        .iter()
        .filter(|verdict| !verdict.violations.is_empty())
    {
        let _ = writeln!(
            text,
            "\n{} ({}): {}",
            verdict.invariant,
            severity(verdict.severity),
            escape(&verdict.claim, TEXT_CHARS_MAX)
        );
        for violation in &verdict.violations {
            let _ = writeln!(
                text,
                "  {}: {}",
                violation.entity,
                escape(&violation.summary, TEXT_CHARS_MAX)
            );
            for evidence in report
                .evidence
                .iter()
                .filter(|evidence| violation.evidence.contains(&evidence.id))
            {
                let _ = writeln!(text, "    {}", evidence.line());
            }
        }
    }
}

fn colored(status: Status, color: bool) -> String {
    let (word, code) = match status {
        Status::Pass => ("pass", "32"),
        Status::Fail => ("fail", "1;31"),
        Status::Inconclusive => ("inconclusive", "33"),
    };
    if color {
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    } else {
        word.to_owned()
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
