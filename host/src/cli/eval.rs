//! `operator eval`: how good the diagnosis is, on recordings of real systems and on simulated faults.

mod simulated;

use super::Console;
use super::console::{complain, note};
use super::demo::plugins;
use super::subject::CacheArgs;
use crate::console::table;
use crate::eval::{Watched, watch};
use crate::exit::{Exit, Failure};
use operator_capture::Capture;
use operator_model::{Ticket, TicketState, Timestamp};
use operator_plugin_host::{Engine, PluginLimits};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

/// What to evaluate.
#[derive(Debug, clap::Subcommand)]
pub(super) enum EvalCommand {
    /// Watch recordings of real clusters in virtual time and list the tickets that they get
    Recorded(RecordedArgs),
    /// Play faults on simulated clusters, each with seeds and a healthy twin, and score the tickets
    Simulated(simulated::SimulatedArgs),
    /// Merge the results of shards
    Merge(simulated::MergeArgs),
    /// Compare two results, run by run (exit code 1: a figure is worse than its tolerance)
    Compare(simulated::CompareArgs),
    /// Write a report of a results file
    Report(simulated::ReportArgs),
}

/// Recordings and outputs.
#[derive(Debug, clap::Args)]
pub(super) struct RecordedArgs {
    /// Recordings (.jsonl.gz), or directories that are searched for them
    #[arg(value_name = "FILE|DIR", required = true)]
    recordings: Vec<PathBuf>,
    /// Keep tickets and decision logs in a directory for each recording
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Plugin directory [default: `plugins` next to the program or one level up]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Recordings that are watched at the same time [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    cache: CacheArgs,
}

pub(super) fn run(command: &EvalCommand, console: &Console) -> Result<Exit, Failure> {
    match command {
        EvalCommand::Recorded(args) => recorded(args, console),
        EvalCommand::Simulated(args) => simulated::run(args, console),
        EvalCommand::Merge(args) => simulated::merge(args, console),
        EvalCommand::Compare(args) => simulated::compare_files(args, console),
        EvalCommand::Report(args) => simulated::write_report(args, console),
    }
}

fn recorded(args: &RecordedArgs, console: &Console) -> Result<Exit, Failure> {
    let named = named(&args.recordings)?;
    let session = Session {
        plugins: plugins(args.plugins.as_deref())?,
        engine: args.cache.engine(&PluginLimits::default())?,
        data: args.data.clone(),
    };
    let all = named.len();
    let waiting = Mutex::new(VecDeque::from_iter(named));
    let done = Mutex::new(BTreeMap::new());
    let jobs = args.jobs.map_or_else(processors, NonZero::get).min(all);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((name, path)) = next(&waiting) {
                    let report = session.report(&name, &path);
                    let mut done = done.lock();
                    if let (Ok(report), false) = (&report, console.json) {
                        // A closed output is found again when the end is printed.
                        let _ = console.line(&rows(report));
                    }
                    done.insert(name, report);
                    note(&format!("{} of {all} recordings watched", done.len()));
                }
            });
        }
    });
    print(done.into_inner(), console)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn next(waiting: &Mutex<VecDeque<(String, PathBuf)>>) -> Option<(String, PathBuf)> {
    waiting.lock().pop_front()
}

/// End of the name of a recording of a cluster.
const EXTENSION: &str = ".jsonl.gz";

/// The recordings by name. In a directory of directories a recording has the name of its own.
fn named(places: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut named = BTreeMap::new();
    for place in places {
        for path in files(place)? {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let stem = file.trim_end_matches(EXTENSION);
            let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
            let name = match stem {
                "cassette" => parent.to_string_lossy().into_owned(),
                stem => stem.to_owned(),
            };
            named.insert(name, path);
        }
    }
    if named.is_empty() {
        let message = format!("no recordings (*{EXTENSION}) in the given places");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(named)
}

fn files(place: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Exit::Io,
            format!("cannot read {}: {error}", place.display()),
        )
    };
    if !place.metadata().map_err(unreadable)?.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in place.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.to_string_lossy().ends_with(EXTENSION) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What all recordings share.
struct Session {
    plugins: PathBuf,
    engine: Engine,
    data: Option<PathBuf>,
}

