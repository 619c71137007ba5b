//! `operator recording`: contents of a recording.

use super::Console;
use crate::exit::{Exit, Failure};
use operator_model::Timestamp;
use operator_recording::{Arrival, Component, Ending, Recording};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(super) enum RecordingCommand {
    /// Summarize a recording and verify all of it
    Info(InfoArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct InfoArgs {
    /// Recording file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Summary of a recording.
#[derive(Serialize)]
struct Info {
    file: String,
    bytes: u64,
    format: u32,
    operator: String,
    subject: Component,
    modules: Vec<Component>,
    /// Digests of components whose bytes are in the file.
    embedded: Vec<String>,
    knowledge: String,
    config: String,
    targets: BTreeMap<String, String>,
    ticks: u64,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    tables: Vec<String>,
    series: usize,
    exchanges: u64,
    log_lines: u64,
    arrivals: u64,
    records: u64,
    /// Whether the recording was closed properly.
    whole: bool,
    ending: String,
}

pub(super) fn run(command: RecordingCommand, console: &Console) -> Result<Exit, Failure> {
    let RecordingCommand::Info(args) = command;
    let info = read(&args.file)?;
    if console.json {
        console.value(&info)?;
    } else {
        console.line(&human(&info))?;
    }
    Ok(Exit::Success)
}

fn read(file: &Path) -> Result<Info, Failure> {
    let mut recording = Recording::open(file)?;
    let begin = recording.begin().clone();
    let mut components: Vec<Component> = std::iter::once(&begin.subject)
        .chain(&begin.modules)
        .cloned()
        .collect();
    let mut info = Info {
        file: file.display().to_string(),
        bytes: std::fs::metadata(file)
            .map(|metadata| metadata.len())
            .unwrap_or_default(),
        format: begin.format,
        operator: begin.operator,
        subject: begin.subject,
        modules: begin.modules,
        embedded: Vec::new(),
        knowledge: begin.started.1.knowledge,
        config: begin.started.1.config,
        targets: begin.targets,
        ticks: 0,
        first_at: None,
        last_at: None,
        tables: Vec::new(),
        series: 0,
        exchanges: 0,
        log_lines: 0,
        arrivals: 0,
        records: 0,
        whole: false,
        ending: String::new(),
    };
    while let Some(tick) = recording.next_tick()? {
        info.ticks += 1;
        info.first_at.get_or_insert(tick.snapshot.taken_at);
        info.last_at = Some(tick.snapshot.taken_at);
        info.tables = tick.snapshot.tables.keys().cloned().collect();
        info.series = tick.snapshot.series.series_count();
        info.exchanges += tick.seen.exchanges.len() as u64;
        let lines =
            |read: &operator_recording::LogRead| read.lines.as_ref().map_or(0, Vec::len) as u64;
        info.log_lines += tick.seen.logs.iter().map(lines).sum::<u64>();
        info.arrivals += tick.arrivals.len() as u64;
        info.records += tick.journal.len() as u64;
        let modules = tick
            .arrivals
            .into_iter()
            .filter_map(|arrival| match arrival {
                Arrival::Module(component) => Some(component),
                _ => None,
            });
        components.extend(modules);
    }
    let has = |component: &Component| recording.component(&component.digest).is_some();
    info.embedded = components
        .iter()
        .filter(|component| has(component))
        .map(|found| found.digest.clone())
        .collect();
    info.embedded.sort();
    info.embedded.dedup();
    (info.whole, info.ending) = match recording.ending() {
        Some(Ending::Ended { reason, .. }) => (true, reason.clone()),
        Some(Ending::Cut(place)) => (false, format!("truncated at {place}")),
        None => (false, "not read to its end".to_owned()),
    };
    Ok(info)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes for people have three digits"
)]
fn human(info: &Info) -> String {
    let span = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
    let mut text = format!(
        "{}\n  size       {}, format {}, operator {}\n  ticks      {}, {} to {}\n  subject    {} {} {}\n",
        info.file,
        crate::console::render::bytes(info.bytes as f64),
        info.format,
        info.operator,
        info.ticks,
        span(info.first_at),
        span(info.last_at),
        info.subject.name,
        info.subject.version,
        short(&info.subject.digest),
    );
    for module in &info.modules {
        let _ = writeln!(
            text,
            "  plugin     {} {} {}",
            module.name,
            module.version,
            short(&module.digest)
        );
    }
    let _ = writeln!(text, "  embedded   {} components", info.embedded.len());
    let _ = writeln!(
        text,
        "  observed   {} HTTP exchanges, {} log lines, {} series",
        info.exchanges, info.log_lines, info.series
    );
    let _ = writeln!(text, "  tables     {}", info.tables.join(", "));
    let _ = writeln!(
        text,
        "  log        {} records, {} plugin changes",
        info.records, info.arrivals
    );
    let _ = write!(text, "  ending     {}", info.ending);
    text
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
