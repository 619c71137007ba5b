//! `operator replay`: re-runs recorded ticks.

use super::subject::CacheArgs;
use super::{Console, series};
use crate::console::render::escape;
use crate::exit::{Exit, Failure};
use operator_engine::replay;
use operator_engine::replay::{Against, Flip, ReplayError, Replayed};
use operator_model::Status;
use operator_plugin_host::{Engine, LoadError, PluginLimits, read_component};
use operator_recording::Recording;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Longest text of a plugin in one line, in characters.
const TEXT_CHARS_MAX: usize = 160;

/// Verdict changes in the text output; `--json` lists all.
const FLIPS_SHOWN: usize = 40;

/// What to re-run.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// Recording file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the recorded plugin of the same name by this component and show changed verdicts; a subject
    /// re-observes the recorded responses
    #[arg(long, value_name = "WASM", conflicts_with_all = ["check", "series"])]
    against: Option<PathBuf>,
    /// Also evaluate this check plugin, which was not part of the recording
    #[arg(long, value_name = "WASM", conflicts_with = "series")]
    check: Option<PathBuf>,
    /// Show recorded series matching a selector, for example `up{node="4"}`
    #[arg(long, value_name = "SELECTOR")]
    series: Option<String>,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) async fn run(args: ReplayArgs, console: &Console) -> Result<Exit, Failure> {
    let recording = Recording::open(&args.file)?;
    if let Some(selector) = &args.series {
        return series::show(recording, selector, console);
    }
    let engine = args
        .cache
        .engine(&replay::limits(recording.begin()).map_err(failed)?)?;
    match args.against.as_ref().or(args.check.as_ref()) {
        Some(component) => against(&engine, recording, component, console).await,
        None => again(&engine, recording, console).await,
    }
}

async fn again(engine: &Engine, recording: Recording, console: &Console) -> Result<Exit, Failure> {
    let began = recording.begin();
    let shown = format!("{} ({})", recording.path().display(), began.started.0);
    let directory = std::env::temp_dir().join(format!("operator-replay-{}", std::process::id()));
    let replayed = replay::again(engine, recording, &directory).await;
    // The replayed log was only needed for the comparison.
    let _ = std::fs::remove_dir_all(&directory);
    let replayed = replayed.map_err(failed)?;
    if console.json {
        console.value(&replayed)?;
    } else {
        console.line(&human(&shown, &replayed))?;
    }
    Ok(if replayed.identical {
        Exit::Success
    } else {
        Exit::Findings
    })
}

async fn against(
    engine: &Engine,
    recording: Recording,
    file: &Path,
    console: &Console,
) -> Result<Exit, Failure> {
    let unusable = |error: LoadError| Failure::new(Exit::Config, error.to_string());
    let bytes = read_component(file, &PluginLimits::default()).map_err(unusable)?;
    let name = file.display().to_string();
    let against = replay::against(engine, recording, &name, bytes)
        .await
        .map_err(failed)?;
    if console.json {
        console.value(&against)?;
    } else {
        console.line(&differences(&against))?;
    }
    Ok(
        if against.instead_of.is_some() && against.ticks_different > 0 {
            Exit::Findings
        } else {
            Exit::Success
        },
    )
}

fn failed(error: ReplayError) -> Failure {
    match error {
        ReplayError::Recording(error) => error.into(),
        ReplayError::TicketLog(error) => error.into(),
        other => Failure::new(Exit::Config, other.to_string()),
    }
}

fn human(shown: &str, replayed: &Replayed) -> String {
    let Replayed {
        ticks,
        verdicts,
        records,
        fuel,
        ending,
        digest,
        ..
    } = replayed;
    let mut text = match &replayed.difference {
        None => format!("{shown}: identical\n"),
        Some(difference) => format!(
            "{shown}: differs from tick {} on, in the {}\n  recorded  {}\n  replayed  {}\n",
            difference.tick.0,
            difference.what,
            escape(&difference.recorded, 2 * TEXT_CHARS_MAX),
            escape(&difference.replayed, 2 * TEXT_CHARS_MAX)
        ),
    };
    let _ = write!(
        text,
        "  {ticks} ticks, {verdicts} verdicts, {records} records of the decision log, {fuel} fuel\n  ending: {}\n  sha256 of all results: {digest}",
        escape(ending, TEXT_CHARS_MAX)
    );
    text
}

fn differences(against: &Against) -> String {
    let mut text = match &against.instead_of {
        Some(source) => format!("{} instead of {source}", against.plugin),
        None => format!("{}, not part of the recording", against.plugin),
    };
    let _ = write!(
        text,
        "\n  {} ticks, {} verdicts, {} ticks differ",
        against.ticks, against.verdicts, against.ticks_different
    );
    if against.unanswered > 0 {
        let _ = write!(
            text,
            "\n  {} requests have no response in the recording",
            against.unanswered
        );
    }
    for flip in against.flips.iter().take(FLIPS_SHOWN) {
        let _ = write!(text, "\n  {}", line(flip));
    }
    let left = (against.flips.len().saturating_sub(FLIPS_SHOWN) as u64)
        .saturating_add(against.flips_left_out);
    if left > 0 {
        let _ = write!(text, "\n  and {left} more; use --json for all");
    }
    text
}

fn line(flip: &Flip) -> String {
    let word = |status: Option<Status>| match status {
        None => "-",
        Some(Status::Pass) => "pass",
        Some(Status::Fail) => "fail",
        Some(Status::Inconclusive) => "inconclusive",
    };
    let was = word(flip.recorded);
    let is = word(flip.replayed);
    let what = if was == is {
        "unchanged".to_owned()
    } else {
        format!("{was} → {is}")
    };
    format!(
        "tick {:>6}  {}  {}: {what}: {}",
        flip.tick.0,
        flip.at,
        flip.invariant,
        escape(&flip.reason, TEXT_CHARS_MAX)
    )
}