impl Session {
    fn report(&self, name: &str, path: &Path) -> anyhow::Result<Report> {
        let recording = Capture::load(path)?;
        let temporary = tempfile::tempdir()?;
        let data = match &self.data {
            Some(kept) => kept.join(name),
            None => temporary.path().to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let watched = watch(recording, &self.plugins, &self.engine, &data);
        let watched = runtime.block_on(watched)?;
        Ok(Report::new(name, &watched))
    }
}

/// One recording, as it is printed.
#[derive(Debug, Serialize)]
struct Report {
    recording: String,
    length_s: f64,
    tickets: Vec<TicketReport>,
}

#[derive(Debug, Serialize)]
struct TicketReport {
    id: String,
    /// When its cause was suspected, since the beginning of the recording; absent if the ticket came at once.
    suspected_after_s: Option<f64>,
    /// When it was opened.
    opened_after_s: f64,
    /// The same; absent while it is open.
    resolved_after_s: Option<f64>,
    title: String,
    failure_mode: String,
    component: Option<String>,
    probability: f64,
    abstained: bool,
    action: String,
    explanation_score: u8,
}

impl Report {
    fn new(name: &str, watched: &Watched) -> Self {
        Self {
            recording: name.to_owned(),
            length_s: seconds(watched.begins_at, watched.ends_at),
            tickets: watched
                .tickets
                .iter()
                .map(|ticket| TicketReport::new(ticket, watched))
                .collect(),
        }
    }
}

impl TicketReport {
    fn new(ticket: &Ticket, watched: &Watched) -> Self {
        let leader = ticket.hypotheses.first();
        let mut suspected = watched.suspected.iter();
        let suspected_at = suspected.find(|(key, _)| *key == ticket.key);
        let resolved = watched.resolved.iter().rev();
        let resolved_at = resolved
            .filter(|_| ticket.state == TicketState::Resolved)
            .find(|(id, _)| *id == ticket.id);
        Self {
            id: ticket.id.clone(),
            suspected_after_s: suspected_at.map(|(_, at)| seconds(watched.begins_at, *at)),
            opened_after_s: seconds(watched.begins_at, ticket.opened_at),
            resolved_after_s: resolved_at.map(|(_, at)| seconds(watched.begins_at, *at)),
            title: ticket.title.clone(),
            failure_mode: leader.map_or_else(String::new, |one| one.card.to_string()),
            component: leader.and_then(|one| Some(one.component.as_ref()?.to_string())),
            probability: leader.map_or(0.0, |one| one.probability),
            abstained: ticket.abstained,
            action: ticket.decision.option.clone(),
            explanation_score: ticket.explanation_score,
        }
    }
}

/// Tenths of a second from one time to another.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    let tenths = to.since_ms(from) / 100;
    u32::try_from(tenths).map_or(f64::INFINITY, f64::from) / 10.0
}

fn print(
    reports: BTreeMap<String, anyhow::Result<Report>>,
    console: &Console,
) -> Result<Exit, Failure> {
    let mut failed = 0_usize;
    for (name, report) in reports {
        match report {
            Ok(report) if console.json => console.value(&report)?,
            Ok(_) => {}
            Err(error) => {
                failed += 1;
                complain(&format!("{name}: {error:#}"));
            }
        }
    }
    match failed {
        0 => Ok(Exit::Success),
        _ => Err(Failure::new(
            Exit::Io,
            format!("{failed} recordings could not be watched"),
        )),
    }
}

fn rows(report: &Report) -> String {
    let Report {
        recording,
        length_s,
        tickets,
    } = report;
    let header = format!("{recording} ({length_s} s): {} tickets", tickets.len());
    let rows = tickets.iter().map(|ticket| {
        let resolved = ticket.resolved_after_s;
        [
            ticket.id.clone(),
            ticket
                .suspected_after_s
                .map_or_else(String::new, |after| format!("suspected {after} s")),
            format!("opened {} s", ticket.opened_after_s),
            resolved.map_or_else(|| "open".to_owned(), |after| format!("resolved {after} s")),
            format!("{:.1} %", 100.0 * ticket.probability),
            ticket.action.clone(),
            ticket.title.clone(),
        ]
    });
    match tickets.len() {
        0 => header,
        _ => format!("{header}\n{}", table::aligned(2, rows)),
    }
}
