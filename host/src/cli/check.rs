//! `operator check`: one observation, all verdicts.

mod report;

use super::Console;
use super::subject::{Real, SubjectArgs, progress_on_stderr};
use crate::console::render::escape;
use crate::exit::{Exit, Failure};
use comfy_table::{ContentArrangement, Table, presets};
use operator_check::run_all;
use operator_data::Snapshot;
use operator_engine::settings::Settings;
use operator_model::{GapSource, Severity, Status, Tick, Verdict};
use report::CheckReport;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Between the two looks: rates need two samples, and the counters of most systems move within a second.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Longest text of the observed system in one line, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Longest message about a module that is left out, in characters.
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
    let real = Real::new(settings, &args.subject.cache)?;
    let mut assembly = real.assemble(&mut progress_on_stderr(console)).await?;
    for error in &assembly.unusable {
        super::console::complain(&format!(
            "left out: {}",
            escape(&error.to_string(), MESSAGE_CHARS_MAX)
        ));
    }
    assembly.observer.prime().await;
    let first = assembly.observer.look(Tick(1)).await;
    // The first verdicts are thrown away; checks that compare two ticks remember what they need.
    let _ = judge(&assembly.checks, &first).await?;
    real.ports.clock.sleep(BETWEEN_LOOKS).await;
    let snapshot = assembly.observer.look(Tick(2)).await;
    let verdicts = judge(&assembly.checks, &snapshot).await?;
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
        super::console::complain(&nothing_seen(&snapshot, &real.settings));
    }
    Ok(exit)
}

async fn judge(
    checks: &Arc<operator_check::CheckSet>,
    snapshot: &Arc<Snapshot>,
) -> Result<Vec<Verdict>, Failure> {
    let (checks, snapshot) = (Arc::clone(checks), Arc::clone(snapshot));
    tokio::task::spawn_blocking(move || run_all(&checks, &snapshot))
        .await
        .map_err(|error| Failure::new(Exit::Internal, format!("the checks ended early: {error}")))
}

/// Could not tell is never zero.
fn exit_of(verdicts: &[Verdict], modules_left_out: usize) -> Exit {
    let any = |status| verdicts.iter().any(|verdict| verdict.status == status);
    if any(Status::Fail) {
        Exit::Findings
    } else if any(Status::Inconclusive) || verdicts.is_empty() || modules_left_out > 0 {
        Exit::Inconclusive
    } else {
        Exit::Success
    }
}

/// One message: which target, where it is, and what it answered.
fn nothing_seen(snapshot: &Snapshot, settings: &Settings) -> String {
    let Some(spot) = snapshot.blind.first() else {
        return "nothing could be observed: the plugin gave no tables".to_owned();
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
    let (source, reason) = (
        escape(&spot.source.to_string(), TEXT_CHARS_MAX),
        escape(&spot.reason, TEXT_CHARS_MAX),
    );
    format!("nothing could be observed: {source}{origin}: {reason}")
}

fn human(report: &CheckReport, console: &Console) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(console.style.width).unwrap_or(u16::MAX));
    table.set_header(["check", "status", "module", "why"]);
    for verdict in &report.verdicts {
        let status = painted(verdict.status, console.style.color);
        table.add_row([
            verdict.invariant.as_str(),
            &status,
            &verdict.module,
            &escape(&verdict.reason, TEXT_CHARS_MAX),
        ]);
    }
    let mut text = format!("{table}\n");
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
    for spot in &report.blind {
        let _ = writeln!(
            text,
            "not seen: {}: {}",
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
        "\n{} hold, {} fail, {} could not tell",
        count(Status::Pass),
        count(Status::Fail),
        count(Status::Inconclusive)
    );
    text
}

fn painted(status: Status, color: bool) -> String {
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
